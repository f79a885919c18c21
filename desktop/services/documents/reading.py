"""The text of documents, taken out in a process of its own (:mod:`desktop.engine.tools.documents.extractor`)."""

from __future__ import annotations

from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.documents.text import DocumentText
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report, unheard
from desktop.core.text import one_line
from desktop.system.idle import IdleClose

MOST_KEPT_BYTES = 100_000_000  # of a text with its pages: four bytes for each character that is read, and more
DEADLINE_SECONDS = 120.0  # for one document; 300 pages take a few seconds
_OF_THE_DOCUMENT = (
    FailureKind.BAD_DOCUMENT,
    FailureKind.LOCKED_DOCUMENT,
    FailureKind.NO_TEXT,
    FailureKind.TOO_LONG,
    FailureKind.NOT_READABLE,
    FailureKind.NOT_STARTED,
)


class DocumentReader:
    """Asked on worker threads, one document after the other; the process ends after a while without any."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        from desktop.engine.helper_process import Tool

        self._deadline = deadline_seconds
        self._tool = Tool[DocumentText]("desktop.engine.tools.documents.extractor", DocumentText)
        self._idle = IdleClose(self._tool.close)

    def read(self, path: Path, name: str = "", cancelled: Cancelled = never, report: Report = unheard) -> DocumentText:
        """All text of a file, which a person knows as ``name`` (the file's own if none is given).

        Raises CancelledError; HeftError in words, its message beginning with the name: "bad-document",
        "locked-document", "no-text", "too-long", "not-readable".
        """
        from desktop.engine.tools.documents.records import ReadDocument

        name = name or path.name
        request = ReadDocument(str(path.absolute()), name)
        try:
            with self._idle:
                return self._tool.call(request, deadline_seconds=self._deadline, cancelled=cancelled, progress=report)
        except CancelledError:
            raise
        except HeftError as error:
            raise _about(name, error, self._deadline) from error

    def close(self) -> None:
        """End the process, if any."""
        self._idle.close()


def _about(name: str, error: HeftError, seconds: float) -> HeftError:
    """The failure, with the name of the document; a process that died of one says so in a document's words."""
    if error.kind in _OF_THE_DOCUMENT:
        return HeftError(f"{one_line(name)}: {error.message}", error.hint, detail=error.detail, kind=error.kind)
    if error.kind is FailureKind.TOO_SLOW:
        message = f"it was given up: reading it took more than {seconds:.0f} seconds."
    elif error.kind in (FailureKind.OUT_OF_MEMORY, FailureKind.KILLED):
        message = "reading it takes more memory than a document is given."
    else:
        message = "it cannot be read: the part of Heft that reads documents failed at it."
    hint = "Save it as plain text, and attach that."
    return HeftError(f"{one_line(name)}: {message}", hint, detail=error.detail, kind=FailureKind.BAD_DOCUMENT)
