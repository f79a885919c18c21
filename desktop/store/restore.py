"""A backup read back: what it adds and replaces is known first, and then all of it is done or nothing.

Chats and runs are added to those that are here; settings are those of the backup from then on, and so is what it
remembers of a model, while models that it does not know keep theirs. Secrets stay as they are here.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from desktop.core.errors import StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.store import chats_merge
from desktop.store.backup import (
    CHATS,
    DATABASES,
    FORMAT,
    LEDGER,
    MANIFEST,
    MODELS,
    SETTINGS,
    VERSION,
    VERSIONS,
    BackedUp,
    Manifest,
)
from desktop.store.database import open_database
from desktop.store.ledger import KEPT_RUNS
from desktop.store.load_settings import Remembered
from desktop.store.option_kinds import password_removed
from desktop.store.options import PROXY
from desktop.store.paths import Paths
from desktop.store.settings import SettingsData, SettingsStore
from desktop.system.atomic import write_atomically

_CHUNK = 1 << 20
_LONGEST_MANIFEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Restored:
    """What a restore adds and replaces. ``made`` is when the backup was written, in Unix seconds.

    ``chats_kept`` were here already. ``settings_changed`` are options that get another value.
    """

    made: float
    heft: str
    chats_added: int = 0
    chats_kept: int = 0
    settings_changed: int = 0
    models_added: int = 0
    models_replaced: int = 0
    runs_added: int = 0


def look_at_backup(paths: Paths, backup: Path) -> Restored:
    """What a restore would add and replace; nothing is changed. Raises StoreError for a file that is not taken."""
    return _restore(paths, backup, keep=False)


def restore_backup(paths: Paths, backup: Path) -> Restored:
    """Restore a backup, whole or not at all; what was added and replaced. Raises StoreError as :func:`look_at_backup`.

    Also where something cannot be written: then everything is as it was.
    """
    return _restore(paths, backup, keep=True)


def _restore(paths: Paths, backup: Path, *, keep: bool) -> Restored:
    try:
        with tempfile.TemporaryDirectory(prefix="heft-restore-") as scratch:
            manifest, files = _unpacked(backup, Path(scratch))
            return _merged(paths, manifest, files, keep=keep)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            tr("The backup could not be restored: {error}.", error=getattr(error, "strerror", None) or error),
            tr("Nothing was changed. Check the free space and the permissions of {data}.", data=paths.data),
            detail=repr(error),
        ) from error


# -- reading ----------------------------------------------------------------------------------------


def _damaged(backup: Path, why: str) -> StoreError:
    return StoreError(
        tr("{name} is damaged, or no backup of Heft's.", name=backup.name),
        tr("Nothing was changed. Choose another file."),
        detail=why,
        kind=FailureKind.BAD_BACKUP,
    )


def _newer(backup: Path, heft: str) -> StoreError:
    return StoreError(
        tr("A newer version of Heft wrote {name}", name=backup.name) + (f": {heft}." if heft else "."),
        tr("Nothing was changed. Install that version, or a later one, and restore it there."),
        kind=FailureKind.NEWER_BACKUP,
    )


def _unpacked(backup: Path, scratch: Path) -> tuple[Manifest, dict[str, Path]]:
    """The parts of a backup as files, checked to the last byte, databases with this version's schema."""
    if not backup.is_file():
        raise StoreError(
            tr("There is no file {name}.", name=backup.name), tr("Choose the backup again."), kind=FailureKind.NOT_FOUND
        )
    try:
        with zipfile.ZipFile(backup) as archive:
            manifest = _manifest(backup, archive)
            files = {name: scratch / f"restored-{name}" for name in VERSIONS if name in manifest.parts}
            for name, file in files.items():
                with archive.open(name) as stream:
                    _unpack(backup, stream, manifest.parts[name], file)
        for name, file in files.items():
            _check(backup, name, file)
        return manifest, files
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise _damaged(backup, repr(error)) from error  # what zipfile and msgspec raise for such files
    except sqlite3.DatabaseError as error:
        raise _damaged(backup, repr(error)) from error


def _manifest(backup: Path, archive: zipfile.ZipFile) -> Manifest:
    with archive.open(MANIFEST) as stream:
        raw = stream.read(_LONGEST_MANIFEST + 1)
    head = msgspec.json.decode(raw[:_LONGEST_MANIFEST], type=dict[str, Any])
    if head.get("format") != FORMAT:
        raise _damaged(backup, f"format {head.get('format')!r}")
    if isinstance(head.get("version"), int) and head["version"] > VERSION:
        raise _newer(backup, str(head.get("heft", ""))[:40])
    manifest = msgspec.convert(head, Manifest)
    if any(part.version > VERSIONS.get(name, 0) for name, part in manifest.parts.items()):
        raise _newer(backup, manifest.heft[:40])
    return manifest


def _unpack(backup: Path, stream: IO[bytes], part: BackedUp, file: Path) -> None:
    """Copy a part, no longer than it says it is, and compare it with its checksum."""
    digest, size = hashlib.sha256(), 0
    with file.open("wb") as out:
        while chunk := stream.read(min(_CHUNK, part.bytes - size + 1)):
            size += len(chunk)
            if size > part.bytes:
                break
            digest.update(chunk)
            out.write(chunk)
    if size != part.bytes or digest.hexdigest() != part.sha256:
        raise _damaged(backup, f"{file.name}: {size} bytes, {digest.hexdigest()}")


def _check(backup: Path, name: str, file: Path) -> None:
    if name in DATABASES:
        with closing(sqlite3.connect(file)) as raw:
            if raw.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise _damaged(backup, f"{name}: integrity check")
        database, aside = open_database(file, DATABASES[name])  # brings an older one to this version's schema
        database.execute("PRAGMA journal_mode = DELETE")  # one file, which the other connection reads alone
        database.close()
        if aside is not None:
            raise _damaged(backup, f"{name}: not a database")
    elif name == SETTINGS:
        SettingsStore(file).load()
        if not file.exists():  # it was set aside
            raise _damaged(backup, f"{name}: not understood")
    else:
        Remembered.decode(file.read_bytes())


# -- doing ------------------------------------------------------------------------------------------


def _merged(paths: Paths, manifest: Manifest, files: dict[str, Path], *, keep: bool) -> Restored:
    chats, runs = chats_merge.Merged(0, 0), 0
    added = replaced = changed = 0
    documents: dict[Path, bytes] = {}
    if SETTINGS in files:
        documents[paths.settings], changed = _settings(paths, files[SETTINGS])
    if MODELS in files:
        documents[paths.load_settings], added, replaced = _models(paths, files[MODELS])
    with ExitStack() as transactions:  # what fails in here, a commit too, takes back what was done before it
        if keep:
            transactions.enter_context(_files_put_back(documents))
        if CHATS in files:
            database = transactions.enter_context(_transaction(paths.chats, CHATS, files[CHATS], keep=keep))
            chats = chats_merge.merge(database)
        if LEDGER in files:
            database = transactions.enter_context(_transaction(paths.ledger, LEDGER, files[LEDGER], keep=keep))
            runs = _add_runs(database)
        if keep:
            for path, content in documents.items():
                write_atomically(path, content)
    return Restored(manifest.made, manifest.heft, chats.added, chats.kept, changed, added, replaced, runs)


@contextmanager
def _transaction(path: Path, name: str, other: Path, *, keep: bool) -> Iterator[sqlite3.Connection]:
    """A transaction on a database of Heft's with the backup's beside it; without ``keep`` it leaves no trace."""
    if keep:
        database, _ = open_database(path, DATABASES[name])
    else:  # a look makes no file where there is none
        database = sqlite3.connect(":memory:", isolation_level=None)
        if path.is_file():
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as kept:
                kept.backup(database)
        else:
            for migration in DATABASES[name].migrations:
                database.executescript(migration)
    with closing(database):
        database.execute(f"ATTACH DATABASE ? AS {chats_merge.OTHER}", (str(other),))
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT" if keep else "ROLLBACK")


@contextmanager
def _files_put_back(documents: dict[Path, bytes]) -> Iterator[None]:
    """Remembers files as they are; puts them back where what follows fails."""
    before = {path: path.read_bytes() if path.is_file() else None for path in documents}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            with suppress(OSError):
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    write_atomically(path, content)
        raise


def _add_runs(database: sqlite3.Connection) -> int:
    """Add the runs that are not here; numbers follow time, as the ledger has it, and the newest are kept."""
    columns = ", ".join(row[1] for row in database.execute("PRAGMA main.table_info('runs')") if row[1] != "id")
    here = database.execute(f"SELECT {columns} FROM main.runs").fetchall()
    theirs = database.execute(f"SELECT {columns} FROM {chats_merge.OTHER}.runs").fetchall()
    known = set(here)
    new = [row for row in theirs if row not in known]
    if not new:
        return 0
    at = [name.strip() for name in columns.split(",")].index("at")
    every = sorted([*here, *new], key=lambda row: float(row[at]))[-KEPT_RUNS:]
    database.execute("DELETE FROM main.runs")
    marks = ", ".join("?" * len(new[0]))
    database.executemany(f"INSERT INTO main.runs ({columns}) VALUES ({marks})", every)
    return len(set(every) & set(new))


def _settings(paths: Paths, file: Path) -> tuple[bytes, int]:
    """The settings as they will be, and how many options change; a password that stands here alone is kept."""
    now = SettingsStore(paths.settings).load()
    document = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    proxy = now.get(PROXY)
    if proxy and document.get(PROXY.key) == password_removed(proxy):
        document[PROXY.key] = proxy
        write_atomically(file, msgspec.json.encode(document), durable=False)
    then = SettingsStore(file).load()
    return file.read_bytes(), _differences(now, then)


def _differences(now: SettingsData, then: SettingsData) -> int:
    before, after = now.changed(), then.changed()
    missing = object()
    return sum(before.get(key, missing) != after.get(key, missing) for key in {*before, *after})


def _models(paths: Paths, file: Path) -> tuple[bytes, int, int]:
    """What is remembered of models as it will be, how many are new, and how many become other ones."""
    theirs = Remembered.decode(file.read_bytes())
    here = Remembered()
    if paths.load_settings.is_file():
        with suppress(ValueError):  # what cannot be understood counts as empty, as ever
            here = Remembered.decode(paths.load_settings.read_bytes())
    names = {*theirs.models, *theirs.answers}
    known = names & {*here.models, *here.answers}
    other = sum(
        theirs.models.get(name, here.models.get(name)) != here.models.get(name)
        or theirs.answers.get(name, here.answers.get(name)) != here.answers.get(name)
        for name in known
    )
    merged = Remembered(models=here.models | theirs.models, answers=here.answers | theirs.answers)
    return merged.encode(), len(names) - len(known), other
