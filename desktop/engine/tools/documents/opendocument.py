"""Text documents of LibreOffice and others: OpenDocument (ODF 1.3 part 3), paragraph by paragraph."""

from __future__ import annotations

from pathlib import Path

from desktop.core.documents.text import DocumentNote, DocumentText, Paging
from desktop.engine.tools.documents import refusals
from desktop.engine.tools.documents.archive import Archive
from desktop.engine.tools.documents.gathered import Gathered

KIND = "OpenDocument text"
MEDIA_TYPE = b"application/vnd.oasis.opendocument.text"
_CONTENT = "content.xml"
_URN = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _OFFICE = f"{_URN}text:1.0 ", f"{_URN}table:1.0 ", f"{_URN}office:1.0 "
_SKIPPED = (f"{_TEXT}tracked-changes", f"{_OFFICE}annotation", f"{_TEXT}note-citation")
_MOST_SPACES = 1000  # that one element stands for


def read_opendocument(path: Path) -> DocumentText:
    """Raises HeftError."""
    gathered = Gathered(Paging.PAGES)
    with Archive(path, KIND) as archive:
        if b"encryption-data" in (archive.read("META-INF/manifest.xml") if _manifest(archive) else b""):
            raise refusals.locked(KIND)
        try:
            archive.parse(_CONTENT, _Content(gathered))
        except KeyError:
            raise refusals.damaged(f"an {KIND}", f"it has no {_CONTENT}") from None
        if any(name.startswith(("Basic/", "Scripts/")) for name in archive.names):
            gathered.remark(DocumentNote.MACROS_IGNORED)
    if gathered.empty:
        raise refusals.no_text("This OpenDocument text has no text.", "Attach its pictures by themselves.")
    gathered.forget_single_page()
    return gathered.result(KIND)


def _manifest(archive: Archive) -> bool:
    return "META-INF/manifest.xml" in archive.names


class _Content:
    """Writes each paragraph down as a line; cells of a row stand side by side."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._paragraphs: list[list[str]] = []
        self._cells: list[list[str]] = []
        self._skipped = self._items = 0
        gathered.page()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Of :class:`Handler`."""
        if self._skipped or name in _SKIPPED:
            self._skipped += 1
        elif name == f"{_TEXT}p":
            self._paragraphs.append(["- "] if self._items and not self._cells else [])
        elif name == f"{_TEXT}h":
            level = attributes.get(f"{_TEXT}outline-level", "1")
            self._paragraphs.append(["#" * min(6, int(level) if level.isdecimal() else 1) + " "])
        elif name == f"{_TEXT}list-item":
            self._items += 1
        elif name == f"{_TABLE}table-row":
            self._cells.append([])
        elif name == f"{_TABLE}table-cell" and self._cells:
            self._cells[-1].append("")
        elif name == f"{_TEXT}s":
            often = attributes.get(f"{_TEXT}c", "1")
            self._put(" " * min(_MOST_SPACES, int(often) if often.isdecimal() else 1))
        elif name == f"{_TEXT}tab":
            self._put("\t")
        elif name == f"{_TEXT}line-break":
            self._put("\n")
        elif name == f"{_TEXT}soft-page-break":
            self._page()

    def end(self, name: str) -> None:
        """Of :class:`Handler`."""
        if self._skipped:
            self._skipped -= 1
        elif name in (f"{_TEXT}p", f"{_TEXT}h") and self._paragraphs:
            self._line("".join(self._paragraphs.pop()).rstrip(), apart=not self._items)
        elif name == f"{_TEXT}list-item":
            self._items -= 1
        elif name == f"{_TABLE}table-row" and self._cells:
            self._line(" | ".join(cell.strip().replace("\n", " ") for cell in self._cells.pop()), apart=False)
        elif name == f"{_TABLE}table":
            self._line("", apart=False)

    def data(self, text: str) -> None:
        """Of :class:`Handler`."""
        if not self._skipped:
            self._put(text)

    def _put(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].append(text)

    def _line(self, text: str, *, apart: bool) -> None:
        if self._cells and self._cells[-1]:
            self._cells[-1][-1] += f"{text}\n"
            return
        self._gathered.line(text)
        if apart and text:
            self._gathered.line("")

    def _page(self) -> None:
        if self._cells:
            return
        for paragraph in self._paragraphs:
            if text := "".join(paragraph).rstrip():
                self._gathered.line(text)
            paragraph.clear()
        if not self._gathered.at_page_start:
            self._gathered.page()
