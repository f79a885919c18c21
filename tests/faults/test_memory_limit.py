"""Less memory than a model needs: refused with figures before loading, or a clean failure; the app lives."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.desk import Desk
from support.program import END_SECONDS

from desktop.engine.server import loading

pytestmark = pytest.mark.engine
FIGURE = re.compile(r"\d+(\.\d+)? [MGT]B")
CGROUP = Path("/sys/fs/cgroup/memory")  # version 1; version 2 has no folder of that name
RUN = ["run", "starter", "--prompt", "Hello", "--max-tokens", "4", "--json"]


def test_a_context_beyond_all_memory_is_refused_with_figures(desk: Desk, starter_model: Path) -> None:
    state = desk.load(starter_model, context_length=16_000_000)
    assert state.failure is not None and state.failure.kind == "out-of-memory"
    assert FIGURE.search(state.failure.message), state.failure.message
    assert desk.load(starter_model, context_length=256).phase == "ready"


@pytest.mark.parametrize("limit", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
def test_an_engine_with_too_little_fails_in_words(
    desk: Desk, small_model: Path, starter_model: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.load(small_model).phase == "ready"
    pid = desk.engine.state.pid
    assert pid is not None
    room = psutil.Process(pid).memory_info().vms + 50_000_000 if limit == resource.RLIMIT_AS else 150_000_000
    with monkeypatch.context() as narrow:
        narrow.setattr(loading, "limit_memory", lambda pid: resource.prlimit(pid, limit, (room, room)))
        state = desk.load(starter_model, context_length=8192)
    failure = state.failure or state.died
    assert failure is not None and failure.message and failure.hint, state
    assert "memory" in failure.message, failure
    desk.engine.unload()
    assert desk.load(small_model).phase == "ready"


def _limited(limit: int, size: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "desktop", *RUN],
        preexec_fn=lambda: resource.setrlimit(limit, (size, size)),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("megabytes", [120, 200, 300, 500, 700])
def test_the_whole_program_under_a_limit_ends_in_words(heft_home: Path, megabytes: int) -> None:
    done = _limited(resource.RLIMIT_AS, megabytes * 1_000_000)
    if done.returncode != 0:
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["message"]


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A cgroup of 120 MB."""
    group = CGROUP / f"heft-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("120000000")
    except OSError:
        pytest.skip("no memory cgroup of version 1 that may be written to")
    yield group
    group.rmdir()


def test_a_container_with_too_little_kills_the_engine_not_the_app(
    desk: Desk, memory_group: Path, small_model: Path, starter_model: Path
) -> None:
    assert desk.load(small_model).phase == "ready"
    (memory_group / "tasks").write_text(str(desk.engine.state.pid))
    (memory_group / "cgroup.procs").write_text(str(desk.engine.state.pid))
    state = desk.load(starter_model, context_length=8192)
    if state.phase == "ready":  # mapped weights may be dropped again: then it is slow, not dead
        desk.chat.send(desk.new_chat(max_tokens=2), "Hello")
        assert desk.answered(END_SECONDS * 5).state in ("length", "complete", "failed")
    else:
        failure = state.failure or state.died
        assert failure is not None and "memory" in failure.message
    desk.engine.unload()
    assert desk.load(small_model).phase == "ready"
