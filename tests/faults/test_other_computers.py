"""A server on another computer, over a cable that is slow, loses packets, and is pulled in the middle of an answer."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.two_computers import FAR, TwoComputers, two_computers, why_not

SECONDS = 120.0
WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")

# A server whose second question is answered by half, and then not at all.
SERVER = """
import sys, threading
from support.openai_server import OpenAIServer, answer, piece
from support.scripted_server import STREAM
with OpenAIServer("org/a-model", key="the-secret-key", host="0.0.0.0") as server:
    words = [f"word{number} " for number in range(200)]
    server.answers = [answer(*words), (STREAM, piece("Half of it "), threading.Event(), piece("late"))]
    print(server.port, flush=True)
    while len(server.questions) < 2:
        server.asked.wait()
        server.asked.clear()
    print("asked", flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def cable() -> Iterator[TwoComputers]:
    with two_computers() as made:
        yield made


@pytest.fixture
def server(cable: TwoComputers) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process on the far computer, and its address."""
    process = cable.start(cable.far, [sys.executable, "-c", SERVER])
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    assert port, process.stderr and process.stderr.read()
    yield process, f"http://{FAR}:{port}"
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=60)


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def test_a_slow_and_lossy_cable_and_one_that_is_pulled(
    cable: TwoComputers, server: tuple[subprocess.Popen[str], str], heft_home: Path
) -> None:
    far, url = server
    slow = cable.worsen(delay_ms=40, loss_percent=2.0)
    key = {"HEFT_ENDPOINT_KEY_STUDIO": "the-secret-key"}
    code, out, err = said(cable.heft("endpoints", "add", url, "--name", "studio", "--json", **key))
    assert code == 0, err
    (row,) = json.loads(out)["endpoints"]
    assert row["reachable"] and row["models"] == ["org/a-model"]
    if slow:
        assert row["latency_seconds"] >= 0.08  # to connect, and for the answer

    asked = ("run", "endpoint:studio/org/a-model", "--prompt", "Hello?", "--json")
    code, out, err = said(cable.heft(*asked, **key))
    assert code == 0, err
    document = json.loads(out)
    assert document["text"].split() == [f"word{number}" for number in range(200)]  # nothing lost, nothing twice
    assert document["generated_tokens"] == 200

    running = cable.heft("run", "endpoint:studio/org/a-model", "--prompt", "Hello?", **key)
    assert far.stdout is not None and far.stdout.readline().strip() == "asked"
    assert running.stdout is not None and running.stdout.read(11) == "Half of it "
    cable.pull_the_cable()
    code, out, err = said(running)
    assert code == 1, err
    assert "studio broke while it was answering" in err and "Try again" in err

    code, out, _ = said(cable.heft("endpoints", "--json", **key))
    (row,) = json.loads(out)["endpoints"]
    assert code == 0 and not row["reachable"] and row["error"]["kind"] in ("unreachable", "timeout")
    assert row["models"] == ["org/a-model"]  # as they were last seen
