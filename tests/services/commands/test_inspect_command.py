"""``heft inspect`` against the contract of docs/cli.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g
from support.hub_server import HubServer, Repo, SparseContent, online

from desktop.cli import main

FIELDS = (
    "format", "version", "endianness", "header_bytes", "file_bytes", "architecture", "name", "parameters",
    "bits_per_weight", "file_type", "tensor_count", "types", "metadata", "problems", "transferred_bytes", "requests",
)  # fmt: skip


def output(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["inspect", *arguments]) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output(capsys, *arguments, "--json", code=code))
    return found


def test_json_of_the_starter_model(heft_home: Path, starter_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "starter")
    assert all(field in found for field in FIELDS) and "tensors" not in found
    assert (found["format"], found["version"], found["endianness"]) == ("gguf", 3, "little")
    assert found["file_bytes"] == starter_model.stat().st_size
    assert (found["architecture"], found["parameters"], found["file_type"]) == ("llama", 134_515_008, 3)
    assert found["tensor_count"] == 272 == sum(kind["count"] for kind in found["types"].values())
    assert found["types"]["Q8_0"] == {"count": 1, "bytes": 30_081_024}
    assert found["metadata"]["llama.block_count"] == {"type": "UINT32", "value": 30}
    tokens = found["metadata"]["tokenizer.ggml.tokens"]
    assert tokens["type"] == "ARRAY[STRING]" and tokens["value"]["length"] == 49_152
    assert tokens["value"]["first"][:2] == ["<|endoftext|>", "<|im_start|>"] and len(tokens["value"]["first"]) == 8
    assert found["problems"] == [] and found["requests"] == found["transferred_bytes"] == 0


def test_tensors_and_longer_arrays(heft_home: Path, starter_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gguf import GGUFReader

    found = document(capsys, str(starter_model), "--tensors", "--strings", "20")
    assert len(found["metadata"]["tokenizer.ggml.tokens"]["value"]["first"]) == 20
    theirs = GGUFReader(starter_model).tensors
    assert [(t["name"], t["shape"], t["type"], t["bytes"], t["file_offset"]) for t in found["tensors"]] == [
        (t.name, t.shape.tolist(), t.tensor_type.name, t.n_bytes, t.data_offset) for t in theirs
    ]
    assert all(t["offset"] == t["file_offset"] - found["data_offset"] for t in found["tensors"])


def test_problems_have_what_to_do(tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = g.model().write(tmp_path / "cut.gguf")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 40_000)
    found = document(capsys, str(path))
    errors = [problem for problem in found["problems"] if problem["severity"] == "error"]
    assert any("beyond the end of the file" in problem["message"] for problem in errors)
    assert all(problem["action"] and problem["reason"] for problem in found["problems"])
    words = output(capsys, str(path))
    assert "problem: " in words and "Download the file again." in words


def test_words_for_people(heft_home: Path, starter_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = output(capsys, str(starter_model), "--tensors")
    for expected in ("134,515,008", "Q4_1, 5.74 bits per weight", "98.4 MB", "ffn_down", "STRING[49,152]"):
        assert expected in words
    assert "blk.29.attn_v.weight" in words and "No problems found" in words


def test_a_strangers_text_cannot_steer_the_terminal(
    tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = g.model(evil="\x1b[2J\x07\u202etxt").write(tmp_path / "m.gguf")
    words = output(capsys, str(path))
    assert "\x1b" not in words and "\x07" not in words and "\u202e" not in words
    assert document(capsys, str(path))["metadata"]["evil"]["value"] == "\x1b[2J\x07\u202etxt"


def test_numbers_that_json_does_not_have(tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = g.model()
    model.metadata += [("odd", g.F32, float("nan")), ("odds", g.ARRAY, (g.F64, [float("inf"), 1.5]))]
    text = output(capsys, str(model.write(tmp_path / "m.gguf")), "--json")
    found = json.loads(text, parse_constant=pytest.fail)
    assert found["metadata"]["odd"]["value"] == "nan"
    assert found["metadata"]["odds"]["value"]["first"] == ["inf", 1.5]


def test_other_formats(tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = b'{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}'
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    found = document(capsys, str(path))
    assert found["format"] == "safetensors" and found["what"] and found["runs_on"] and found["advice"]
    (tensor,) = found["tensors"]
    assert (tensor["name"], tensor["shape"], tensor["type"], tensor["bytes"]) == ("w", [2, 2], "F16", 8)
    assert "What to do" in output(capsys, str(path))


def test_errors(tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert document(capsys, str(tmp_path / "missing.gguf"), code=1)["error"]["kind"] == "not-found"
    assert document(capsys, "hf:nonsense", code=2)["error"]["kind"] == "usage"
    assert document(capsys, "x", "--strings", "-1", code=2)["error"]["kind"] == "usage"


def test_a_file_on_the_hub(
    heft_home: Path, vocab_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head = (vocab_dir / "ggml-vocab-llama-spm.gguf").read_bytes()
    with HubServer([Repo("a/b", {"m.gguf": SparseContent(head, 1_000_000_000)})]) as server, online(monkeypatch):
        monkeypatch.setattr("desktop.hub.client.HubClient.endpoint", server.endpoint)
        found = document(capsys, "hf:a/b/m.gguf")
        assert found["file_bytes"] == 1_000_000_000 and 0 < found["requests"] <= 3
        assert "with 1 request and 0 B" in output(capsys, "hf:a/b/m.gguf")
        assert document(capsys, "hf:a/b/other.gguf", code=1)["error"]["kind"] == "file-not-found"


@pytest.mark.engine
def test_check_reads_the_weights(tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = g.model(tokenizer__chat_template="{{ messages[0].content }}")
    path = model.write(tmp_path / "m.gguf")
    with path.open("r+b") as file:
        file.seek(-36, 2)  # in the last block of the last tensor
        file.write(b"\xff" * 36)
    other = g.model(tokenizer__chat_template="{{ messages[0].content }} now").write(tmp_path / "base.gguf")
    found = document(capsys, str(path), "--check", "--base", str(other))["problems"]
    assert any("NaN" in problem["message"] and problem["about"] == "tensor:blk.1.attn_v.weight" for problem in found)
    assert any("differs from the base model's" in problem["message"] for problem in found)
    assert not any("NaN" in problem["message"] for problem in document(capsys, str(path))["problems"])


def test_a_repo_on_the_hub(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        f"m-{label}.gguf": SparseContent(b"GGUF", size) for label, size in (("Q4_K_M", 10**9), ("Q8_0", 2 * 10**9))
    }
    with HubServer([Repo("a/b", dict(files), {"tags": ["gguf"]})]) as server, online(monkeypatch):
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.endpoint)
        found = document(capsys, f"{server.endpoint}/a/b")
        words = output(capsys, "hf:a/b")
    assert (found["source"], found["format"], found["file_bytes"]) == ("hf:a/b", "gguf-folder", 3 * 10**9)
    assert [model["source"] for model in found["models"]] == ["hf:a/b/m-Q4_K_M.gguf", "hf:a/b/m-Q8_0.gguf"]
    assert found["models"][0] == {
        "source": "hf:a/b/m-Q4_K_M.gguf", "name": "m-Q4_K_M.gguf", "format": "GGUF", "quantization": "Q4_K_M",
        "file_bytes": 10**9, "file_count": 1, "note": "",
    }  # fmt: skip
    assert "heft inspect hf:a/b/m-Q4_K_M.gguf" in words and "heft variants a/b" in words
