"""Documents through their own process: read, refused in words under their names, bounded in time, given up at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forge_documents import forge_docx, forge_pdf, page_of, paragraph

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.services.documents.reading import DocumentReader


@pytest.fixture
def reader() -> Iterator[DocumentReader]:
    made = DocumentReader()
    yield made
    made.close()


def test_text_comes_with_pages_and_progress(reader: DocumentReader, tmp_path: Path) -> None:
    steps: list[Progress] = []
    path = forge_pdf(tmp_path / "a.pdf", [f"page {number}" for number in range(30)])
    found = reader.read(path, report=steps.append)
    assert len(found.page_starts) == 30 and page_of(found, 30).strip() == "page 29"
    assert [step.done for step in steps] == [0, 10, 20] and {step.total for step in steps} == {30}


def test_a_refusal_names_the_document_and_the_next_one_is_read(reader: DocumentReader, tmp_path: Path) -> None:
    with pytest.raises(HeftError) as refused:
        reader.read(forge_pdf(tmp_path / "kept.bin", [None]), "scan.pdf")
    assert refused.value.kind is FailureKind.NO_TEXT and refused.value.message.startswith("scan.pdf: ")
    assert reader.read(forge_docx(tmp_path / "a.docx", paragraph("text"))).text.strip() == "text"


def test_one_that_takes_too_long_is_given_up_in_a_documents_words(tmp_path: Path) -> None:
    reader = DocumentReader(deadline_seconds=0.0)
    try:
        with pytest.raises(HeftError) as refused:
            reader.read(forge_pdf(tmp_path / "a.pdf", ["x"]))
        assert refused.value.kind is FailureKind.BAD_DOCUMENT and "0 seconds" in refused.value.message
        assert "plain text" in refused.value.hint
    finally:
        reader.close()


def test_reading_is_given_up_when_nobody_waits_any_more(reader: DocumentReader, tmp_path: Path) -> None:
    gone = threading.Event()
    gone.set()
    with pytest.raises(CancelledError):
        reader.read(forge_pdf(tmp_path / "a.pdf", ["x"] * 200), cancelled=gone.is_set)


def test_a_file_that_is_not_there_is_said_so(reader: DocumentReader, tmp_path: Path) -> None:
    with pytest.raises(HeftError) as refused:
        reader.read(tmp_path / "gone.pdf")
    assert refused.value.kind is FailureKind.NOT_READABLE and "gone.pdf" in refused.value.message
