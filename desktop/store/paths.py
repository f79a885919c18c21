"""Where Heft keeps its own data. ``HEFT_HOME`` moves all of it into one folder."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs

from desktop.system.places import APP_NAME, cache_folder


@dataclass(frozen=True)
class Paths:
    """Folders of one installation. They are made on first use by whoever writes, not here."""

    data: Path
    cache: Path

    @property
    def settings(self) -> Path:
        return self.data / "settings.json"

    @property
    def chats(self) -> Path:
        return self.data / "chats.sqlite3"

    @property
    def ledger(self) -> Path:
        """What was predicted and measured of loads and runs."""
        return self.data / "ledger.sqlite3"

    @property
    def calibrations(self) -> Path:
        """How quick this computer is, by machine and engine."""
        return self.data / "calibrations.json"

    @property
    def measurements(self) -> Path:
        """What models lost on texts, measured on this computer."""
        return self.data / "measurements.json"

    @property
    def votes(self) -> Path:
        """Blind votes between models."""
        return self.data / "votes.json"

    @property
    def load_settings(self) -> Path:
        """How each model is loaded."""
        return self.data / "models.json"

    @property
    def endpoints(self) -> Path:
        """Other servers, without their keys."""
        return self.data / "endpoints.json"

    @property
    def endpoint_keys(self) -> Path:
        """Keys of other servers, where the system has no keyring."""
        return self.data / "endpoint-keys"

    @property
    def workers(self) -> Path:
        """Other computers that lend their devices, without their secrets."""
        return self.data / "workers.json"

    @property
    def worker_secrets(self) -> Path:
        """Secrets of other computers' workers, where the system has no keyring."""
        return self.data / "worker-secrets"

    @property
    def tool_servers(self) -> Path:
        """Servers of tools, without what is secret of them."""
        return self.data / "mcp.json"

    @property
    def tool_keys(self) -> Path:
        """What is secret of servers of tools, where the system has no keyring."""
        return self.data / "tool-keys"

    @property
    def models(self) -> Path:
        """Heft's own model folder."""
        return self.data / "models"

    @property
    def fetched(self) -> Path:
        """Which files Heft has fetched from the Hub, and may therefore remove wherever they lie."""
        return self.data / "fetched.json"

    @property
    def jobs(self) -> Path:
        """Long work that is not done yet, but for downloads."""
        return self.data / "jobs"

    @property
    def removing(self) -> Path:
        """What is being removed at the moment."""
        return self.data / "removing.json"

    @property
    def backends(self) -> Path:
        """Further backends of the engine, put there by the user."""
        return self.data / "backends"

    @property
    def logs(self) -> Path:
        return self.cache / "logs"

    @property
    def remote_headers(self) -> Path:
        """Headers of files on the Hub, kept so that a second look costs one request."""
        return self.cache / "remote-headers"

    @property
    def scratch(self) -> Path:
        """Private working directory of the engine: never a folder others write to."""
        return self.cache / "engine"


def default_paths() -> Paths:
    """Paths of this user: below ``HEFT_HOME`` when set, else the platform's data and cache folders.

    The cache is a temporary folder of this process where its own place cannot be written (a read-only home).
    """
    home = os.environ.get("HEFT_HOME")
    if home:
        root = Path(home).expanduser()
        paths = Paths(data=root, cache=cache_folder())
    else:
        paths = Paths(
            data=Path(platformdirs.user_data_dir(APP_NAME, appauthor=False)),
            cache=cache_folder(),
        )
    if _can_be_written(paths.cache):
        return paths
    return Paths(data=paths.data, cache=_temporary_cache() or paths.cache)


def _can_be_written(folder: Path) -> bool:
    """Whether a folder, or the nearest one above it that is there, may be written to. Makes nothing."""
    for place in (folder, *folder.parents):
        if os.path.lexists(place):
            return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return False


@cache
def _temporary_cache() -> Path | None:
    try:
        folder = tempfile.mkdtemp(prefix="heft-")
    except OSError:
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
