"""Hostile and useless documents: each is refused in words with one thing to do, and quickly."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.forge_documents import forge_docx, forge_epub, forge_odt, forge_pages, forge_pdf, forge_zip, paragraph

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import unheard
from desktop.engine.tools.documents import archive, gathered
from desktop.engine.tools.documents.extractor import read_document

BOMB = (
    "<!DOCTYPE w [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def _docx_bomb(path: Path) -> Path:
    """400 kB that unpack to 400 MB and more."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open("word/document.xml", "w") as part:
        for _ in range(archive.MOST_UNPACKED // (1 << 20) + 1):
            part.write(b" " * (1 << 20))
    return path


def _truncated(path: Path) -> Path:
    whole = forge_docx(path, paragraph("text " * 5000)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def _bytes(data: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _deep(path: Path) -> Path:
    return forge_docx(path, "<w:smartTag>" * 2000 + "</w:smartTag>" * 2000)


CASES: dict[str, tuple[str, Callable[[Path], Path], FailureKind, str]] = {
    "a scan": ("a.pdf", lambda path: forge_pdf(path, [None, None]), FailureKind.NO_TEXT, "its pages are pictures"),
    "a PDF with a password": (
        "a.pdf", lambda path: forge_pdf(path, ["secret"], password="x"), FailureKind.LOCKED_DOCUMENT, "password",
    ),
    "100,000 pages": ("a.pdf", lambda path: forge_pages(path, 100_000), FailureKind.TOO_LONG, "100,000 pages"),
    "half a PDF": ("a.pdf", _bytes(b"%PDF-1.7\n1 0 obj\n<</Type"), FailureKind.BAD_DOCUMENT, "damaged"),
    "a zip bomb": ("a.docx", _docx_bomb, FailureKind.TOO_LONG, "Unpacked"),
    "an XML entity bomb": (
        "a.docx", lambda path: forge_docx(path, paragraph("").replace("<w:t", "<w:t>&i;</w:t><w:t"), before=BOMB),
        FailureKind.BAD_DOCUMENT, "DTD",
    ),
    "half a Word document": ("a.docx", _truncated, FailureKind.BAD_DOCUMENT, "damaged"),
    "elements without end": ("a.docx", _deep, FailureKind.BAD_DOCUMENT, "damaged"),
    "broken XML": ("a.docx", lambda path: forge_docx(path, "<w:p><w:r>"), FailureKind.BAD_DOCUMENT, "damaged"),
    "a Word document without text": ("a.docx", lambda path: forge_docx(path, "<w:p/>"), FailureKind.NO_TEXT, "no text"),
    "an empty OpenDocument text": ("a.odt", lambda path: forge_odt(path, ""), FailureKind.NO_TEXT, "no text"),
    "an OpenDocument text without content": (
        "a.odt", lambda path: forge_zip(path, {"mimetype": b"application/vnd.oasis.opendocument.text"}),
        FailureKind.BAD_DOCUMENT, "damaged",
    ),
    "a book of pictures": (
        "a.epub", lambda path: forge_epub(path, ["<img src='x'/>"]), FailureKind.NO_TEXT, "pictures",
    ),
    "a book without a spine": (
        "a.epub", lambda path: forge_zip(path, {"mimetype": b"application/epub+zip"}), FailureKind.BAD_DOCUMENT,
        "damaged",
    ),
    "a protected book": (
        "a.epub", lambda path: forge_zip(path, {"META-INF/container.xml": b"<a/>", "META-INF/rights.xml": b""}),
        FailureKind.LOCKED_DOCUMENT, "password",
    ),
    "a spreadsheet": (
        "a.xlsx", lambda path: forge_zip(path, {"xl/workbook.xml": b""}), FailureKind.BAD_DOCUMENT, "Excel",
    ),
    "slides": (
        "a.pptx", lambda path: forge_zip(path, {"ppt/presentation.xml": b""}), FailureKind.BAD_DOCUMENT, "PowerPoint",
    ),
    "an OpenDocument table": (
        "a.ods", lambda path: forge_zip(path, {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
        FailureKind.BAD_DOCUMENT, "OpenDocument",
    ),
    "an archive": ("a.zip", lambda path: forge_zip(path, {"a.txt": b"x"}), FailureKind.BAD_DOCUMENT, "archive"),
    "half an archive": ("a.zip", _bytes(b"PK\x03\x04" + bytes(100)), FailureKind.BAD_DOCUMENT, "damaged"),
    "an old Word document": (
        "a.doc", _bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)), FailureKind.BAD_DOCUMENT, "old Office",
    ),
    "RTF": ("a.rtf", _bytes(b"{\\rtf1 text}"), FailureKind.BAD_DOCUMENT, "RTF"),
    "a program": ("a.txt", _bytes(b"\x7fELF" + bytes(200)), FailureKind.BAD_DOCUMENT, "program"),
    "a picture": ("a.pdf", _bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), FailureKind.BAD_DOCUMENT, "picture"),
    "binary data": ("a.dat", _bytes(bytes(range(256)) * 20), FailureKind.BAD_DOCUMENT, "no text"),
    "data named as a PDF": ("a.pdf", _bytes(bytes(range(256)) * 20), FailureKind.BAD_DOCUMENT, "no PDF"),
    "nothing": ("a.txt", _bytes(b""), FailureKind.NO_TEXT, "empty"),
    "white space": ("a.txt", _bytes(b" \n\t\n"), FailureKind.NO_TEXT, "no text"),
    "a folder": ("a", _folder, FailureKind.NOT_READABLE, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_words_with_one_thing_to_do(tmp_path: Path, case: str) -> None:
    name, make, kind, said = CASES[case]
    path = make(tmp_path / name)
    with pytest.raises(HeftError) as refused:
        read_document(path, name, unheard)
    assert refused.value.kind is kind and said in refused.value.message and refused.value.hint


def test_a_text_of_more_characters_than_are_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "MOST_CHARACTERS", 1000)
    path = tmp_path / "a.txt"
    path.write_text("x" * 1001)
    with pytest.raises(HeftError) as refused:
        read_document(path, "a.txt", unheard)
    assert refused.value.kind is FailureKind.TOO_LONG and "1,000 characters" in refused.value.message


def test_a_file_of_more_bytes_than_are_read_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.write(b"text")
        file.truncate(100_000_000)
    with pytest.raises(HeftError) as refused:
        read_document(path, "a.txt", unheard)
    assert refused.value.kind is FailureKind.TOO_LONG and "100.0 MB" in refused.value.message


def test_a_book_that_reaches_outside_reads_only_its_own_parts(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xhtml"
    secret.write_text("<p>secret</p>")
    path = forge_epub(tmp_path / "a.epub", ["<p>own</p>"])
    with zipfile.ZipFile(path) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    opf = parts["OEBPS/book.opf"].replace(b"9.xhtml", str(secret).encode())
    forge_zip(path, {**parts, "OEBPS/book.opf": opf})
    with pytest.raises(HeftError) as refused:
        read_document(path, "a.epub", unheard)
    assert refused.value.kind is FailureKind.NO_TEXT
