"""What goes with the next question of ``heft chat``: added and left out while it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.png_bytes import plain_png

from desktop.cli.enclosures import Enclosures
from desktop.core.errors import HeftError, UsageError
from desktop.services.container import Container
from desktop.store.paths import Paths

Capture = pytest.CaptureFixture[str]
Make = Callable[..., Enclosures]


@pytest.fixture
def make(paths: Paths) -> Iterator[Make]:
    with Container(paths) as container:

        def made(attach: list[Path] | None = None) -> Enclosures:
            args = argparse.Namespace(image=[], sound=[], attach=attach or [], attach_as="whole")
            return Enclosures(container, args)

        yield made


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    made = tmp_path / "my notes.txt"
    made.write_text("The secret word is heft.")
    return made


def names(enclosures: Enclosures) -> list[str]:
    return [*(name for name, _ in enclosures.media), *(source.name for source in enclosures.sources)]


def test_a_document_waits_for_the_next_question_and_is_sent_once(make: Make, notes: Path, capsys: Capture) -> None:
    enclosures = make()
    assert enclosures.do(f"/attach {notes}")
    assert names(enclosures) == ["my notes.txt"]
    assert "With the next question: my notes.txt (whole)" in capsys.readouterr().err
    enclosures.sent()
    assert names(enclosures) == []


@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"'])
def test_a_name_is_taken_as_a_terminal_writes_it(make: Make, notes: Path, form: str) -> None:
    enclosures = make()
    enclosures.do(f"/attach {form.format(notes)}")
    assert names(enclosures) == ["my notes.txt"]
    enclosures.do("/detach")
    enclosures.do("/attach " + str(notes).replace(" ", "\\ "))
    assert names(enclosures) == ["my notes.txt"]


def test_some_or_all_are_left_out_again(make: Make, notes: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "b.md"
    other.write_text("# Another")
    enclosures = make()
    enclosures.do(f"/attach {notes}")
    enclosures.do(f"/attach {other}")
    enclosures.do("/detach my notes.txt")
    assert names(enclosures) == ["b.md"]
    enclosures.do("/detach")
    assert names(enclosures) == []
    assert "With the next question: nothing" in capsys.readouterr().err


def test_pictures_go_with_it_too(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("PySide6", reason="pictures are read by Qt's readers")
    picture = tmp_path / "harbour.png"
    picture.write_bytes(plain_png(8, 8))
    enclosures = make()
    enclosures.do(f"/image {picture}")
    assert names(enclosures) == ["harbour.png"] and enclosures.media[0][1].kind == "image"
    with pytest.raises(UsageError, match="is no sound"):
        enclosures.do(f"/sound {picture}")


def test_how_documents_go_is_chosen(make: Make, capsys: Capture, notes: Path) -> None:
    enclosures = make([notes])
    enclosures.do("/attach-as passages")
    assert enclosures.way.value == "passages" and "my notes.txt (passages)" in capsys.readouterr().err
    enclosures.begin_again()
    assert enclosures.way.value == "whole"


def test_what_the_arguments_named_goes_with_each_conversations_first_question(make: Make, notes: Path) -> None:
    enclosures = make([notes])
    assert names(enclosures) == ["my notes.txt"]
    enclosures.sent()
    enclosures.begin_again()
    assert names(enclosures) == ["my notes.txt"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/attach", "/attach wants a word more."),
        ("/attach /nowhere/a.txt", "cannot be read"),
        ("/image /nowhere/a.png", "could not be read"),
        ("/detach", "Nothing goes with the next question."),
        ("/attach-as much", "There is no way much."),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(make: Make, line: str, words: str) -> None:
    enclosures = make()
    with pytest.raises(HeftError) as refused:
        enclosures.do(line)
    assert words in refused.value.message and refused.value.hint
    assert names(enclosures) == []


def test_the_same_document_goes_once_and_one_that_does_not_go_is_not_left_out(make: Make, notes: Path) -> None:
    enclosures = make([notes])
    with pytest.raises(UsageError, match="goes with the question already"):
        enclosures.do(f"/attach {notes}")
    with pytest.raises(UsageError) as refused:
        enclosures.do("/detach other.txt")
    assert "my notes.txt" in refused.value.hint


@pytest.mark.parametrize("line", ["Hello", "/etc/hosts: what is that?", "/imagine a cat", ""])
def test_all_else_is_a_question(make: Make, line: str) -> None:
    assert not make().do(line)
