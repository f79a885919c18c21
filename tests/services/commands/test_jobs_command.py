"""``heft jobs``: without a window it reads and changes what is kept on disk; with one it asks the window."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.hub_server import BytesContent, HubServer, Repo

from desktop.core.errors import HeftError, NotFoundError
from desktop.core.progress import Progress
from desktop.services import jobs_channel
from desktop.services.inspect.whole_check import CheckOrder
from desktop.services.job_kinds import Job, Run
from desktop.services.job_work import WorkKind, perform
from desktop.services.jobs import JobService
from desktop.services.models.downloads_records import Order, OrderStore
from desktop.store.paths import Paths

FILE = "m-Q4_K_M.gguf"
FIRST = Order(repo="owner/model", name="owner/model Q4_K_M", paths=(FILE,), total_bytes=100, done_bytes=25)
SECOND = Order(repo="owner/model", name="owner/model Q8_0", paths=("m-Q8_0.gguf",), paused=True)


@pytest.fixture
def store(paths: Paths) -> OrderStore:
    made = OrderStore(paths.data / "downloads")
    made.save(FIRST)
    made.save(SECOND)
    return made


def heft(heft_home: Path, *arguments: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, document and stderr of a command with --json."""
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"],
        env={**os.environ, "XDG_RUNTIME_DIR": str(heft_home), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


def test_what_is_kept_is_listed_as_the_contract_has_it(store: OrderStore, heft_home: Path) -> None:
    code, told, _ = heft(heft_home, "jobs")
    assert code == 0
    by_id = {job["id"]: job for job in told["jobs"]}
    assert {"id", "kind", "state", "fraction", "speed", "seconds_left", "error"} <= by_id[FIRST.id].keys()
    first, second = by_id[FIRST.id], by_id[SECOND.id]
    assert (first["kind"], first["state"], first["fraction"], first["name"]) == ("download", "queued", 0.25, FIRST.name)
    assert (second["state"], second["fraction"], second["error"]) == ("paused", None, None)


def test_pause_resume_and_cancel_change_what_the_next_window_does(
    store: OrderStore, heft_home: Path, paths: Paths
) -> None:
    assert heft(heft_home, "jobs", "pause", FIRST.id[:6])[0] == 0
    assert heft(heft_home, "jobs", "resume", SECOND.id)[0] == 0
    kept = {order.id: order.paused for order in store.load()}
    assert kept == {FIRST.id: True, SECOND.id: False}
    code, told, _ = heft(heft_home, "jobs", "cancel", SECOND.id)
    assert code == 0 and [job["id"] for job in told["jobs"]] == [FIRST.id]
    assert [order.id for order in store.load()] == [FIRST.id]


def test_wrong_use_is_told(store: OrderStore, heft_home: Path) -> None:
    code, told, _ = heft(heft_home, "jobs", "pause", "nothing")
    assert code == 1 and told["error"]["kind"] == "not-found"
    code, told, _ = heft(heft_home, "jobs", "pause")
    assert code == 2 and "heft jobs" in told["error"]["hint"]


def test_what_another_command_works_on_is_running_and_left_alone(store: OrderStore, heft_home: Path) -> None:
    with FileLock(store.lock_file(FIRST.id)):
        _, told, _ = heft(heft_home, "jobs")
        assert {job["id"]: job["state"] for job in told["jobs"]}[FIRST.id] == "running"
        code, told, _ = heft(heft_home, "jobs", "cancel", FIRST.id)
        assert code == 1 and told["error"]["kind"] == "busy" and "Ctrl+C" in told["error"]["hint"]
    assert len(store.load()) == 2


def test_a_cancel_removes_what_has_come(heft_home: Path, paths: Paths, hub: HubServer, tmp_path: Path) -> None:
    content = BytesContent(random.Random(1).randbytes(1_000_000))
    hub.add(Repo("owner/model", {FILE: content}))
    part = tmp_path / "cache" / "models--owner--model" / "blobs" / f"{content.sha256}.heft.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(content.read(0, 1000))
    store = OrderStore(paths.data / "downloads")
    store.save(Order(repo="owner/model", name="x", paths=(FILE,), etags={FILE: content.sha256}, paused=True))
    (order,) = store.load()
    code, told, _ = heft(heft_home, "jobs", "cancel", order.id, HF_HUB_CACHE=str(tmp_path / "cache"))
    assert code == 0 and told["jobs"] == [] and not part.exists() and hub.exchanges == []


def test_the_window_s_answer(tmp_path: Path) -> None:
    jobs = JobService()
    seen: list[dict[str, Any]] = []

    def work(_work: object, run: Run) -> None:
        run.report(Progress(3, 4, "bytes", speed=2.0, seconds_left=0.5))
        seen.append(jobs_channel.answer(jobs, jobs_channel.request()))

    perform(jobs, WorkKind("check", CheckOrder, work, tmp_path), "Check of m.gguf", CheckOrder("m.gguf"))
    (job,) = seen[0]["jobs"]
    assert (job["kind"], job["state"], job["fraction"], job["speed"], job["seconds_left"], job["error"]) == (
        "check", "running", 0.75, 2.0, 0.5, None,
    )  # fmt: skip
    told = jobs_channel.answer(jobs, jobs_channel.request("clear", job["id"][:5]))
    assert told == {"jobs": []}
    assert jobs_channel.answer(jobs, jobs_channel.request("pause", "x"))["error"]["kind"] == "not-found"
    assert jobs_channel.answer(jobs, {"ask": "jobs", "action": "burn", "id": ""})["error"]["kind"] == "not-found"


def test_an_id_may_be_shortened_as_long_as_it_is_one() -> None:
    jobs = [Job("abc1", "download", "A"), Job("abd2", "download", "B")]
    assert jobs_channel.find(jobs, "abc").name == "A"
    with pytest.raises(NotFoundError) as several:
        jobs_channel.find(jobs, "ab")
    assert several.value.kind == "ambiguous"
    with pytest.raises(HeftError):
        jobs_channel.find(jobs, "")
