"""The process that takes the text out of strangers' documents, by what their bytes say that they are.

Its owner (:mod:`desktop.services.documents.reading`) has a deadline. Nothing of a document is run and nothing fetched.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePath

import msgspec

from desktop.core.documents.text import DocumentNote, DocumentText, Remark
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report
from desktop.core.words import tr
from desktop.engine.helper_process import serve
from desktop.engine.tools.documents import epub, markup, opendocument, pdf, refusals, word
from desktop.engine.tools.documents.gathered import Gathered, plain_lines
from desktop.engine.tools.documents.plain import decoded
from desktop.engine.tools.documents.records import ReadDocument

MEMORY_BYTES = 1536 * 1024 * 1024
MOST_BYTES = 256_000_000  # of a file
MOST_TEXT_BYTES = 64_000_000  # of one that is text
_HEAD = 4096

_SAVE_AS = "Open it in its own program, save it as {}, and attach that."
# First bytes of what gives no text here, what it is, and what to do.
_OTHERS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file, or one with a password", _SAVE_AS.format("DOCX or PDF")),
    (b"{\\rtf", "an RTF document", _SAVE_AS.format("DOCX or PDF")),
    (b"GGUF", "a model", "Open it from the model menu instead."),
    (b"\x89PNG\r\n", "a picture", "Attach it as a picture, to a model that sees."),
    (b"\xff\xd8\xff", "a picture", "Attach it as a picture, to a model that sees."),
    (b"GIF8", "a picture", "Attach it as a picture, to a model that sees."),
    (b"7z\xbc\xaf\x27\x1c", "an archive", "Unpack it, and attach the documents in it."),
    (b"Rar!\x1a\x07", "an archive", "Unpack it, and attach the documents in it."),
    (b"\x1f\x8b", "an archive", "Unpack it, and attach the documents in it."),
    (b"\x7fELF", "a program", "Attach its source text, if you have it."),
    (b"MZ\x90", "a program", "Attach its source text, if you have it."),
)
_MEMBERS = (  # of zip archives: a name in it, what it is, and what to do
    ("xl/workbook.xml", "an Excel workbook", _SAVE_AS.format("CSV")),
    ("ppt/presentation.xml", "a PowerPoint presentation", _SAVE_AS.format("PDF")),
)
_BY_NAME = {
    ".pdf": pdf.KIND, ".docx": word.KIND, ".docm": word.KIND, ".odt": opendocument.KIND, ".epub": epub.KIND,
    ".htm": markup.KIND, ".html": markup.KIND, ".xhtml": markup.KIND, ".txt": "text", ".md": "text", ".csv": "text",
}  # fmt: skip
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body")
_NOT_TEXT = "Attach a text, PDF, Word, OpenDocument, EPUB or HTML file."


def read_document(path: Path, name: str, report: Report) -> DocumentText:
    """The text of a file.

    Raises HeftError: "bad-document", "locked-document", "no-text", "too-long", "not-readable".
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise HeftError(
            tr("The file cannot be read: {strerror}.", strerror=error.strerror),
            tr("Check that it is there and that you may read it."),
            detail=str(error), kind=FailureKind.NOT_READABLE,
        ) from error  # fmt: skip
    if size > MOST_BYTES:
        raise refusals.file_too_large(size, MOST_BYTES)
    if not head:
        raise refusals.no_text("The file is empty.", "Attach another one.")
    return _named(_read(path, head, size, name, report), name)


def _read(path: Path, head: bytes, size: int, name: str, report: Report) -> DocumentText:
    if b"%PDF-" in head[:1024]:
        return pdf.read_pdf(path, report)
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    for start, what, advice in _OTHERS:
        if head.startswith(start):
            raise refusals.other_kind(f"This is {what}, from which Heft takes no text.", advice)
    if size > MOST_TEXT_BYTES:
        raise refusals.file_too_large(size, MOST_TEXT_BYTES)
    data = path.read_bytes()
    is_markup = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP) or _suffix(name) in (
        ".htm", ".html", ".xhtml",
    )  # fmt: skip
    found = decoded(data, markup.declared_encoding(data) if is_markup else "")
    if found is None:
        expected = _BY_NAME.get(_suffix(name), "text")
        if expected == "text":
            raise refusals.other_kind("This file is no text: its bytes are those of a program or its data.", _NOT_TEXT)
        raise refusals.other_kind(f"This file is no {expected}, whatever its name says.", _NOT_TEXT)
    gathered = Gathered()
    if is_markup:
        markup.add_markup(found.text, gathered)
    else:
        gathered.add(plain_lines(found.text))
    if found.legacy:
        gathered.remark(DocumentNote.LEGACY_ENCODING, found.legacy)
    if found.damaged:
        gathered.remark(DocumentNote.DAMAGED_CHARACTERS, count=found.damaged)
    if gathered.empty:
        raise refusals.no_text("The file has no text.", "Attach another one.")
    return gathered.result(markup.KIND if is_markup else "text")


def _zipped(path: Path) -> DocumentText:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            media_type = b""
            if "mimetype" in names and not archive.getinfo("mimetype").flag_bits & 1:
                with archive.open("mimetype") as file:
                    media_type = file.read(100).strip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise refusals.damaged("a document or an archive", repr(error)) from error
    if word.DOCUMENT in names:
        return word.read_word(path)
    if media_type.startswith(opendocument.MEDIA_TYPE):
        return opendocument.read_opendocument(path)
    if media_type == epub.MEDIA_TYPE or "META-INF/container.xml" in names:
        return epub.read_epub(path)
    if media_type.startswith(b"application/vnd.oasis.opendocument"):
        raise refusals.other_kind(
            "This is an OpenDocument table or presentation, from which Heft takes no text.", _SAVE_AS.format("PDF")
        )
    for member, what, advice in _MEMBERS:
        if member in names:
            raise refusals.other_kind(f"This is {what}, from which Heft takes no text.", advice)
    raise refusals.other_kind(
        "This is an archive, from which Heft takes no text.", "Unpack it, and attach the documents in it."
    )


def _named(document: DocumentText, name: str) -> DocumentText:
    """With a remark where the name says another type than the bytes do."""
    says = _BY_NAME.get(_suffix(name), document.format if document.format in ("text", markup.KIND) else "")
    if says == document.format:
        return document
    remark = Remark(DocumentNote.OTHER_TYPE, document.format)
    return msgspec.structs.replace(document, remarks=(remark, *document.remarks))


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()


def main() -> None:
    """Serve requests until stdin closes."""

    def answer(request: ReadDocument, report: Report) -> DocumentText:
        return read_document(Path(request.path), request.name, report)

    serve(ReadDocument, answer, memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
