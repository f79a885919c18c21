"""The one way work is stopped by a person: it asks ``cancelled()`` often, and ends with :class:`CancelledError`."""

from __future__ import annotations

from collections.abc import Callable

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind

Cancelled = Callable[[], bool]
"""True as soon as nobody waits for the result any more. Called from the thread that works, often; it must be cheap."""


class CancelledError(HeftError):
    """The person asked to stop. Never shown as a failure; what was done so far is kept where that is of use."""

    kind = FailureKind.CANCELLED

    def __init__(
        self, message: str = "This was cancelled.", hint: str = "Start it again when you like.", *, detail: str = ""
    ) -> None:
        super().__init__(message, hint, detail=detail)


def never() -> bool:
    """The :data:`Cancelled` of work that nobody can stop."""
    return False


def raise_if_cancelled(cancelled: Cancelled) -> None:
    """Raise CancelledError when the person asked to stop."""
    if cancelled():
        raise CancelledError
