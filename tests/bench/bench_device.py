"""A device as Heft uses it beside llama-bench of the same libraries, and memory planned against loaded there.

On Mesa's lavapipe, Vulkan in software: slow, so few tokens say enough. Both sides take turns; the rates are of writing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from llama_bench import llama_bench, written_per_second
from measure import Figure, median_ratio
from support.forge import TINY, forge, with_layers

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.engine.backends import engine_package
from desktop.engine.builder.vulkan import LIBRARY
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.engine.graphics_drivers import VISIBLE_DEVICES
from desktop.services.container import Container
from desktop.services.engine.headless import HeadlessEngine
from desktop.store.paths import Paths, default_paths
from desktop.system.cores import physical_threads

DEVICE = "Vulkan0"
PROMPT = "Once"
TOKENS = 12  # lavapipe writes one or two a second with the starter
DRIVERS = Path("/usr/share/vulkan/icd.d")
WIDE = replace(with_layers(TINY, 8), embedding=1024, feed_forward=4096, heads=16, kv_heads=4)


def heft_run(model: Path) -> float:
    """Tokens per second that ``heft run --json`` reports, all layers on the device."""
    command = [sys.executable, "-m", "desktop", "run", str(model), "--json", "--raw", "--prompt", PROMPT]
    command += ["--max-tokens", str(TOKENS), "--context", "512", "--temperature", "0.7", "--seed", "1"]
    command += ["--device", DEVICE, "--gpu-layers", "999", "--threads", str(physical_threads())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ran = json.loads(done.stdout)
    assert [device["engine_device"] for device in ran["loaded_devices"]] == ["", DEVICE], ran["loaded_devices"]
    return float(ran["tokens_per_second"])


def run_against_llama_bench(name: str, model: Path, program: Path, rounds: int) -> Figure:
    """Both sides by turns; the first round of each compiles the shaders and does not count."""
    library = engine_package() / "lib" / "further" / LIBRARY
    pairs = [
        (heft_run(model), written_per_second(program, model, DEVICE, TOKENS, physical_threads(), library))
        for _ in range(rounds + 1)
    ][1:]
    ratio = median_ratio(pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        f"tok/s of heft run ÷ llama-bench, same libraries, lavapipe, {name}",
        f"{ours:.2f} ÷ {theirs:.2f}",
        ratio,
        "at least 0.97",
        ratio >= 0.97,
    )


def _loads(models: dict[str, Path], paths: Paths) -> Iterator[tuple[str, str, int, int]]:
    """Model and placement, device, bytes planned and bytes loaded."""
    for name, path in models.items():
        for context, layers, kept in ((2048, 10, "on"), (2048, 999, "on"), (2048, 999, "off"), (512, 3, "on")):
            settings = LoadSettings(context, devices=DEVICE, gpu_layers=layers, kv_offload=kept)  # type: ignore[arg-type]
            with Container(paths) as container:
                plan = container.planning.for_load(local_ref(path), settings)
                loaded = HeadlessEngine(container.engine).load(plan)
            assert plan.fit is not None and plan.fit.method == "engine", plan.note
            pools = {pool.device: pool.engine_device for pool in plan.fit.pools}
            held = {device.name: device.total_bytes for device in loaded.devices}
            for planned in plan.fit.memory.devices:
                device = pools[planned.device]
                what = f"{name}, {plan.gpu_layers} layers, context {context}, cache on the device {kept}"
                yield what, device or "main memory", planned.loaded_bytes, held[device]


def memory(models: dict[str, Path], paths: Paths) -> Figure:
    """The worst device of all loads, some and all of the layers on it."""
    rows = [(what, device, planned, held) for what, device, planned, held in _loads(models, paths) if held]
    errors = [abs(planned / held - 1) for _, _, planned, held in rows]
    worst = max(range(len(rows)), key=errors.__getitem__)
    what, device, planned, held = rows[worst]
    return Figure(
        f"memory of a device, plan against load, worst of {len(rows)}, lavapipe",
        f"{planned / 1e6:.1f} MB ÷ {held / 1e6:.1f} MB ({device}; {what})",
        errors[worst],
        "below 0.005",
        errors[worst] < 0.005,
    )


def figures(starter: Path, vocab_dir: Path, quick: bool) -> Sequence[Figure]:
    """All figures of this file: about five minutes on two cores that are idle, half of it where ``quick``."""
    driver = next(iter(sorted(DRIVERS.glob("lvp_icd*.json"))), None)
    if driver is None or not (engine_package() / "lib" / "further" / LIBRARY).is_file():
        print("note: no lavapipe or no Vulkan backend here; nothing is measured on a device", file=sys.stderr)
        return []
    program = llama_bench(default_paths().cache)
    os.environ |= {"VK_DRIVER_FILES": str(driver), VISIBLE_DEVICES: "0", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"HEFT_HOME": str(folder / "home"), FOLDER_VARIABLE: str(folder / "backends")}
        os.environ.pop(TRIAL_MODEL_VARIABLE, None)
        (folder / "backends").mkdir()
        words = vocab_dir / "ggml-vocab-gpt-2.gguf"
        wide = forge(folder / "wide.gguf", WIDE, "Q8_0", words)
        return [
            run_against_llama_bench("starter model", starter, program, 1 if quick else 3),
            run_against_llama_bench("forged Q8_0", wide, program, 1 if quick else 3),
            memory({"starter": starter, "forged Q8_0": wide}, default_paths()),
        ]
