"""Headers that the engine refuses: ``inspect`` and ``fit`` say beforehand what ``run`` will say."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.forge import TINY, TYPES, Value, metadata, tensors, vocabulary, write

from desktop.cli.main import main

Parts = tuple[dict[str, Value], list[tuple[str, tuple[int, ...], str]]]
Fault = Callable[[dict[str, Value], list[tuple[str, tuple[int, ...], str]]], Parts]
U32, I32, STRING, ARRAY, U64, I64, F64 = 4, 5, 8, 9, 10, 11, 12


def _key(key: str, value: Value) -> Fault:
    return lambda entries, parts: (entries | {key: value}, parts)


def _more(*more: tuple[str, tuple[int, ...], str]) -> Fault:
    return lambda entries, parts: (entries, [*parts, *more])


def _vectors(kind: str) -> Fault:
    return lambda entries, parts: (entries, [(n, s, kind if len(s) == 1 else k) for n, s, k in parts])


def _without(name: str) -> Fault:
    return lambda entries, parts: (entries, [part for part in parts if part[0] != name])


def _reshaped(name: str, shape: tuple[int, ...]) -> Fault:
    return lambda entries, parts: (entries, [(n, shape if n == name else s, k) for n, s, k in parts])


HEADER = {  # what a header tells by itself: without asking the engine
    "alignment of another type": (_key("general.alignment", Value(I32, 32)), "alignment is stored as INT32", "i32"),
    "64 bits for layers": (_key("llama.block_count", Value(U64, 2)), "block_count is stored as UINT64", "u64"),
    "rope base in 64 bits": (_key("llama.rope.freq_base", Value(F64, 1e4)), "freq_base is stored as FLOAT64", "f64"),
    "name is a number": (_key("general.name", Value(U32, 1)), "general.name is stored as UINT32", "general.name"),
    "token of another type": (_key("tokenizer.ggml.bos_token_id", Value(I64, 1)), "stored as INT64", "i64"),
    "flag of another type": (_key("tokenizer.ggml.add_bos_token", Value(U32, 1)), "BOOL was expected", "bool"),
    "file type of another type": (_key("general.file_type", Value(I32, 15)), "file_type is stored as INT32", "i32"),
    "causal as a number": (_key("llama.attention.causal", Value(U32, 1)), "BOOL was expected", "expected type bool"),
    "pooling of another type": (_key("llama.pooling_type", Value(I32, 0)), "pooling_type is stored as INT32", "i32"),
    "no layers": (_key("llama.block_count", Value(U32, 0)), "block_count is 0", "stopped at a check"),
    "too few scores": (_key("tokenizer.ggml.scores", Value(ARRAY, b"\0" * 40, 6, 10)), "has 10 entries", "scores"),
    "strange tokenizer": (_key("tokenizer.ggml.model", Value(STRING, "foo")), "the tokenizer 'foo'", "'foo'"),
    "strange splitting": (_key("tokenizer.ggml.pre", Value(STRING, "bar")), "split text 'bar'", "'bar'"),
    "norms in BF16": (_vectors("BF16"), "of one dimension and of another type than F32", "type bf16"),
    "norms in F16": (_vectors("F16"), "of one dimension and of another type than F32", "type f16"),
    "two of a name": (_more(("output_norm.weight", (256,), "F32")), "occur more than once", "output_norm.weight"),
}
ASKED = {  # what only the engine knows: the dry run is asked
    "heads of another type": (_key("llama.attention.head_count", Value(I32, 4)), "has wrong type i32"),
    "too many heads": (
        _key("llama.attention.head_count", Value(ARRAY, struct.pack("<3I", 4, 4, 4), U32, 3)),
        "wrong array length; expected 2, got 3",
    ),
    "extra tensor": (_more(("extra.weight", (256,), "F32")), "holds 21 tensors, of which the engine knows 20"),
    "tensor without weights": (_more(("x.weight", (0,), "F32")), "holds 21 tensors, of which the engine knows 20"),
    "more layers than said": (_key("llama.block_count", Value(U32, 1)), "of which the engine knows 11"),
    "empty output": (_more(("output.weight", (256, 0), "F32")), "'output.weight' of the model file has the wrong"),
    "missing tensor": (_without("blk.1.ffn_up.weight"), "lacks the tensor 'blk.1.ffn_up.weight'"),
    "wrong shape": (_reshaped("blk.0.attn_q.weight", (256, 512)), "256, 512, 1, 1, where the engine expects 256, 256"),
    "experts out of nothing": (_key("llama.expert_used_count", Value(U32, 2)), "stopped at a check of this model"),
}


@pytest.fixture
def forged(tmp_path: Path, vocab_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault], Path]:
    monkeypatch.setitem(TYPES, "BF16", (30, 1, 2))
    words = vocabulary(vocab_dir / "ggml-vocab-gpt-2.gguf")
    size = words["tokenizer.ggml.tokens"].length

    def make(fault: Fault) -> Path:
        entries, parts = fault(metadata(TINY, words), tensors(TINY, "Q4_K", size))
        return write(tmp_path / "m.gguf", entries, parts, hollow=True)

    return make


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def errors(inspected: dict[str, Any]) -> list[str]:
    return [problem["message"] for problem in inspected["problems"] if problem["severity"] == "error"]


@pytest.mark.parametrize("name", HEADER)
def test_a_header_tells_by_itself(
    name: str, forged: Callable[[Fault], Path], heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault, words, _ = HEADER[name]
    path = str(forged(fault))
    found = errors(told(capsys, "inspect", path, code=0))
    assert len(found) == 1 and words in found[0]
    error = told(capsys, "fit", path, "--estimate", code=1)["error"]
    assert error["kind"] == "bad-file" and words in error["message"] and "Download" not in error["hint"]


@pytest.mark.engine
@pytest.mark.parametrize("name", HEADER)
def test_the_engine_says_so_too(
    name: str, forged: Callable[[Fault], Path], heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault, _, words = HEADER[name]
    asked = ("--prompt", "hi", "--max-tokens", "2", "--context", "256")
    error = told(capsys, "run", str(forged(fault)), *asked, code=1)["error"]
    assert error["kind"] == "bad-file" and words in error["message"] and "Download" not in error["hint"]


@pytest.mark.engine
@pytest.mark.parametrize("name", ASKED)
def test_what_only_the_engine_knows_is_asked_of_it(
    name: str, forged: Callable[[Fault], Path], heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault, words = ASKED[name]
    path = str(forged(fault))
    found = errors(told(capsys, "inspect", path, code=0))
    assert len(found) == 1 and words in found[0]
    weighed = told(capsys, "fit", path, code=1)["error"]
    ran = told(capsys, "run", path, "--prompt", "hi", "--context", "256", code=1)["error"]
    assert weighed["kind"] == ran["kind"] == "bad-file"
    assert weighed["message"] == ran["message"] == found[0]


@pytest.mark.engine
def test_a_name_that_is_no_text_keeps_nothing_from_running(
    forged: Callable[[Fault], Path], heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(forged(_key("odd.key\udcff", Value(U32, 1))))
    (problem,) = told(capsys, "inspect", path, code=0)["problems"]
    assert problem["severity"] == "warning" and "not valid UTF-8" in problem["message"]
    assert told(capsys, "fit", path, code=0)["method"] == "engine"
    asked = ("--prompt", "hi", "--max-tokens", "2", "--context", "256")
    assert told(capsys, "run", path, *asked, code=0)["generated_tokens"] > 0


@pytest.mark.engine
def test_a_sound_file_has_no_problems(
    forged: Callable[[Fault], Path], heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(forged(lambda entries, parts: (entries, parts)))
    assert errors(told(capsys, "inspect", path, code=0)) == []
    assert told(capsys, "fit", path, code=0)["method"] == "engine"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("type_id", "words"),
    [(144, "IQ4_KS is a type of ik_llama.cpp, which runs it."), (500, "it does not know the tensor type 500.")],
)
def test_types_of_another_program_are_refused_with_its_name(
    type_id: int,
    words: str,
    forged: Callable[[Fault], Path],
    heft_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(TYPES, "other", (type_id, 256, 136))
    path = str(forged(lambda entries, parts: (entries, [(n, s, "other" if "ffn" in n else k) for n, s, k in parts])))
    error = told(capsys, "run", path, "--prompt", "hi", "--context", "256", code=1)["error"]
    assert error["kind"] == "other-program" and error["message"].endswith(words)
    found = errors(told(capsys, "inspect", path, code=0))
    assert any(f"type {type_id}" in message or "of a type of ik_llama.cpp" in message for message in found)
    assert main(["fit", path, "--json"]) == 1
    assert main(["inspect", path]) == 0
