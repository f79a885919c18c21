"""Books in EPUB (EPUB 3.3, W3C): the files of its spine in their order, each a section."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote

from desktop.core.documents.text import DocumentText, Paging
from desktop.engine.tools.documents import refusals
from desktop.engine.tools.documents.archive import Archive
from desktop.engine.tools.documents.gathered import Gathered
from desktop.engine.tools.documents.markup import add_markup, declared_encoding
from desktop.engine.tools.documents.plain import decoded

KIND = "EPUB book"
MEDIA_TYPE = b"application/epub+zip"
_CONTAINER, _RIGHTS = "META-INF/container.xml", "META-INF/rights.xml"
_OPF = "http://www.idpf.org/2007/opf "
_OCF = "urn:oasis:names:tc:opendocument:xmlns:container "


def read_epub(path: Path) -> DocumentText:
    """Raises HeftError."""
    gathered = Gathered(Paging.SECTIONS)
    with Archive(path, KIND) as archive:
        if _RIGHTS in archive.names:
            raise refusals.locked(KIND)
        for name in _spine(archive):
            if name not in archive.names:
                continue
            data = archive.read(name)
            found = decoded(data, declared_encoding(data))
            if found is not None:
                gathered.page()
                add_markup(found.text, gathered)
    if gathered.empty:
        raise refusals.no_text("This book has no text: its pages are pictures.", "Attach the pages that you need.")
    return gathered.result(KIND)


def _spine(archive: Archive) -> list[str]:
    container, package = _Container(), _Package()
    try:
        archive.parse(_CONTAINER, container)
        archive.parse(container.package, package)
    except KeyError as error:
        raise refusals.damaged(f"an {KIND}", f"it has no {error}") from None
    folder = posixpath.dirname(container.package)
    names = (package.files[one] for one in package.order if one in package.files)
    return [posixpath.normpath(posixpath.join(folder, unquote(name))) for name in names]


class _Container:
    """Where the package lies."""

    package = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Of :class:`Handler`."""
        if name == f"{_OCF}rootfile" and not self.package:
            self.package = attributes.get("full-path", "")

    def end(self, name: str) -> None:
        """Of :class:`Handler`."""

    def data(self, text: str) -> None:
        """Of :class:`Handler`."""


class _Package(_Container):
    """Its files by id, and the order in which they are read."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.order: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Of :class:`Handler`."""
        if name == f"{_OPF}item" and "html" in attributes.get("media-type", ""):
            self.files[attributes.get("id", "")] = attributes.get("href", "")
        elif name == f"{_OPF}itemref":
            self.order.append(attributes.get("idref", ""))
