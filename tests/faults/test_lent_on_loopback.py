"""Devices lent over a slow cable of this computer: predicted as they are measured, and cut in the middle of an answer.

Needs no namespaces, so that it runs wherever the engine does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.slow_cable import SlowCable, slow_cable
from support.talkers import talker

from desktop.services.worker.identity import Pairing, read_pairing

pytestmark = pytest.mark.engine
SECONDS = 240.0
DELAY = 0.15  # seconds each way: far more than this model's tokens take to compute, also on a busy computer
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"


def heft(*arguments: str, said: str = "", **environment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "desktop", *arguments], env={**os.environ, **environment}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(said)
    process.stdin.close()
    process.stdin = None
    return process


def told(process: subprocess.Popen[str], code: int = 0) -> Any:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == code, (out, err)
    return json.loads(out)


@pytest.fixture
def pairing(tmp_path: Path) -> Iterator[Pairing]:
    """Of a worker that is a process of its own."""
    worker = heft("worker", "--listen", "127.0.0.1", HEFT_HOME=str(tmp_path / "far"))
    try:
        assert worker.stdout is not None
        line = next((line for line in worker.stdout if line.startswith("heft-worker://")), "")
        assert line, worker.communicate(timeout=60)
        yield read_pairing(line)
    finally:
        worker.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.communicate(timeout=60)


@pytest.fixture
def cable(pairing: Pairing, heft_home: Path) -> Iterator[SlowCable]:
    """Between here and the worker, which is known here as studio."""
    with slow_cable(pairing.port, DELAY) as made:
        line = replace(pairing, port=made.port).text
        (one,) = told(heft("workers", "add", "--name", "studio", "--json", said=line + "\n"))["workers"]
        assert one["reachable"]
        yield made


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "m.gguf"
    talker(path, f"{WORDS} " * 12)
    return str(path)


def test_a_token_takes_the_round_trip_that_was_measured(cable: SlowCable, model: str) -> None:
    (one,) = told(heft("workers", "measure", "studio", "--json"))["workers"]
    trip = one["link"]["round_trip_seconds"]
    assert 2 * DELAY <= trip < 3 * DELAY
    ways = {way["kind"]: way for way in told(heft("workers", "weigh", model, "--json"))["ways"]}
    predicted = 1 / ways["split"]["tokens_per_second_empty"]
    assert predicted >= trip and ways["stay"]["best"]
    asked = ("run", model, "--prompt", "Count.", "--temperature", "0", "--max-tokens", "24", "--gpu-layers", "99")
    used = told(heft(*asked, "--device", "@studio", "--json"))
    assert {device["engine_device"] for device in used["loaded_devices"]} >= {"RPC0"}
    taken = 1 / used["tokens_per_second"]
    assert 0.7 * predicted < taken < 2 * predicted, (trip, predicted, taken)


def test_a_cable_that_is_cut_in_the_middle_of_an_answer(cable: SlowCable, model: str) -> None:
    asked = ("run", model, "--prompt", "Count.", "--temperature", "0", "--max-tokens", "200", "--gpu-layers", "99")
    running = heft(*asked, "--device", "@studio")
    assert running.stdout is not None
    begin = running.stdout.read(8)
    cable.cut()
    _, err = running.communicate(timeout=SECONDS)
    assert begin == "one two " and running.returncode == 1 and "device" in err.lower(), err
    assert told(heft(*asked, "--json"))["text"].startswith("one two three")  # here it goes on
