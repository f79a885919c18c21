"""Opening the door: how it is to be, what it has to offer, and why it could not be opened, in words."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.serve.api import ModelLender, RequestRecord

_TAKEN = (errno.EADDRINUSE, errno.EACCES)


@dataclass(frozen=True)
class DoorWishes:
    """How the door is to be. ``request_bytes`` is the largest request that is read."""

    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    network: bool
    web_page: bool
    request_bytes: int
    key: str = ""


class OpenDoor(Protocol):
    """What listens for other programs. Thread-safe."""

    def start(self) -> None:
        """Listen. OSError or HeftError where it cannot."""

    def close(self) -> None:
        """Listen no more; running answers get a moment."""

    def requests(self) -> tuple[RequestRecord, ...]:
        """The newest requests, the newest first."""

    def subscribe(self, listener: Callable[[RequestRecord], None]) -> Callable[[], None]:
        """Hear of each change of one; returns the way to stop hearing."""


MakeDoor = Callable[[ModelLender, DoorWishes], OpenDoor]  # one that does not listen yet


def opened(make: MakeDoor, lender: ModelLender, wishes: DoorWishes) -> OpenDoor:
    """A door that listens. HeftError where it cannot, with the page of the settings where that is mended."""
    door = make(lender, wishes)
    try:
        door.start()
    except OSError as error:
        raise _refused(error, wishes.port) from error
    except HeftError as error:
        if isinstance(error.__cause__, OSError):
            raise _refused(error.__cause__, wishes.port) from error
        raise
    return door


def _refused(error: OSError, port: int) -> HeftError:
    if error.errno in _TAKEN:
        return HeftError(
            tr("Another program listens on port {port} already.", port=port),
            tr("Choose another port in Settings > Serve, or with heft serve --port."),
            kind=FailureKind.PORT_TAKEN,
            detail=repr(error),
        )
    return HeftError(
        tr("Heft could not listen on port {port}: {strerror}", port=port, strerror=error.strerror or error),
        tr("Choose another port in Settings > Serve."),
        kind=FailureKind.PORT_TAKEN,
        detail=repr(error),
    )
