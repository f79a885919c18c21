"""Why a document gives no text, in words: each with one thing to do."""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.units import human_bytes
from desktop.core.words import tr


def damaged(what: str, detail: str = "") -> HeftError:
    """``what``: the kind of document with its article ("a PDF")."""
    return HeftError(
        tr("The file looks like {what}, but it is damaged or not complete.", what=what),
        tr("Save or download it again, and attach that."),
        detail=detail,
        kind=FailureKind.BAD_DOCUMENT,
    )


def locked(what: str) -> HeftError:
    """Protected by a password."""
    return HeftError(
        tr("This {what} is protected by a password.", what=what),
        tr("Open it in its own program, save it without a password, and attach that."),
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
        tr("The file has {size}; documents of up to {most} are read.", size=human_bytes(size), most=human_bytes(most)),
        tr("Attach the part of it that you need."),
        kind=FailureKind.TOO_LONG,
    )


def too_many_pages(pages: int, most: int) -> HeftError:
    """A document with more pages than anybody asks about."""
    return HeftError(
        tr("The document has {pages:,} pages; up to {most:,} are read.", pages=pages, most=most),
        tr("Attach the part of it that you need."),
        kind=FailureKind.TOO_LONG,
    )


def text_too_long(most: int) -> HeftError:
    """Characters."""
    return HeftError(
        tr("The document has more than {most:,} characters of text.", most=most),
        tr("Attach the part of it that you need."),
        kind=FailureKind.TOO_LONG,
    )


def unpacks_too_large(most: int) -> HeftError:
    """An archive that is far larger inside than outside."""
    return HeftError(
        tr("Unpacked, the file has more than {most}: far more than a document needs.", most=human_bytes(most)),
        tr("Do not trust it. If it is yours, save it as PDF and attach that."),
        kind=FailureKind.TOO_LONG,
    )


def hostile_markup(what: str) -> HeftError:
    """XML that defines entities, with which a small file becomes an endless text."""
    return HeftError(
        tr("This {what} defines its own abbreviations (a DTD), which documents of this kind never do.", what=what),
        tr("Do not trust it. If it is yours, save it as PDF and attach that."),
        kind=FailureKind.BAD_DOCUMENT,
    )
