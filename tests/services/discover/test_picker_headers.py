"""Headers against names and the Hub's words: other programs' quantizations, labels that lie, wrong totals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.forge_cacheless import bert, llada, t5
from support.forge_header import Forged
from support.hub_server import HubServer, Repo
from support.hub_server_content import Content, FileContent, SparseContent
from support.remote_models import QWEN3_8B, QWEN3_600M, model, repo

from desktop.core import naming
from desktop.core.other_types import OTHER_TYPES, program_of_label
from desktop.core.quants import TENSOR_TYPES, contradicted, type_name

OWNER = "org/Small-GGUF"
IK = "llama.cpp cannot load these: {} is a type of ik_llama.cpp, which runs it."


@pytest.fixture
def vocab(vocab_dir: Path) -> Path:
    return vocab_dir / "ggml-vocab-llama-spm.gguf"


@pytest.fixture
def hub(heft_home: Path) -> Iterator[HubServer]:
    with HubServer([]) as server:
        yield server


def heft(hub: HubServer, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def variants(hub: HubServer, *more: str, name: str = OWNER) -> dict[str, Any]:
    return heft(hub, "variants", name, "--machine", "rtx-4090", *more)


def of(hub: HubServer, files: dict[str, Content]) -> None:
    hub.add(Repo(OWNER, files, {"tags": ["gguf"]}))


def retyped(content: SparseContent, old: str, new: int) -> SparseContent:
    """The same file with the tensors of one type said to be of another id."""
    number = next(kind.id for kind in TENSOR_TYPES.values() if kind.name == old)
    head = content.head
    for marker in (b"ffn_up.weight", b"ffn_gate.weight", b"attn_q.weight"):
        start = 0
        while (at := head.find(marker, start)) >= 0:
            place = at + len(marker) + 4 + 16  # the number of dimensions, and two of them
            assert int.from_bytes(head[place : place + 4], "little") == number
            head = head[:place] + new.to_bytes(4, "little") + head[place + 4 :]
            start = place
    return SparseContent(head, content.size)


@pytest.mark.parametrize("more", [("--estimate",), ()], ids=["by name", "read"])
def test_another_programs_quantization_is_told_by_name(more: tuple[str, ...], hub: HubServer, vocab: Path) -> None:
    plain = model(QWEN3_600M, "Q4_K_M", vocab)
    names = ("smol-IQ4_KSS", "IQ4_KS", "IQ2_KT", "IQ3_K", "Q4_K_R4", "Q6_0")
    of(hub, {"M-Q4_K_M.gguf": plain, **{f"M-{name}.gguf": plain for name in names}})
    found = variants(hub, *more)
    assert found["recommended"] == "Q4_K_M"
    others = [row for row in found["variants"] if row["name"] != "Q4_K_M"]
    assert len(others) == len(names)
    for row in others:
        assert row["memory"] is None and row["tokens_per_second"] is None
        assert row["note"] == IK.format(row["quantization"])
    assert {row["quantization"] for row in others} == {"IQ4_KSS", "IQ4_KS", "IQ2_KT", "IQ3_K", "Q4_K_R4", "Q6_0"}


def test_a_repo_of_nothing_else_recommends_nothing_and_says_what_runs_it(hub: HubServer, vocab: Path) -> None:
    of(hub, {"M-IQ4_KS.gguf": model(QWEN3_600M, "Q4_K_M", vocab)})
    found = variants(hub)
    assert found["recommended"] is None and found["reasons"][0] == IK.format("IQ4_KS")


def test_its_tensor_types_tell_it_whatever_the_name(hub: HubServer, vocab: Path) -> None:
    made = retyped(model(QWEN3_600M, "Q8_0", vocab), "Q8_0", 144)
    of(hub, {"M-Q4_K_M.gguf": made, "M-Q8_0.gguf": model(QWEN3_600M, "Q8_0", vocab)})
    found = variants(hub)
    assert found["recommended"] == "Q8_0"
    (row,) = (row for row in found["variants"] if row["name"] == "Q4_K_M")
    assert row["memory"] is None
    assert row["note"].startswith("llama.cpp cannot load these: 84 tensors are of a type of ik_llama.cpp:")
    assert "(IQ4_KS, 1024 x " in row["note"]


def test_inspect_and_fit_say_so(hub: HubServer, vocab: Path) -> None:
    of(hub, {"M-Q4_K_M.gguf": retyped(model(QWEN3_600M, "Q8_0", vocab), "Q8_0", 153)})
    source = f"hf:{OWNER}/M-Q4_K_M.gguf"
    found = heft(hub, "inspect", source)
    (problem,) = (p for p in found["problems"] if p["severity"] == "error" and "ik_llama.cpp" in p["message"])
    assert problem["action"] == "Run the file with ik_llama.cpp, or take another variant of this model."
    assert "IQ2_KT" in found["types"]
    error = heft(hub, "fit", source, code=1)["error"]
    assert error["kind"] == "other-program" and "llama.cpp cannot load these" in error["message"]


def test_a_label_that_lies_is_found_out(hub: HubServer, vocab: Path) -> None:
    four = model(QWEN3_600M, "Q4_0", vocab)
    of(hub, {"M-Q8_0.gguf": four, "M-F16.gguf": model(QWEN3_600M, "F16", vocab)})
    first = {row["name"]: row for row in variants(hub, "--estimate")["variants"]}
    assert first["Q8_0"]["quantization"] == "Q8_0"  # nothing else is known before the header was read
    read = {row["name"]: row for row in variants(hub)["variants"]}
    assert read["Q8_0"]["quantization"] == "Q4_0" and read["Q8_0"]["legacy"]
    assert read["Q8_0"]["note"] == "The name says Q8_0, but most weights are Q4_0."
    assert read["Q8_0"]["quality"]["label"] != first["Q8_0"]["quality"]["label"] == "none measurable"
    assert (read["F16"]["quantization"], read["F16"]["note"]) == ("F16", "")
    problems = heft(hub, "inspect", f"hf:{OWNER}/M-Q8_0.gguf")["problems"]
    assert ("warning", "The name says Q8_0, but most weights are Q4_0.") in [
        (problem["severity"], problem["message"]) for problem in problems
    ]


@pytest.mark.parametrize("name", ["M.gguf", "M-Q4_K_P.gguf"])
def test_where_the_name_tells_nothing_the_header_does(name: str, hub: HubServer, vocab: Path) -> None:
    of(hub, {name: model(QWEN3_8B, "Q4_K_M", vocab)})
    (row,) = variants(hub)["variants"]
    assert (row["quantization"], row["note"]) == ("Q4_K_M", "")
    assert row["quality"]["label"] != "not measured"


def test_names_of_mixes_are_no_lies(hub: HubServer, vocab: Path) -> None:
    of(hub, {f"M-{name}.gguf": model(QWEN3_8B, "Q4_K_M", vocab) for name in ("UD-Q4_K_XL", "Q4_K_S", "i1-IQ4_XS")})
    rows = variants(hub)["variants"]
    assert {row["quantization"] for row in rows} == {"IQ4_XS", "Q4_K_S", "Q4_K_XL"}
    assert not any("The name says" in row["note"] for row in rows)


@pytest.mark.parametrize("more", [("--estimate",), ()], ids=["before it was read", "read"])
def test_a_total_of_the_hubs_that_cannot_be_is_not_shown(more: tuple[str, ...], hub: HubServer, vocab: Path) -> None:
    hub.add(repo("Qwen/Qwen3-8B-GGUF", QWEN3_8B, ("Q4_K_M", "Q8_0"), vocab, 333_312))
    found = variants(hub, *more, name="Qwen/Qwen3-8B-GGUF")
    counted = None if more else 7_077_147_648
    assert [group["parameters"] for group in found["groups"]] == [counted]
    assert [row["parameters"] for row in found["variants"]] == [counted, counted]


@pytest.mark.parametrize("more", [("--estimate",), ()], ids=["begun", "read"])
@pytest.mark.parametrize(("make", "kind"), [(bert, "embedding"), (llada, "diffusion"), (t5, "encoder-decoder")])
def test_models_that_write_no_text_have_figures_and_no_speed(
    make: Callable[[], Forged], kind: str, more: tuple[str, ...], hub: HubServer, tmp_path: Path
) -> None:
    of(hub, {"M-Q4_K.gguf": FileContent(make().write(tmp_path / "m.gguf"))})
    found = variants(hub, *more)
    (row,) = found["variants"]
    assert row["memory"]["total_bytes"] > 0 and (row["memory"]["kv_bytes"] > 0) == (make is t5)
    assert row["tokens_per_second"] is None and found["groups"][0]["kind"] == kind
    assert not any("tok/s" in reason for reason in found["reasons"])


def test_types_and_names_of_another_program() -> None:
    assert type_name(144) == "IQ4_KS" and type_name(153) == "IQ2_KT" and not OTHER_TYPES.keys() & TENSOR_TYPES.keys()
    own = {kind.name for kind in TENSOR_TYPES.values()} | {"IQ4_XS", "IQ3_XXS", "Q4_K_M", "Q4_0_4_4", "MXFP4_MOE", ""}
    assert not [name for name in own if program_of_label(name)]
    foreign = [
        name for name in OTHER_TYPES.values() if name not in ("Q8_0_X4", "Q8_1_X4", "Q8_2_X4") and "Q8_K" not in name
    ]
    assert all(program_of_label(name) for name in foreign)
    assert all(naming.label(f"Model-8B-{name}.gguf") == name for name in foreign)
    assert program_of_label(naming.label("ggml-model-i2_s.gguf")) == "bitnet.cpp"
    assert contradicted("", []) == contradicted("Q8_0", []) == ""
