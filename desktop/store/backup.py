"""A full backup: chats, settings, what is remembered of models, and the ledger, as one zip file. No models, no secrets.

The file holds a manifest with the size and SHA-256 of each part, so that a restore can refuse what is damaged, and with
the versions of what wrote it, so that it can refuse what is newer. :mod:`desktop.store.restore` reads it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
import time
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop import __version__
from desktop.core.errors import StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.store import chats_schema, ledger_schema, settings
from desktop.store.database import Schema
from desktop.store.option_kinds import password_removed
from desktop.store.options import PROXY
from desktop.store.own_data import snapshot
from desktop.store.paths import Paths
from desktop.system.atomic import put_in_place, user_file, write_atomically

FORMAT = "heft-backup"
VERSION = 1
MANIFEST = "manifest.json"
CHATS, LEDGER, SETTINGS, MODELS = "chats.sqlite3", "ledger.sqlite3", "settings.json", "models.json"
DATABASES: dict[str, Schema] = {CHATS: chats_schema.SCHEMA, LEDGER: ledger_schema.SCHEMA}
VERSIONS: dict[str, int] = {
    CHATS: len(chats_schema.SCHEMA.migrations),
    LEDGER: len(ledger_schema.SCHEMA.migrations),
    SETTINGS: settings.SCHEMA_VERSION,
    MODELS: 1,
}


class BackedUp(msgspec.Struct, frozen=True):
    """A file of the backup. ``version`` is that of its schema."""

    bytes: int
    sha256: str
    version: int


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself. ``made`` is in Unix seconds."""

    format: str
    version: int
    heft: str
    made: float
    parts: dict[str, BackedUp]


@dataclass(frozen=True)
class Written:
    """A backup that was written: its size in bytes, and what is in it."""

    path: Path
    size_bytes: int
    chats: int
    models: int
    runs: int


def write_backup(paths: Paths, target: Path, *, replace: bool = False) -> Written:
    """Write everything of the user's into ``target``. Raises StoreError, of kind "file-exists" where it is there."""
    if target.exists() and not replace:
        raise StoreError(
            tr("There is a file {name} already.", name=target.name),
            tr("Give the backup another name."),
            kind=FailureKind.FILE_EXISTS,
        )
    try:
        with tempfile.TemporaryDirectory(prefix="heft-backup-") as scratch, user_file(target) as stream:
            files = _collected(paths, Path(scratch))
            parts = {name: _part(name, file) for name, file in files.items()}
            manifest = Manifest(FORMAT, VERSION, __version__, time.time(), parts)
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
                out.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
                for name, file in files.items():
                    out.write(file, name)
            counts = [_count(files.get(name), table) for name, table in ((CHATS, "chats"), (LEDGER, "runs"))]
            models = _remembered(files.get(MODELS))
        return Written(target, target.stat().st_size, counts[0], models, counts[1])
    except (OSError, sqlite3.Error, zipfile.BadZipFile) as error:
        raise StoreError(
            tr("The backup could not be written: {error}.", error=getattr(error, "strerror", None) or error),
            tr("Choose another folder, or make room for it: {parent}", parent=target.parent),
            detail=str(error),
        ) from error


def settings_without_secrets(raw: bytes) -> bytes:
    """The settings file without the password that the proxy's address may hold; as it is where it cannot be read."""
    try:
        document = json.loads(raw)
    except ValueError:
        return raw
    if isinstance(document, dict) and isinstance(document.get(PROXY.key), str):
        document[PROXY.key] = password_removed(document[PROXY.key])
        return json.dumps(document, ensure_ascii=False, indent=2).encode()
    return raw


def _collected(paths: Paths, scratch: Path) -> dict[str, Path]:
    """The files of the backup, as they are at this moment: databases whole, settings without secrets."""
    found: dict[str, Path] = {}
    for name, database in ((CHATS, paths.chats), (LEDGER, paths.ledger)):
        if database.is_file():
            copy = snapshot(database, scratch)
            found[name] = scratch / f"part-{name}"
            put_in_place(copy, found[name])
    for name, file in ((SETTINGS, paths.settings), (MODELS, paths.load_settings)):
        if file.is_file():
            raw = file.read_bytes()
            found[name] = scratch / f"part-{name}"
            write_atomically(found[name], settings_without_secrets(raw) if name == SETTINGS else raw, durable=False)
    return found


def _part(name: str, file: Path) -> BackedUp:
    version = VERSIONS[name]
    if name in DATABASES:
        with closing(sqlite3.connect(file)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
    with file.open("rb") as stream:
        return BackedUp(file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest(), version)


def _count(file: Path | None, table: str) -> int:
    if file is None:
        return 0
    with closing(sqlite3.connect(file)) as database:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def _remembered(file: Path | None) -> int:
    try:
        document = json.loads(file.read_bytes()) if file is not None else {}
        return len({*document.get("models", {}), *document.get("answers", {})})
    except (ValueError, AttributeError, TypeError):
        return 0
