"""What is looked for on the Hub to find the GGUF versions of a model that was opened in another format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support import model_files as m
from support.inspecting import make_service

from desktop.cli import main
from desktop.services.inspect.inspection import InspectionService
from desktop.services.inspect.versions import versions_of, words_of_name
from desktop.store.paths import Paths


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> Iterator[InspectionService]:
    made = make_service(paths, tmp_path)
    with made.opened:
        yield made


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Qwen3-8B-GPTQ-Int4", "Qwen3-8B"),
        ("Llama-3.1-8B-Instruct-AWQ", "Llama-3.1-8B-Instruct"),
        ("Mistral-7B-v0.3-exl2-4.0bpw", "Mistral-7B-v0.3"),
        ("gemma-3-27b-it-bnb-4bit", "gemma-3-27b-it"),
        ("Meta-Llama-3-8B-Instruct-FP8-dynamic", "Meta-Llama-3-8B-Instruct"),
        ("Mixtral-8x7B-hf", "Mixtral-8x7B"),
        ("Phi-4", "Phi-4"),
    ],
)
def test_words_leave_out_how_it_was_stored(name: str, words: str) -> None:
    assert words_of_name(name) == words


def test_a_file_is_named_by_itself_or_by_its_folder(service: InspectionService, tmp_path: Path) -> None:
    folder = tmp_path / "Qwen3-8B-GPTQ-Int4"
    folder.mkdir()
    for name, data, wanted in (
        ("model.safetensors", m.small_safetensors(), "Qwen3-8B"),
        ("model-00001-of-00002.safetensors", m.small_safetensors(), "Qwen3-8B"),
        ("pytorch_model.bin", m.torch_zip(), "Qwen3-8B"),
        ("My-Tune-7B.safetensors", m.small_safetensors(), "My-Tune-7B"),
        ("page.gguf", b"<!DOCTYPE html><html></html>", ""),
    ):
        (folder / name).write_bytes(data)
        assert versions_of(service.open(str(folder / name))) == wanted, name
    assert versions_of(service.open(str(g.model().write(tmp_path / "m.gguf")))) == ""


def test_the_command_says_how_to_search(heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "My Tune-7B.safetensors").write_bytes(m.small_safetensors())
    assert main(["inspect", str(tmp_path / "My Tune-7B.safetensors")]) == 0
    assert "heft search 'My Tune-7B'" in capsys.readouterr().out
