"""``heft variants`` as a program, against the local Hub: the contract, what-if machines, and the engine's plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import BytesContent, FileContent, HubServer, Repo
from support.published import profile
from support.remote_models import QWEN3_8B, QWEN25_14B, SMOLLM2_135M, repo, several

from desktop.core.choice import ReasonKind
from desktop.core.errors import UsageError
from desktop.core.hardware import to_json
from desktop.services.discover.tables import DataTables
from desktop.services.machine.machine import MachineService
from desktop.services.machine.what_if import named_machine
from desktop.store.paths import Paths

EIGHT, SMALL = "Qwen/Qwen3-8B-GGUF", "org/SmolLM2-135M-GGUF"


@pytest.fixture
def hub(starter_model: Path, vocab_dir: Path) -> Iterator[HubServer]:
    vocab = vocab_dir / "ggml-vocab-llama-spm.gguf"
    small = Repo(SMALL, {"SmolLM2-135M-Q4_1.gguf": FileContent(starter_model)}, {"tags": ["gguf"]})
    with HubServer([repo(EIGHT, QWEN3_8B, ("Q2_K", "Q4_K_M", "Q8_0"), vocab, 8.19e9), small]) as server:
        yield server


def heft(hub: HubServer, home: Path, *arguments: str, as_json: bool = True) -> tuple[int, Any]:
    """Exit code and document (or text) of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, *(["--json"] if as_json else [])],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, cwd=home,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout) if as_json else done.stdout


def test_the_contract_with_a_profile_file(hub: HubServer, heft_home: Path, tmp_path: Path) -> None:
    saved = tmp_path / "card.json"
    saved.write_bytes(to_json(profile("rtx-4060-8gb")))
    code, document = heft(hub, heft_home, "variants", EIGHT, "--machine", str(saved), "--context", "16k")
    assert code == 0
    assert {"repo", "base_model", "context", "recommended", "reasons", "variants"} <= document.keys()
    assert (document["repo"], document["base_model"], document["context"]) == (EIGHT, "Qwen/Qwen3-8B", 16_384)
    assert document["recommended"] == "Q4_K_M" and document["reasons"]
    assert set(document["reason_kinds"]) <= set(ReasonKind)
    assert document["reason_kinds"][0].startswith("best-that-stays")
    assert [variant["name"] for variant in document["variants"]] == ["Q2_K", "Q4_K_M", "Q8_0"]
    for variant in document["variants"]:
        assert {"name", "quantization", "files", "download_bytes", "sha256", "memory", "method", "placement",
                "gpu_layers", "tokens_per_second", "quality", "note"} <= variant.keys()  # fmt: skip
        assert variant["tokens_per_second"].keys() == {"low", "expected", "high"}
        empty, full = variant["tokens_per_second_empty"], variant["tokens_per_second_full"]
        assert empty["expected"] > full["expected"] and full == variant["tokens_per_second"]
        assert (variant["context_used"], variant["trained_context"]) == (16_384, 40_960)
        assert variant["group"] == "Qwen3 8B" and variant["parameters"] == 7_077_147_648
        assert {"kld_low", "kld_high", "label", "source"} <= variant["quality"].keys()
        assert (
            sum(v for k, v in variant["memory"].items() if k not in ("total_bytes", "devices"))
            == (variant["memory"]["total_bytes"])
        )
    assert [variant["placement"] for variant in document["variants"]] == ["gpu", "gpu", "partial"]


def test_goals_and_named_machines(hub: HubServer, heft_home: Path) -> None:
    def chosen(*arguments: str) -> Any:
        return heft(hub, heft_home, "variants", EIGHT, "--estimate", *arguments)[1]["recommended"]

    assert chosen("--machine", "rtx-4090", "--goal", "quality") == "Q8_0"
    assert chosen("--machine", "rtx-4090", "--goal", "speed") == "Q4_K_M"
    assert chosen("--machine", "laptop-8gb", "--context", "40960") is None


def test_several_models_are_told_apart(hub: HubServer, heft_home: Path, vocab_dir: Path) -> None:
    models = {"SmolLM2-135M": (SMOLLM2_135M, ("Q8_0", "F16")), "Qwen2.5-14B": (QWEN25_14B, ("Q4_K_M", "Q8_0"))}
    hub.add(several("me/Mixed-GGUF", models, vocab_dir / "ggml-vocab-llama-spm.gguf"))
    asked = ("variants", "me/Mixed-GGUF", "--machine", "rtx-4090", "--context", "16384")
    code, document = heft(hub, heft_home, *asked)
    assert code == 0
    small, large = document["groups"]
    assert small["name"] == "SmolLM2 135M" and large["name"] == "Qwen2.5 14B"
    assert (small["trained_context"], large["trained_context"]) == (8192, 32_768)
    assert (small["context"], large["context"], document["context"]) == (8192, 16_384, 16_384)
    assert small["variants"] == ["SmolLM2-135M Q8_0", "F16"] and small["recommended"] == "SmolLM2-135M Q8_0"
    assert large["variants"] == ["Q4_K_M", "Qwen2.5-14B Q8_0"] and large["parameters"] > 1e10
    assert document["model"] == "Qwen2.5 14B" and document["recommended"] == large["recommended"]
    assert document["reasons"] == [
        "This repo holds 2 models; Qwen2.5 14B is the largest that runs well here.",
        *large["reasons"],
    ]
    kv = {variant["name"]: variant["memory"]["kv_bytes"] for variant in document["variants"]}
    assert kv["F16"] == 188_743_680 and kv["Q4_K_M"] == 2 * 1_610_612_736
    assert [variant["group"] for variant in document["variants"]] == ["SmolLM2 135M"] * 2 + ["Qwen2.5 14B"] * 2
    text = heft(hub, heft_home, *asked, "--estimate", as_json=False)[1]
    assert "2 models · Apache-2.0 · 4 variants" in text
    assert "SmolLM2 135M: base model · llama · 30 layers" in text and "weighed at 8,192, all it was trained for" in text
    assert text.count("VARIANT") == 2 and text.count("\n*  ") == 2 and text.count("★ Why ") == 2
    assert " → " in text and text.rstrip().endswith("Qwen2.5 14B is the largest that runs well here.")


@pytest.mark.engine
def test_the_engine_plans_this_computer(hub: HubServer, heft_home: Path) -> None:
    code, document = heft(hub, heft_home, "variants", SMALL, "--context", "2048")
    assert code == 0
    (variant,) = document["variants"]
    assert variant["method"] == "engine"
    assert variant["memory"]["kv_bytes"] == 45 << 20  # 2,048 cells; docs/reference/memory.md: 90 MiB at 4,096
    assert document["recommended"] == "Q4_1"


@pytest.mark.engine
def test_the_engine_plans_each_model_by_its_own_header(hub: HubServer, heft_home: Path, vocab_dir: Path) -> None:
    """The 14B was once planned with the cache of the 135M beside it: 189 MB instead of 1,611."""
    models = {"SmolLM2-135M": (SMOLLM2_135M, ("Q8_0",)), "Qwen2.5-14B": (QWEN25_14B, ("Q4_K_M",))}
    hub.add(several("me/Mixed-GGUF", models, vocab_dir / "ggml-vocab-llama-spm.gguf"))
    small, large = heft(hub, heft_home, "variants", "me/Mixed-GGUF", "--context", "8192")[1]["variants"]
    assert (small["method"], large["method"]) == ("engine", "engine")
    assert (small["memory"]["kv_bytes"], large["memory"]["kv_bytes"]) == (188_743_680, 1_610_612_736)


def test_words_for_people(hub: HubServer, heft_home: Path) -> None:
    code, text = heft(hub, heft_home, "variants", EIGHT, "--estimate", "--machine", "rtx-4060-8gb", as_json=False)
    assert code == 0
    assert "8.19 B parameters · qwen3 · 36 layers" in text and "★ Why " in text and "\n*  " in text


def test_a_context_beyond_the_training_is_said_so(hub: HubServer, heft_home: Path) -> None:
    told = "The model was trained for 40,960; beyond that its answers lose their sense."
    long = ("variants", EIGHT, "--estimate", "--machine", "rtx-4090", "--context")
    code, document = heft(hub, heft_home, *long, "50000")
    assert code == 0 and document["trained_context"] == 40_960 and document["reasons"][-1] == told
    assert told not in heft(hub, heft_home, *long, "40960")[1]["reasons"]
    assert f"At 50,176 tokens of context. {told}" in heft(hub, heft_home, *long, "50000", as_json=False)[1]


def test_another_format_is_named_with_what_runs_it(hub: HubServer, heft_home: Path) -> None:
    tags = ["safetensors", "awq", "base_model:Qwen/Qwen3-8B"]
    hub.add(Repo("Qwen/Qwen3-8B-AWQ", {"model.safetensors": BytesContent(b"x")}, {"tags": tags}))
    code, document = heft(hub, heft_home, "variants", "Qwen/Qwen3-8B-AWQ", "--machine", "rtx-4090")
    assert code == 0 and document["formats"] == ["AWQ"] and document["recommended"] is None
    assert document["reasons"][0].startswith("AWQ-quantized model. ") and "vLLM" in document["reasons"][1]
    text = heft(hub, heft_home, "variants", "Qwen/Qwen3-8B-AWQ", "--machine", "rtx-4090", as_json=False)[1]
    assert "It runs on: vLLM" in text and "heft search --base-model Qwen/Qwen3-8B" in text


def test_errors_have_their_form(hub: HubServer, heft_home: Path) -> None:
    code, document = heft(hub, heft_home, "variants", "no/such", "--machine", "laptop-8gb")
    assert code == 1 and document["error"]["kind"] == "repo-not-found"
    code, document = heft(hub, heft_home, "variants", EIGHT, "--machine", "RTX 40")
    assert code == 2 and "could be" in document["error"]["message"]
    code, document = heft(hub, heft_home, "variants", EIGHT, "--context", "much")
    assert code == 2 and "“much” is not a number of tokens." in document["error"]["message"]


@pytest.mark.parametrize(
    ("text", "gpus", "name"),
    [
        ("RTX 4070", 1, "GeForce RTX 4070"),
        ("2x rtx 3090", 2, "GeForce RTX 3090"),
        ("M4 Pro", 1, "Apple M4 Pro"),
        ("two-rtx-3090", 2, "GeForce RTX 3090"),
        ("Strix Halo", 1, "Strix Halo"),
    ],
)
def test_names_of_machines(paths: Paths, text: str, gpus: int, name: str) -> None:
    machines = MachineService(paths, lambda: pytest.fail("a profile needs no engine"))
    found = named_machine(text, DataTables(), machines)
    assert (len(found.gpus), found.gpus[0].name) == (gpus, name)


@pytest.mark.parametrize(
    ("text", "ram", "vram"),
    [
        ("64 GB + 24 GB VRAM", 64e9, 24e9),
        ("25GB", 25e9, 0),
        ("34.4 gb ram, 8 gb vram", 34.4e9, 8e9),
        ("16 GiB + 12 GiB VRAM", 16 << 30, 12 << 30),
    ],
)
def test_own_figures_are_a_machine(paths: Paths, text: str, ram: float, vram: float) -> None:
    """GB were binary ones here, and decimal in all that was said of them."""
    machines = MachineService(paths, lambda: pytest.fail("figures need no engine"))
    found = named_machine(text, DataTables(), machines)
    assert (found.memory.total_bytes, sum(gpu.total_bytes for gpu in found.gpus)) == (ram, vram)
    assert found.cpu == machines.without_graphics().cpu


def test_unknown_names_list_what_there_is(paths: Paths) -> None:
    machines = MachineService(paths, lambda: pytest.fail("a profile needs no engine"))
    with pytest.raises(UsageError) as told:
        named_machine("Voodoo 2", DataTables(), machines)
    assert "rtx-4060-8gb" in told.value.hint
