"""Why a model of another server is not there, in the few words that a menu and the status bar have room for."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.core.failures import FailureKind
from desktop.core.words import tr

_ANSWERED: Mapping[FailureKind, str] = {
    FailureKind.KEY_WRONG: tr("wants a key"),
    FailureKind.CERTIFICATE: tr("cannot be trusted"),
    FailureKind.NOT_OPENAI: tr("is no OpenAI server"),
    FailureKind.NOT_FOUND: tr("does not have it"),
    FailureKind.CANNOT_CHAT: tr("writes no answers with it"),
    FailureKind.INTERRUPTED: tr("broke off its answer"),
    FailureKind.TIMEOUT: tr("did not answer in time"),
    FailureKind.RATE_LIMITED: tr("had too many requests"),
    FailureKind.REFUSED: tr("refuses"),
    FailureKind.ENGINE: tr("reports an error"),
}


def short_failure(kind: FailureKind) -> str:
    """What a server does, ``wants a key``, to be said behind its name; "" where none is known to answer."""
    return _ANSWERED.get(kind, "")
