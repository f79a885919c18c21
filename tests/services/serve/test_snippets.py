"""The lines that connect programs name the address and a model that is there, never the key, and can be run."""

from __future__ import annotations

import ast
import subprocess
import tomllib

import pytest
from support.serving import served

from desktop.core.model_kind import ModelKind
from desktop.services.serve.api import ModelState
from desktop.services.serve.snippets import NO_MODEL, SNIPPETS, Snippet, example_model

ADDRESS, MODEL = "http://127.0.0.1:8321", "qwen3-8b"
BY_NAME = {snippet.name: snippet for snippet in SNIPPETS}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_each_names_address_and_model_in_lines_that_fit(snippet: Snippet) -> None:
    text = snippet.text(ADDRESS, MODEL)
    assert ADDRESS in text and MODEL in text
    assert "HEFT_KEY" in text or "heft serve key" in text or "the key, with Copy" in text
    assert max(map(len, text.splitlines())) <= 110
    assert len({found.title for found in SNIPPETS}) == len(SNIPPETS)


def test_what_is_python_is_python_and_what_is_toml_is_toml() -> None:
    for name in ("python", "ollama"):
        ast.parse(BY_NAME[name].text(ADDRESS, MODEL))
    found = tomllib.loads(BY_NAME["codex"].text(ADDRESS, MODEL))
    assert found["model_providers"][found["model_provider"]]["base_url"] == f"{ADDRESS}/v1"


@pytest.mark.parametrize("name", ["curl", "aider", "claude-code"])
def test_what_is_for_the_shell_is_taken_by_it(name: str) -> None:
    text = BY_NAME[name].text(ADDRESS, MODEL)
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_named_model_is_one_that_answers() -> None:
    vectors = ModelState(served("nomic-embed", ModelKind.EMBEDDING), "ready")
    idle, large = ModelState(served("qwen3-8b")), ModelState(served("a-70b"), too_large="needs 41 GB")
    ready = ModelState(served("gpt-oss-20b"), "ready")
    assert example_model((vectors, large, idle, ready)) == "gpt-oss-20b"
    assert example_model((vectors, large, idle)) == "qwen3-8b"
    assert example_model((vectors,)) == "nomic-embed"
    assert example_model(()) == NO_MODEL
