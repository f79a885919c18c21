"""``heft fit`` and ``heft variants`` beside a computer that lends its devices: each way, and the better one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import FileContent, HubServer, Repo

pytestmark = pytest.mark.engine
SECONDS = 240.0
SMALL = "org/SmolLM2-135M-GGUF"


def heft(*arguments: str, said: str = "", **environment: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments], env={**os.environ, **environment}, input=said, text=True,
        capture_output=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def told(*arguments: str, **environment: str) -> Any:
    return json.loads(heft(*arguments, "--json", **environment))


@pytest.fixture
def studio(heft_home: Path, tmp_path: Path) -> Iterator[None]:
    """A worker in a process of its own, known here as studio."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "desktop", "worker", "--listen", "127.0.0.1"], text=True,
        env={**os.environ, "HEFT_HOME": str(tmp_path / "far")}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert worker.stdout is not None
        line = next((line for line in worker.stdout if line.startswith("heft-worker://")), "")
        heft("workers", "add", "--name", "studio", said=line)
        yield
    finally:
        worker.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.communicate(timeout=20)


@pytest.fixture
def hub(starter_model: Path) -> Iterator[HubServer]:
    files = {"SmolLM2-135M-Q4_1.gguf": FileContent(starter_model)}
    with HubServer([Repo(SMALL, dict(files), {"tags": ["gguf"]})]) as server:
        yield server


def test_each_way_is_told_and_what_does_well_here_stays(studio: None, hub: HubServer) -> None:
    ways = told("fit", "starter", "--estimate")["ways"]
    assert [way["kind"] for way in ways] == ["stay", "split", "whole"] and all(way["fits"] for way in ways)
    assert [way["devices"] for way in ways] == ["here", "here,@studio", None]
    online = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    document = told("variants", SMALL, "--estimate", **online)
    assert [way["kind"] for way in document["variants"][0]["ways"]] == ["stay", "split", "whole"]
    assert document["elsewhere"] is None


def test_what_does_not_fit_here_is_led_to_the_other_computer(studio: None, hub: HubServer) -> None:
    heft("config", "ram_reserve_bytes", "1 TB")  # of this computer's Heft; the other one's knows nothing of it
    online = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    said = heft("fit", "starter", "--estimate")
    assert " is too large by " in said and "On studio as a whole: " in said
    found = told("variants", SMALL, "--estimate", **online)["elsewhere"]
    assert found["variant"] == "Q4_1" and found["offers"] == []
    assert found["words"].startswith("Q4_1 is too large by ") and "On studio as a whole: " in found["words"]


def test_without_another_computer_there_is_no_other_way(heft_home: Path) -> None:
    assert told("fit", "starter", "--estimate")["ways"] == []
