"""What is secret of a server of tools: the values of its variables and headers, kept as keys are kept."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import msgspec

from desktop.core.errors import HeftError, StoreError
from desktop.core.mcp_config import ToolServer
from desktop.core.words import tr
from desktop.services.kept_key import KeptKey, KeyringLockedError, Place
from desktop.store.tool_servers import KeptNames, SavedServer


class Secrets(msgspec.Struct, frozen=True):
    """Values by name."""

    env: dict[str, str] = {}
    headers: dict[str, str] = {}


class ToolSecrets:
    """Thread-safe. The keyring may ask the person to unlock it."""

    def __init__(self, folder: Path) -> None:
        """``folder`` takes a file for each server where there is no keyring."""
        self._folder = folder
        self._lock = threading.Lock()

    def keep(self, server: ToolServer) -> tuple[ToolServer, KeptNames, Place | None]:
        """The server without its values, their names, and where they are. StoreError where they cannot be kept.

        A value that names a variable of the environment (``${TOKEN}``) is none itself and stays.
        """
        secret = Secrets(_values(server.env), _values(server.headers))
        if not secret.env and not secret.headers:
            return server, KeptNames(), None
        text = json.dumps(msgspec.to_builtins(secret))  # in ASCII, as files of keys are written
        with self._lock:
            place = self._kept(server.name).keep(text)
        bare = msgspec.structs.replace(
            server,
            env={key: value for key, value in server.env.items() if key not in secret.env},
            headers={key: value for key, value in server.headers.items() if key not in secret.headers},
        )
        return bare, KeptNames(tuple(secret.env), tuple(secret.headers)), place

    def whole(self, saved: SavedServer) -> ToolServer:
        """A server with its values. Raises HeftError where the keyring is locked, or they are gone."""
        if not saved.kept:
            return saved.server
        try:
            with self._lock:
                found = self._kept(saved.server.name).read()
            secret = msgspec.json.decode(found, type=Secrets)
        except KeyringLockedError as error:
            raise HeftError(
                tr("The keyring is locked, and holds what {name} needs.", name=saved.server.name),
                tr("Unlock it, and try again."),
            ) from error
        except (msgspec.MsgspecError, StoreError) as error:
            names = ", ".join((*saved.kept.env, *saved.kept.headers))
            raise HeftError(
                tr("What {name} needs is not kept any more: {names}.", name=saved.server.name, names=names),
                tr("Edit the server in Settings > Tools and give it again."),
                settings_page="tools",
            ) from error
        return msgspec.structs.replace(
            saved.server,
            env=saved.server.env | {key: secret.env[key] for key in saved.kept.env if key in secret.env},
            headers=saved.server.headers
            | {key: secret.headers[key] for key in saved.kept.headers if key in secret.headers},
        )

    def forget(self, name: str) -> None:
        """Remove what is kept of a server. HeftError (no-keyring) when the keyring keeps it, StoreError."""
        with self._lock:
            self._kept(name).forget()

    def _kept(self, name: str) -> KeptKey:
        return KeptKey(f"tools {name}", self._folder / hashlib.sha256(name.encode()).hexdigest()[:32])


def _values(named: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in named.items() if value and "${" not in value}
