"""The lines that connect programs name the address and a model that is there, never the key, and can be run."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.serving import served

from desktop.core.model_kind import ModelKind
from desktop.services.serve import snippets
from desktop.services.serve.api import ModelState
from desktop.services.serve.snippets import NO_MODEL, SNIPPETS, Snippet, example_model

ADDRESS, MODEL = "http://127.0.0.1:8321", "qwen3-8b"
BY_NAME = {snippet.name: snippet for snippet in SNIPPETS}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_each_names_address_and_model_in_lines_that_fit(snippet: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snippets, "heft_command", lambda: "heft")  # as where it is installed
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


@pytest.mark.skipif(sys.platform == "win32", reason="lines for a POSIX shell")
@pytest.mark.parametrize(("name", "variable"), [("aider", "HEFT_KEY"), ("claude-code", "ANTHROPIC_AUTH_TOKEN")])
def test_lines_for_the_shell_find_the_key_where_heft_is_not_on_its_path(
    name: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    (folder / "heft").write_text('#!/bin/sh\necho "the key of $1 $2"\n')
    (folder / "heft").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("APPIMAGE", raising=False)
    exports = [line for line in BY_NAME[name].text(ADDRESS, MODEL).splitlines() if line.startswith("export ")]
    script = "\n".join((*exports, f'echo "${variable}"'))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "the key of serve key"


def test_the_named_model_is_one_that_answers() -> None:
    vectors = ModelState(served("nomic-embed", ModelKind.EMBEDDING), "ready")
    idle, large = ModelState(served("qwen3-8b")), ModelState(served("a-70b"), too_large="needs 41 GB")
    ready = ModelState(served("gpt-oss-20b"), "ready")
    assert example_model((vectors, large, idle, ready)) == "gpt-oss-20b"
    assert example_model((vectors, large, idle)) == "qwen3-8b"
    assert example_model((vectors,)) == "nomic-embed"
    assert example_model(()) == NO_MODEL
