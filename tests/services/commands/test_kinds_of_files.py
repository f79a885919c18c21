"""What the commands say of files that cannot chat, and of models without a chat template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g
from support.forge import TINY, Value, forge, metadata, tensors, vocabulary, write

from desktop.cli import main

CONTINUES = "This model has no chat template: it continues your text instead of answering."


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def embedding(tmp_path: Path, vocab_dir: Path) -> Path:
    """A causal model that was tuned to make vectors: the engine would load it and write nonsense."""
    words = vocabulary(vocab_dir / "ggml-vocab-gpt-2.gguf")
    entries = metadata(TINY, words, template="{{ messages[0].content }}") | {"llama.pooling_type": Value(4, 3)}
    size = words["tokenizer.ggml.tokens"].length
    return write(tmp_path / "Vectors-Q8_0.gguf", entries, tensors(TINY, "Q8_0", size))


@pytest.mark.parametrize("command", [("run", "--prompt", "hi"), ("bench",)])
def test_an_embedding_model_is_refused_in_words(
    heft_home: Path, embedding: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    found = told(capsys, command[0], str(embedding), *command[1:], code=1)
    assert found["error"] == {
        "kind": "cannot-chat",
        "message": "Vectors-Q8_0 is an embedding model: it turns text into vectors, it cannot chat.",
        "hint": "Choose a chat model.",
    }


def test_a_conversation_with_it_is_refused_too(
    heft_home: Path, embedding: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", str(embedding)]) == 1
    assert "is an embedding model: it turns text into vectors, it cannot chat. Choose a chat model." in " ".join(
        capsys.readouterr().err.split()
    )


def test_it_is_named_wherever_it_is_looked_at(
    heft_home: Path, embedding: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(embedding)
    assert told(capsys, "inspect", source)["kind"] == told(capsys, "fit", source, "--estimate")["kind"] == "embedding"
    assert main(["inspect", source]) == main(["fit", source, "--estimate"]) == 0
    out = capsys.readouterr().out
    assert "embedding model" in out and "An embedding model: it turns text into vectors, it cannot chat." in out


@pytest.mark.parametrize(
    ("made", "kind", "words"),
    [
        (g.model(general__type="adapter"), "adapter", "it changes the model it was made for"),
        (g.model(architecture="clip"), "projector", "it lets the model it belongs to see or hear"),
        (g.model(architecture="t5"), "encoder-decoder", "it rewrites a whole text into another"),
        (g.model(architecture="dream"), "diffusion", "instead of writing word by word"),
        (g.model(architecture="bert"), "embedding", "it turns text into vectors"),
        (g.model(architecture="eagle3"), "draft", "it guesses ahead"),
        (g.Model([("general.type", g.STRING, "imatrix")], [("w", (256,), 0)]), "imatrix", "making quantizations"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_is_refused_before_an_engine_starts(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], made: g.Model, kind: str, words: str
) -> None:
    path = made.write(tmp_path / "file.gguf")
    assert told(capsys, "inspect", str(path))["kind"] == kind
    error = told(capsys, "run", str(path), "--prompt", "hi", code=1)["error"]
    assert error["kind"] == "cannot-chat" and words in error["message"]
    assert not (heft_home / "logs" / "engine.log").exists()


def test_the_library_says_what_its_files_are_for(
    heft_home: Path, embedding: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = heft_home / "models"
    models.mkdir(parents=True, exist_ok=True)
    embedding.rename(models / embedding.name)
    g.model(general__type="adapter").write(models / "lora.gguf")
    found = {model["name"]: model["kind"] for model in told(capsys, "library")["models"]}
    assert found == {"Vectors-Q8_0": "embedding", "lora": "adapter", "SmolLM2-135M-Instruct.Q4_1": "chat"}
    assert main(["library"]) == 0
    assert "An embedding model: it turns text into vectors, it cannot chat." in capsys.readouterr().out


def test_a_projector_or_an_adapter_is_not_weighed(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    projector = g.Model([("general.architecture", g.STRING, "clip")], [("v.w", (256,), 0)]).write(tmp_path / "p.gguf")
    error = told(capsys, "fit", str(projector), code=1)["error"]
    assert error["kind"] == "no-language-model" and "is a projector" in error["message"]
    assert error["hint"] == "Choose the model it belongs to."


@pytest.mark.engine
def test_a_base_model_continues_the_prompt_and_says_so(
    heft_home: Path, vocab_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(forge(tmp_path / "base.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-gpt-2.gguf"))
    asked = ("--prompt", "Once upon", "--max-tokens", "6", "--temperature", "0", "--context", "512")
    said = told(capsys, "run", path, *asked)
    raw = told(capsys, "run", path, *asked, "--raw")
    assert (said["kind"], said["notes"], raw["notes"]) == ("base", [CONTINUES], [])
    assert (said["text"], said["prompt_tokens"]) == (raw["text"], raw["prompt_tokens"])
    assert main(["run", path, *asked]) == 0
    printed = capsys.readouterr()
    assert CONTINUES in printed.err and "ChatML" not in printed.err and CONTINUES not in printed.out
