"""An installed Heft on a device of Vulkan's: listed, planned onto and run on when that is asked for, else left alone.

The device is software (lavapipe), so it is never taken by itself: llama.cpp's own variable lets it be seen, and
--device asks for it.
"""

from __future__ import annotations

import json
from typing import Any

from smoke_commands import check_answer
from smoke_desk import Desk
from smoke_installed import LAVAPIPE, Installed
from smoke_screen import SmokeError

ASKED = {"GGML_VK_VISIBLE_DEVICES": "0"}
LAYERS = 10


def check_vulkan(installed: Installed, desk: Desk) -> list[str]:
    """Without being asked for the device is not there; with it is, holds layers, and answers."""
    plain = _machine(installed, desk)
    told = [note for note in plain["notes"] if "backend" in note]
    if plain["gpus"] or told:
        raise SmokeError(f"a device that nobody asked for: {plain['gpus']}, {told}")
    check_answer(installed, desk, "starter")
    gpu = _device(installed, desk)
    there = ("--device", gpu["engine_devices"][0])
    check_answer(installed, desk, "starter", **ASKED)  # seen, and not asked for: on the processor
    words = [*installed.command, "fit", "starter", "--gpu-layers", str(LAYERS), *there, "--json"]
    plan: dict[str, Any] = json.loads(desk.run(words, "", **ASKED))
    if (plan["gpu_layers"], plan["placement"]) != (LAYERS, "partial"):
        raise SmokeError(f"the plan is not on the device: {plan}")
    answer = check_answer(installed, desk, "starter", options=there, **ASKED)
    return [f"{gpu['name']} answers {answer[:40]!r}"]


def check_own_loader(installed: Installed, desk: Desk) -> list[str]:
    """The same where the system has a driver and no Vulkan loader."""
    desk.as_root("dpkg", "--remove", "--force-depends", "libvulkan1")
    there = ("--device", _device(installed, desk)["engine_devices"][0])
    check_answer(installed, desk, "starter", options=there, **ASKED)
    desk.as_root("dpkg", "--purge", LAVAPIPE)  # what it lacks now would keep apt-get from removing anything
    return ["the bundled loader finds it, too"]


def _device(installed: Installed, desk: Desk) -> dict[str, Any]:
    machine = _machine(installed, desk, **ASKED)
    gpus = machine["gpus"]
    if len(gpus) != 1:
        raise SmokeError(f"not one Vulkan device, as asked for: {gpus}, {machine['notes']}")
    return dict(gpus[0])


def _machine(installed: Installed, desk: Desk, **variables: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.run([*installed.command, "machine", "--json"], "", **variables))
    return found
