"""Whose token it is: a token is checked by the Hub before it is kept, and kept where this computer can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.token import HubToken, Origin, checked

# a mirror that knows no accounts
_CANNOT_SAY = frozenset(
    {FailureKind.REPO_NOT_FOUND, FailureKind.FILE_NOT_FOUND, FailureKind.FORBIDDEN, FailureKind.REFUSED}
)


@dataclass(frozen=True)
class TokenTaken:
    """A token that counts from now on. ``account`` is whose it is, "" where the Hub does not say.

    ``kept``: in the keyring, or for this session only; ``variable`` is the one of the environment that counts again
    from the next start on ("" for none).
    """

    account: str
    kept: Literal["keyring", "session"]
    variable: str = ""


class TokenService:
    """Takes, tests and forgets the Hub's token. Calls may come from any thread; most ask the Hub or the keyring."""

    def __init__(self, token: HubToken, hub: HubClient) -> None:
        self._token = token
        self._hub = hub

    @property
    def tokens_page(self) -> str:
        """Where a person makes a token."""
        return f"{self._hub.endpoint}/settings/tokens"

    def origin(self) -> Origin:
        """Where the token in use comes from; "" without one."""
        return self._token.origin()

    def take(self, text: str) -> TokenTaken:
        """Check a token, then keep it. UsageError for a text that is none, HubError: one that the Hub refuses."""
        token = checked(text)
        account = _account(self._hub.with_token(token))
        kept: Literal["keyring", "session"] = "keyring"
        try:
            self._token.set(token)
        except HubError as error:
            if error.kind != FailureKind.NO_KEYRING:
                raise
            kept = "session"
        variable = "HF_TOKEN" if self._token.origin() == "environment" else ""
        if self._token.get() != token:
            self._token.use(token)
        return TokenTaken(account, kept, variable)

    def test(self) -> str:
        """Whose the token in use is, "" where the Hub does not say. HubError: that it is refused, or missing."""
        if self._token.get() is None:
            raise HubError(tr("There is no token."), tr("Paste one here."), kind=FailureKind.TOKEN_MISSING)
        return _account(self._hub)

    def forget(self) -> None:
        """Forget what Heft keeps. HubError when the keyring refuses."""
        self._token.forget()


def _account(hub: HubClient) -> str:
    try:
        return hub.account()
    except HubError as error:
        if error.kind in _CANNOT_SAY:
            return ""
        raise
