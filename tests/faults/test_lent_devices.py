"""Another computer that lends its devices and serves, over a slow cable that is pulled in the middle of an answer."""

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
from support.two_computers import FAR, TwoComputers, two_computers, why_not

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths

SECONDS = 240.0
DELAY_MS = 10
HERE = Path(__file__).parent
WHY_NOT = why_not()
pytestmark = [pytest.mark.engine, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]
ASKED = ("run", "starter", "--temperature", "0", "--gpu-layers", "99")


@pytest.fixture
def cable() -> Iterator[TwoComputers]:
    with two_computers() as made:
        yield made


@pytest.fixture
def pairing(cable: TwoComputers, tmp_path: Path) -> Iterator[str]:
    """The line that the far computer's worker prints."""
    worker = cable.heft("worker", "--listen", FAR, "--json", where=cable.far, HEFT_HOME=str(tmp_path / "far"))
    try:
        yield str(begun(worker)["pairing"])
    finally:
        end(worker)


def begun(process: subprocess.Popen[str]) -> Any:
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


def told(process: subprocess.Popen[str], code: int = 0) -> Any:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == code, (out, err)
    return json.loads(out)


def test_its_devices_are_added_measured_weighed_and_used(cable: TwoComputers, pairing: str, heft_home: Path) -> None:
    slow = cable.worsen(DELAY_MS, 0.0)
    (one,) = told(cable.heft("workers", "add", "--name", "studio", "--json", said=pairing + "\n"))["workers"]
    assert one["reachable"] and one["devices"][0]["free_bytes"] > 1_000_000_000
    assert told(cable.heft("workers", "measure", "studio", "--json"))["workers"][0]["link"]["down_bytes_per_second"] > 0
    (one,) = told(cable.heft("workers", "--json"))["workers"]
    if slow:
        assert DELAY_MS / 1000 <= one["link"]["round_trip_seconds"] < 4 * DELAY_MS / 1000

    (lent,) = [gpu for gpu in told(cable.heft("machine", "--json"))["gpus"] if gpu["worker"] == "studio"]
    assert lent["kind"] == "remote" and lent["name"].endswith(" of studio") and lent["link"] == one["link"]

    ways = {way["kind"]: way for way in told(cable.heft("workers", "weigh", "starter", "--json"))["ways"]}
    assert set(ways) == {"stay", "split", "whole"} and all(way["fits"] for way in ways.values())
    assert sum(way["best"] for way in ways.values()) == 1
    assert ways["split"]["tokens_per_second_full"] < ways["stay"]["tokens_per_second_full"]  # the way there costs

    used = told(cable.heft(*ASKED, "--prompt", "Say yes.", "--max-tokens", "32", "--device", "@studio", "--json"))
    held = {device["engine_device"]: device["weights_bytes"] for device in used["loaded_devices"]}
    assert held["RPC0"] > 50_000_000
    here = told(cable.heft(*ASKED, "--prompt", "Say yes.", "--max-tokens", "32", "--json"))
    assert [device["engine_device"] for device in here["loaded_devices"]] == [""]  # nothing leaves without being asked
    assert here["text"] == used["text"]


def test_its_server_is_used_as_a_whole(cable: TwoComputers, heft_home: Path, tmp_path: Path) -> None:
    far = {"HEFT_HOME": str(tmp_path / "far")}
    server = cable.heft("serve", "--network", "--json", where=cable.far, **far)
    try:
        address = str(begun(server)["address"])
        assert FAR in address
        key = told(cable.heft("serve", "key", "--json", where=cable.far, **far))["key"]
        given = {"HEFT_ENDPOINT_KEY_STUDIO": key}
        (row,) = told(cable.heft("endpoints", "add", address, "--name", "studio", "--json", **given))["endpoints"]
        assert row["reachable"] and row["kind"]
        asked = ("run", row["offered"][0]["identity"], "--prompt", "Say yes.", "--max-tokens", "8", "--json")
        assert told(cable.heft(*asked, **given))["text"]
    finally:
        end(server)


def test_a_cable_pulled_in_the_middle_of_an_answer_is_said_and_the_text_stays(
    cable: TwoComputers, pairing: str, heft_home: Path
) -> None:
    told(cable.heft("workers", "add", "--name", "studio", "--json", said=pairing + "\n"))
    words = "Count from one to two hundred in words."
    running = cable.heft(*ASKED, "--prompt", words, "--max-tokens", "400", "--device", "@studio")
    assert running.stdout is not None
    begin = running.stdout.read(20)
    assert begin
    cable.pull_the_cable()
    _, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 1 and "device" in err.lower(), err
    gone = told(cable.heft(*ASKED, "--prompt", words, "--device", "@studio", "--json"), 1)["error"]
    assert gone["kind"] == "device-gone" and "studio" in gone["message"] and gone["hint"]
    assert told(cable.heft(*ASKED, "--prompt", "Say yes.", "--max-tokens", "8", "--json"))["text"]  # here it goes on


def test_the_window_outlives_the_cable(
    cable: TwoComputers, pairing: str, heft_home: Path, paths: Paths, starter_model: Path
) -> None:
    cable.worsen(4 * DELAY_MS, 0.0)  # so that the answer is not over before the cable is pulled
    told(cable.heft("workers", "add", "--name", "studio", "--json", said=pairing + "\n"))
    kept = LoadSettingsStore(paths.load_settings)
    kept.set(local_ref(starter_model).identity, LoadSettings(devices="@studio", gpu_layers=99))
    around = {
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent), str(HERE.parents[1]))),
    }
    window = cable.start(cable.near, [sys.executable, "-m", "lent_window", str(starter_model)], **around)
    assert window.stdout is not None
    line = window.stdout.readline()
    assert line == "asked\n", (line, window.stderr and window.stderr.read())
    cable.pull_the_cable()
    seen = told(window)
    assert seen["held"]["RPC0"] > 50_000_000
    assert len(seen["text"]) > 20 and seen["state"] != "complete"
    assert any("studio" in words or "device" in words.lower() for words in seen["said"]), seen["said"]
    assert seen["page"] == "chat"
