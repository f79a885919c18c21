"""Devices of another computer: lent, used for a real model through the tunnel, and gone when its cable is pulled."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.two_computers import FAR, TwoComputers, two_computers, why_not

SECONDS = 180.0
WHY_NOT = why_not()
pytestmark = [pytest.mark.engine, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]
ASKED = ("run", "starter", "--prompt", "Say yes.", "--temperature", "0", "--max-tokens", "12", "--json")


@pytest.fixture
def cable() -> Iterator[TwoComputers]:
    with two_computers() as made:
        yield made


def document_of(process: subprocess.Popen[str]) -> Any:
    """The JSON document that a command prints while it goes on."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "}\n":
        line = process.stdout.readline()
        assert line, (lines, process.stderr and process.stderr.read())
        lines.append(line)
    return json.loads("".join(lines))


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=60)


def test_a_worker_s_devices_are_used_and_its_end_is_said(cable: TwoComputers, heft_home: Path, tmp_path: Path) -> None:
    worker = cable.heft("worker", "--listen", FAR, "--json", where=cable.far, HEFT_HOME=str(tmp_path / "far"))
    joined: subprocess.Popen[str] | None = None
    try:
        lent = document_of(worker)
        assert lent["address"].startswith(f"{FAR}:") and lent["devices"]

        code = (refused := cable.heft("worker", "--join", "--json", said=lent["pairing"][:-4] + "AAAA\n")).wait(SECONDS)
        assert code == 1 and json.loads(refused.communicate()[0])["error"]["kind"] in ("key-wrong", "interrupted")

        joined = cable.heft("worker", "--join", "--json", said=lent["pairing"] + "\n")
        there = document_of(joined)
        assert [device["backend"] for device in there["devices"]] == ["RPC"]

        out, err = cable.heft(*ASKED, "--gpu-layers", "99", HEFT_RPC=there["address"]).communicate(timeout=SECONDS)
        far = json.loads(out)
        assert far["text"], err
        held = {device["engine_device"]: device["weights_bytes"] for device in far["loaded_devices"]}
        assert held["RPC0"] > 50_000_000  # the model lies there, by the engine's own log
        out, _ = cable.heft(*ASKED, "--gpu-layers", "99").communicate(timeout=SECONDS)
        assert json.loads(out)["text"] == far["text"]  # the same as without

        cable.pull_the_cable()
        out, err = cable.heft(*ASKED, HEFT_RPC=there["address"]).communicate(timeout=SECONDS)
        assert json.loads(out).get("text"), (out, err)  # it goes on here, by itself
        out, _ = joined.communicate(timeout=SECONDS)
        assert joined.returncode == 1 and json.loads(out)["error"]["kind"] == "unreachable"
    finally:
        for process in (worker, joined):
            if process is not None:
                end(process)
