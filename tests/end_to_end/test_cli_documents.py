"""``heft run`` and ``chat`` with documents: real processes, real weights."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.forge_documents import forge_pdf
from support.png_bytes import plain_png

pytestmark = pytest.mark.engine

SHORT = ("--temperature", "0", "--max-tokens", "8", "--context", "1k")
LONG = [f"Chapter {number}.\n" + f"Filler of chapter {number} goes on and on.\n" * 40 for number in range(1, 20)]


def heft(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desktop", *arguments], input=stdin, capture_output=True, text=True, timeout=120
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_document_goes_whole_with_the_question_and_its_cost_is_said(heft_home: Path, tmp_path: Path) -> None:
    path = forge_pdf(tmp_path / "lease.pdf", ["The secret word is heft.", None])
    asked = ("run", "starter", *SHORT, "--prompt", "Which word?", "--attach", str(path))
    done = heft(*asked, "--json")
    assert done.returncode == 0, done.stderr
    answer = told(done)
    (attached,) = answer["attachments"]
    assert (attached["name"], attached["format"], attached["pages"], attached["as"]) == ("lease.pdf", "PDF", 2, "whole")
    assert "1 page without text" in attached["notes"][0] and answer["citations"] == []
    assert 10 < answer["attached_tokens"] < answer["prompt_tokens"]
    assert f"{answer['attached_tokens']:,} tokens" in done.stderr and "1 page without text" in done.stderr


def test_one_that_does_not_fit_is_refused_with_what_can_be_chosen(heft_home: Path, tmp_path: Path) -> None:
    path = forge_pdf(tmp_path / "book.pdf", LONG)
    done = heft("run", "starter", *SHORT, "--prompt", "Why?", "--attach", str(path), "--json")
    error = told(done)["error"]
    assert done.returncode != 0 and error["kind"] == "context-full" and "book.pdf has" in error["message"]
    assert "--attach-as passages" in error["hint"]


def test_the_parts_that_matter_have_their_places(heft_home: Path, tmp_path: Path) -> None:
    path = forge_pdf(tmp_path / "book.pdf", LONG)
    done = heft(
        "run", "starter", *SHORT, "--prompt", "Chapter 7?", "--attach", str(path), "--attach-as", "passages", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert 7 in [one["page"] for one in told(done)["citations"]]
    assert "by the words of the question" in done.stderr


def test_a_conversation_has_them_from_its_first_question_on(heft_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("The secret word is heft. " * 20)
    asked = ("chat", "starter", *SHORT, "--attach", str(path), "--attach-as", "beginning")
    done = heft(*asked, stdin="Which word?\nAnd again?\n/quit\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("a.txt: text, ") == 1 and "only the beginning" in done.stderr


def test_files_are_attached_in_the_middle_of_a_conversation(heft_home: Path, tmp_path: Path) -> None:
    book = forge_pdf(tmp_path / "book.pdf", LONG)
    note, picture = tmp_path / "note.txt", tmp_path / "dot.png"
    note.write_text("The secret word is heft.")
    picture.write_bytes(plain_png(8, 8))
    lines = (
        "Hello", f"/attach {book}", "Chapter 7?", "/attach-as passages", "Chapter 7?", f"/attach {note}", "/detach",
        f"/image {picture}", "What is this?", "/detach", "/attach gone.txt", "Bye", "/help", "/quit",
    )  # fmt: skip
    done = heft("chat", "starter", "--temperature", "0", "--max-tokens", "4", "--context", "2k", stdin="\n".join(lines))
    assert done.returncode == 0, done.stderr
    assert "book.pdf has" in done.stderr and "Choose with /attach-as passages" in done.stderr  # and it waits
    assert "by the words of the question" in done.stderr
    assert "With the next question: note.txt (passages)" in done.stderr
    assert "With the next question: nothing" in done.stderr
    assert "projector" in done.stderr, "the model takes no pictures, and the conversation goes on"
    assert "gone.txt cannot be read" in done.stderr
    assert done.stderr.count("first token") == 3
    assert "/detach [NAME]" in done.stderr


@pytest.mark.parametrize(("name", "kind"), [("gone.pdf", "not-found"), ("scan.pdf", "no-text")])
def test_what_cannot_be_read_is_refused_before_a_model_is_loaded(
    heft_home: Path, tmp_path: Path, name: str, kind: str
) -> None:
    forge_pdf(tmp_path / "scan.pdf", [None])
    done = heft("run", "starter", "--prompt", "x", "--attach", str(tmp_path / name), "--json")
    assert told(done)["error"]["kind"] == kind and name in told(done)["error"]["message"]


def test_a_text_that_goes_on_takes_no_documents(heft_home: Path, tmp_path: Path) -> None:
    done = heft("run", "starter", "--raw", "--prompt", "x", "--attach", "a.txt", "--json")
    assert (done.returncode, told(done)["error"]["kind"]) == (2, "usage")
