"""The Hub token: kept in the keyring of the operating system or in memory, never in a file, a log or a message."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import Literal

from desktop.core.errors import UsageError
from desktop.core.failures import FailureKind
from desktop.core.secrets import TOKEN_VARIABLES
from desktop.core.words import tr
from desktop.hub.errors import HubError

Origin = Literal["session", "environment", "keyring", "huggingface", ""]

_SERVICE = "heft"
_TOKEN = re.compile(r"[\x21-\x7e]{8,512}")


class HubToken:
    """The token of a Hub. Thread-safe. The keyring is asked once per Hub; it may ask the person to unlock it.

    In this order: what was given for this session; HF_TOKEN; the keyring; what ``hf auth login`` keeps. A token that
    was given or kept belongs to the endpoint it was set for, so that a mirror is not sent the Hub's.
    """

    def __init__(self, endpoint: Callable[[], str] | str | None = None) -> None:
        """``endpoint`` is HF_ENDPOINT's by default, and where it is ""."""
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._kept: dict[str, str | None] = {}
        self._given: dict[str, str] = {}

    def get(self) -> str | None:
        """The token to send; None when there is none."""
        return self._found()[0]

    def origin(self) -> Origin:
        """Where the token comes from; "" without one."""
        return self._found()[1]

    def set(self, token: str) -> None:
        """Keep a token in the keyring. UsageError for a text that is none, HubError without a keyring."""
        self._change(checked(token))

    def use(self, token: str) -> None:
        """Take a token until this process ends, before any other. UsageError for a text that is none."""
        name, token = self._name(), checked(token)
        with self._lock:
            self._given[name] = token

    def forget(self) -> None:
        """Remove the token from memory and keyring. HubError when the keyring refuses."""
        name = self._name()
        with self._lock:
            self._given.pop(name, None)
        self._change(None)

    def _found(self) -> tuple[str | None, Origin]:
        name = self._name()
        with self._lock:
            given = self._given.get(name)
        if given:
            return given, "session"
        variable = next((value.strip() for name in TOKEN_VARIABLES if (value := os.environ.get(name))), "")
        if variable:
            return variable, "environment"
        kept = self._from_keyring()
        if kept:
            return kept, "keyring"
        from huggingface_hub import constants, get_token

        stored = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        return (stored, "huggingface") if stored else (None, "")

    def _from_keyring(self) -> str | None:
        import keyring
        from keyring.errors import KeyringError

        name = self._name()
        with self._lock:
            if name not in self._kept:
                try:
                    self._kept[name] = keyring.get_password(_SERVICE, name)
                except (KeyringError, RuntimeError):  # none installed, locked, or its service does not answer
                    self._kept[name] = None
            return self._kept[name]

    def _change(self, token: str | None) -> None:
        import keyring
        from keyring.errors import KeyringError, PasswordDeleteError

        name = self._name()
        try:
            if token is None:
                keyring.delete_password(_SERVICE, name)
            else:
                keyring.set_password(_SERVICE, name, token)
                if keyring.get_password(_SERVICE, name) != token:  # the "null" keyring takes everything, keeps nothing
                    raise KeyringError
        except PasswordDeleteError:
            pass  # there was none
        except (KeyringError, RuntimeError) as error:
            if token is None and not self._from_keyring():
                return  # no keyring, nothing in it
            raise HubError(
                tr("This computer has no keyring that Heft could keep the token in."),
                tr("Use `hf auth login` or set HF_TOKEN instead."),
                kind=FailureKind.NO_KEYRING,
                detail=type(error).__name__,  # the message of a keyring might name what it was given
            ) from error
        with self._lock:
            self._kept[name] = token

    def _name(self) -> str:
        return endpoint_of(self._endpoint)


def endpoint_of(named: Callable[[], str] | str | None) -> str:
    """A Hub's address without a closing slash: the one that was named, else what huggingface_hub has."""
    found = named() if callable(named) else named
    if found:
        return found.rstrip("/")
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def checked(token: str) -> str:
    """A token as it is sent. UsageError for a text that is none."""
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise UsageError(
            tr("This is not a token."), tr("Copy it from the Hub: Settings, Access Tokens. It begins with hf_.")
        )
    return token
