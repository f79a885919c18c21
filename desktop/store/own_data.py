"""What Heft keeps on the disk: where it is, how much it takes, what may be thrown away, and all of it as one file."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import StoreError
from desktop.core.progress import Progress, Report
from desktop.core.text import file_name
from desktop.core.words import tr
from desktop.store.chats import ChatStore
from desktop.store.option_kinds import without_password
from desktop.store.options import PROXY
from desktop.store.paths import Paths
from desktop.system.atomic import user_file

PlaceName = Literal["settings", "chats", "measurements", "models", "backends", "downloads", "caches", "logs"]
_UNSAFE = re.compile(r"[^\w .,()-]+")
_LONGEST_NAME = 60  # characters of a chat's title in its file's name


@dataclass(frozen=True)
class DataPlace:
    """A kind of data and the files or folders that hold it. ``opens`` is the folder that shows it."""

    name: PlaceName
    paths: tuple[Path, ...]
    opens: Path


def own_places(paths: Paths, downloads: Path) -> tuple[DataPlace, ...]:
    """All that Heft keeps; ``downloads`` is the folder that models are fetched into."""
    data = paths.data
    return (
        DataPlace("settings", (paths.settings,), data),
        DataPlace("chats", _database(paths.chats), data),
        DataPlace(
            "measurements",
            (*_database(paths.ledger), paths.calibrations, paths.measurements, paths.votes, data / "library.json"),
            data,
        ),
        DataPlace("models", (paths.models,), paths.models),
        DataPlace("backends", (paths.backends,), paths.backends),
        DataPlace("downloads", (downloads,), downloads),
        DataPlace("caches", _caches(paths), paths.cache),
        DataPlace("logs", (paths.logs,), paths.logs),
    )


def size_of(place: DataPlace, cancelled: Cancelled = never) -> int:
    """Bytes of all files of a place; links are not followed, a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in place.paths:
        for file in _files(path):
            if cancelled():
                return total
            with suppress(OSError):
                status = file.lstat()
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    total += status.st_size
    return total


def clear_caches(paths: Paths) -> int:
    """Throw away what can be fetched or worked out again; the bytes that were freed. Raises StoreError."""
    caches = next(place for place in own_places(paths, paths.models) if place.name == "caches")
    before = size_of(caches)
    try:
        for path in caches.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            tr("The caches could not be cleared: {strerror}.", strerror=error.strerror or error),
            tr("Check the permissions of {cache}, and that no other program uses it.", cache=paths.cache),
            detail=str(error),
        ) from error
    return before - size_of(caches)


def export_everything(paths: Paths, target: Path, progress: Report) -> int:
    """Settings, chats and measurements as one zip file; its size in bytes. Raises StoreError.

    Chats go in twice: as the database, whole, and as Markdown to read. Models, backends, caches and logs stay out; a
    token is in none of it, and a password that stands in the proxy's address is left out.
    """
    try:
        with (
            tempfile.TemporaryDirectory(prefix="heft-export-") as scratch,
            user_file(target) as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out,
        ):
            _add_settings(out, paths.settings)
            for file in (paths.calibrations, paths.data / "library.json"):
                if file.is_file():
                    out.write(file, file.name)
            if paths.ledger.is_file():
                out.write(snapshot(paths.ledger, Path(scratch)), paths.ledger.name)
            if paths.chats.is_file():
                copy = snapshot(paths.chats, Path(scratch))
                out.write(copy, paths.chats.name)
                _add_chats(out, copy, progress)
        return target.stat().st_size
    except (OSError, sqlite3.Error, zipfile.BadZipFile) as error:
        raise StoreError(
            tr("The export could not be written: {error}.", error=getattr(error, "strerror", None) or error),
            tr("Choose another folder, or make room for it: {parent}", parent=target.parent),
            detail=str(error),
        ) from error


def _add_settings(out: zipfile.ZipFile, settings: Path) -> None:
    if not settings.is_file():
        return
    try:
        document = json.loads(settings.read_text(encoding="utf-8"))
    except ValueError:
        return  # damaged: the next start puts it aside
    if isinstance(document.get(PROXY.key), str):
        document[PROXY.key] = without_password(document[PROXY.key])
    out.writestr(settings.name, json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def _add_chats(out: zipfile.ZipFile, database: Path, progress: Report) -> None:
    with closing(ChatStore(database)) as store:
        chats = store.chats()
        for number, chat in enumerate(chats, 1):
            out.writestr(f"chats/{chat.id:05d} {file_name(chat.title, 'md')}", store.export_markdown(chat.id))
            progress(Progress(number, len(chats), "chats", chat.title))


def snapshot(database: Path, folder: Path) -> Path:
    """A whole copy of a database that another thread or program may be writing to."""
    copy = folder / database.name
    address = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _database(path: Path) -> tuple[Path, ...]:
    return (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))


def _caches(paths: Paths) -> tuple[Path, ...]:
    """What lies in the cache folder but the logs and what running engines work in."""
    try:
        entries = sorted(paths.cache.iterdir())
    except OSError:
        return ()
    return tuple(entry for entry in entries if entry not in (paths.logs, paths.scratch))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file() or path.is_symlink():
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            yield Path(folder, name)
