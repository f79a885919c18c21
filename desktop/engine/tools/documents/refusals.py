"""Why a document gives no text, in words: each with one thing to do."""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.units import human_bytes


def damaged(what: str, detail: str = "") -> HeftError:
    """``what``: the kind of document with its article ("a PDF")."""
    return HeftError(
        f"The file looks like {what}, but it is damaged or not complete.",
        "Save or download it again, and attach that.",
        detail=detail,
        kind=FailureKind.BAD_DOCUMENT,
    )


def locked(what: str) -> HeftError:
    """Protected by a password."""
    return HeftError(
        f"This {what} is protected by a password.",
        "Open it in its own program, save it without a password, and attach that.",
        kind=FailureKind.LOCKED_DOCUMENT,
    )


def no_text(message: str, hint: str) -> HeftError:
    """Nothing in it that is text."""
    return HeftError(message, hint, kind=FailureKind.NO_TEXT)


def other_kind(message: str, hint: str) -> HeftError:
    """A file from which Heft takes no text."""
    return HeftError(message, hint, kind=FailureKind.BAD_DOCUMENT)


def file_too_large(size: int, most: int) -> HeftError:
    """Bytes."""
    return HeftError(
        f"The file has {human_bytes(size)}; documents of up to {human_bytes(most)} are read.",
        "Attach the part of it that you need.",
        kind=FailureKind.TOO_LONG,
    )


def too_many_pages(pages: int, most: int) -> HeftError:
    """A document with more pages than anybody asks about."""
    return HeftError(
        f"The document has {pages:,} pages; up to {most:,} are read.",
        "Attach the part of it that you need.",
        kind=FailureKind.TOO_LONG,
    )


def text_too_long(most: int) -> HeftError:
    """Characters."""
    return HeftError(
        f"The document has more than {most:,} characters of text.",
        "Attach the part of it that you need.",
        kind=FailureKind.TOO_LONG,
    )


def unpacks_too_large(most: int) -> HeftError:
    """An archive that is far larger inside than outside."""
    return HeftError(
        f"Unpacked, the file has more than {human_bytes(most)}: far more than a document needs.",
        "Do not trust it. If it is yours, save it as PDF and attach that.",
        kind=FailureKind.TOO_LONG,
    )


def hostile_markup(what: str) -> HeftError:
    """XML that defines entities, with which a small file becomes an endless text."""
    return HeftError(
        f"This {what} defines its own abbreviations (a DTD), which documents of this kind never do.",
        "Do not trust it. If it is yours, save it as PDF and attach that.",
        kind=FailureKind.BAD_DOCUMENT,
    )
