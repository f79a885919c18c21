"""The Hub token: kept in the keyring of the operating system, never in a file, a log or a message of Heft's."""

from __future__ import annotations

import os
import re
import threading
from typing import Literal

from desktop.core.errors import UsageError
from desktop.core.failures import FailureKind
from desktop.core.secrets import TOKEN_VARIABLES
from desktop.hub.errors import HubError

Origin = Literal["environment", "keyring", "huggingface", ""]

_SERVICE = "heft"
_TOKEN = re.compile(r"[\x21-\x7e]{8,512}")


class HubToken:
    """The token of one Hub. Thread-safe. The keyring is asked once; it may ask the person to unlock it.

    In this order: HF_TOKEN; the keyring; what ``hf auth login`` keeps. A token in the keyring belongs to the
    endpoint it was set for, so that a mirror is not sent the Hub's.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        """``endpoint`` is HF_ENDPOINT's by default."""
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._kept: str | None = None
        self._asked = False

    def get(self) -> str | None:
        """The token to send; None when there is none."""
        return self._found()[0]

    def origin(self) -> Origin:
        """Where the token comes from; "" without one."""
        return self._found()[1]

    def set(self, token: str) -> None:
        """Keep a token in the keyring. UsageError for a text that is none, HubError without a keyring."""
        token = token.strip()
        if not _TOKEN.fullmatch(token):
            raise UsageError(
                "This is not a token.", "Copy it from the Hub: Settings, Access Tokens. It begins with hf_."
            )
        self._change(token)

    def forget(self) -> None:
        """Remove the token from the keyring. HubError when the keyring refuses."""
        self._change(None)

    def _found(self) -> tuple[str | None, Origin]:
        given = next((value.strip() for name in TOKEN_VARIABLES if (value := os.environ.get(name))), "")
        if given:
            return given, "environment"
        kept = self._from_keyring()
        if kept:
            return kept, "keyring"
        from huggingface_hub import constants, get_token

        stored = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        return (stored, "huggingface") if stored else (None, "")

    def _from_keyring(self) -> str | None:
        import keyring
        from keyring.errors import KeyringError

        with self._lock:
            if not self._asked:
                try:
                    self._kept = keyring.get_password(_SERVICE, self._name())
                except (KeyringError, RuntimeError):  # none installed, locked, or its service does not answer
                    self._kept = None
                self._asked = True
            return self._kept

    def _change(self, token: str | None) -> None:
        import keyring
        from keyring.errors import KeyringError, PasswordDeleteError

        try:
            if token is not None:
                keyring.set_password(_SERVICE, self._name(), token)
            else:
                keyring.delete_password(_SERVICE, self._name())
        except PasswordDeleteError:
            pass  # there was none
        except (KeyringError, RuntimeError) as error:
            raise HubError(
                "This computer has no keyring that Heft could keep the token in.",
                "Use `hf auth login` or set HF_TOKEN instead.",
                kind=FailureKind.NO_KEYRING,
                detail=type(error).__name__,  # the message of a keyring might name what it was given
            ) from error
        with self._lock:
            self._kept, self._asked = token, True

    def _name(self) -> str:
        if self._endpoint is None:
            from huggingface_hub import constants

            self._endpoint = str(constants.ENDPOINT)
        return self._endpoint
