"""Pictures, read in a process of its own (:mod:`desktop.ui.picture_reader`), whoever sent them."""

from __future__ import annotations

import threading

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.picture_records import MOST_PICTURE_BYTES, MOST_SIDE, Picture, PictureRequest
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.system.idle import IdleClose

DEADLINE_SECONDS = 30.0  # for one picture; most take a tenth of a second, the largest on a busy computer a few
_MODULE = "desktop.ui.picture_reader"


class PictureService:
    """Asked on worker threads, one picture after the other; the process ends after a while without any."""

    def __init__(self, module: str = _MODULE, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        from desktop.engine.helper_process import Tool

        self._deadline = deadline_seconds
        self._tool = Tool[Picture](module, Picture)
        self._lock = threading.Lock()
        self._idle = IdleClose(self._tool.close)

    def read(self, data: bytes, most_side: int = MOST_SIDE) -> Picture:
        """The picture as it is kept and sent, no side longer than ``most_side`` pixels.

        Raises HeftError of the kind "bad-attachment", also where the process dies of it or does not end.
        """
        if len(data) > MOST_PICTURE_BYTES:
            raise HeftError(
                tr("This picture is too large: {data}.", data=human_bytes(len(data))),
                tr("Attach one of at most {most_picture_bytes}.", most_picture_bytes=human_bytes(MOST_PICTURE_BYTES)),
                kind=FailureKind.BAD_ATTACHMENT,
            )
        try:
            with self._lock, self._idle:
                return self._tool.call(PictureRequest(data, most_side), deadline_seconds=self._deadline)
        except HeftError as error:
            if error.kind in (FailureKind.BAD_ATTACHMENT, FailureKind.NOT_STARTED):
                raise
            raise HeftError(
                tr("This picture could not be read."),
                tr("Attach another file of it."),
                detail=f"{error.message}\n{error.detail}",
                kind=FailureKind.BAD_ATTACHMENT,
            ) from error

    def close(self) -> None:
        """End the process, if any."""
        self._idle.close()
