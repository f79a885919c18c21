"""Parts of a document that is a zip archive: each read within a limit that counts what comes, not what is promised."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol
from xml.parsers import expat

from desktop.engine.tools.documents import refusals

MOST_UNPACKED = 400_000_000  # bytes of all parts that are read
_MOST_MEMBERS = 20_000
_STEP = 1 << 18
_DEEPEST = 500  # elements within each other


class Handler(Protocol):
    """Hears of XML. Names are "namespace local", attributes too."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """It ends."""

    def data(self, text: str) -> None:
        """Text in it."""


class Archive:
    """A document's archive. A context manager; raises HeftError in the words of the kind of document it is."""

    def __init__(self, path: Path, what: str) -> None:
        """``what``: the kind of document, without an article ("Word document")."""
        self._what = what
        self._left = MOST_UNPACKED
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise refusals.damaged(f"a {what}", repr(error)) from error
        if len(self._zip.namelist()) > _MOST_MEMBERS:
            self._zip.close()
            raise refusals.unpacks_too_large(MOST_UNPACKED)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """The names of its parts."""
        return self._zip.namelist()

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part, in pieces; KeyError where there is none."""
        entry = self._zip.getinfo(name)
        if entry.flag_bits & 1:
            raise refusals.locked(self._what)
        try:
            with self._zip.open(entry) as file:
                while chunk := file.read(_STEP):
                    self._left -= len(chunk)
                    if self._left < 0:
                        raise refusals.unpacks_too_large(MOST_UNPACKED)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
            raise refusals.damaged(f"a {self._what}", repr(error)) from error

    def read(self, name: str) -> bytes:
        """A whole part; KeyError where there is none."""
        return b"".join(self.chunks(name))

    def parse(self, name: str, handler: Handler) -> None:
        """Tell of a part that is XML; KeyError where there is none. Nothing outside is ever read."""
        depth = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True

        def start(element: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > _DEEPEST:
                raise refusals.damaged(f"a {self._what}", f"more than {_DEEPEST} elements within each other")
            handler.start(element, attributes)

        def end(element: str) -> None:
            nonlocal depth
            depth -= 1
            handler.end(element)

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = handler.data
        parser.StartDoctypeDeclHandler = self._refuse_definitions
        feed: Callable[[bytes, bool], int] = parser.Parse
        try:
            for chunk in self.chunks(name):
                feed(chunk, False)
            feed(b"", True)
        except expat.ExpatError as error:
            raise refusals.damaged(f"a {self._what}", str(error)) from error

    def _refuse_definitions(self, *_declared: object) -> None:
        raise refusals.hostile_markup(self._what)
