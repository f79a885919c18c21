"""Errors a person can act on: what happened, the one thing to do, and detail to copy.

Every failure that may reach a user is a :class:`HeftError`. The command line prints it as
``{"error": {"kind", "message", "hint"}}``; the window shows message and hint and offers the detail for copying.
"""

from __future__ import annotations

from desktop.core.failures import FailureKind
from desktop.core.settings_pages import SettingsPage


class HeftError(Exception):
    """A failure in the user's words.

    ``kind`` is one of the registry's, ``message`` says what happened, ``hint`` the one thing to
    do about it, ``detail`` holds technical text worth copying into a report (may be empty).
    """

    kind: FailureKind = FailureKind.ERROR

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        detail: str = "",
        kind: FailureKind | None = None,
        settings_page: SettingsPage | None = None,
    ) -> None:
        """``settings_page`` is where the hint sends a person to, where the kind alone does not say."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self._settings_page = settings_page
        if kind is not None:
            self.kind = kind

    @property
    def settings_page(self) -> SettingsPage | None:
        """The page of the settings on which a person can mend it; None where there is none."""
        return self._settings_page or self.kind.settings_page

    def as_dict(self) -> dict[str, str | int]:
        """The error object of the headless contract: kind, message, hint, and the figures of its kind."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint}


class UsageError(HeftError):
    """The command or request itself is malformed (exit code 2 on the command line)."""

    kind = FailureKind.USAGE


class FileFormatError(HeftError):
    """A model file that cannot be read; ``offset`` is the byte where reading stopped."""

    kind = FailureKind.BAD_FILE

    def __init__(self, message: str, hint: str = "", *, offset: int | None = None, detail: str = "") -> None:
        super().__init__(message, hint, detail=detail)
        self.offset = offset


class NotFoundError(HeftError):
    """A model, chat or file that is not there (any more)."""

    kind = FailureKind.NOT_FOUND


class EngineError(HeftError):
    """The engine refused a request or died; ``kind`` names the cause (see ``desktop.engine.logmap``)."""

    kind = FailureKind.ENGINE


class ContextFullError(EngineError):
    """A conversation that the context does not hold; both figures in tokens, 0 where the engine did not say."""

    kind = FailureKind.CONTEXT_FULL

    def __init__(
        self, message: str, hint: str = "", *, detail: str = "", needed_tokens: int = 0, context_length: int = 0
    ) -> None:
        super().__init__(message, hint, detail=detail)
        self.needed_tokens = needed_tokens
        self.context_length = context_length

    def as_dict(self) -> dict[str, str | int]:
        """With both figures."""
        return {**super().as_dict(), "needed_tokens": self.needed_tokens, "context_length": self.context_length}


class StoreError(HeftError):
    """Heft's own data could not be read or written."""

    kind = FailureKind.STORE
