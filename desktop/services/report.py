"""``heft report``: what a developer asks for first in one zip file, without who somebody is and what was said.

In it: versions, the machine, which settings are not the defaults, the logs and the last crashes. Never in it: chats,
prompts, presets, the names of folders of the user's, addresses, tokens. Of what is in the logs, the names of users and
computers and the paths of home folders are taken out.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import socket
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from desktop import __version__
from desktop.core.errors import HeftError, StoreError
from desktop.core.hardware import Machine
from desktop.core.secrets import REMOVED, TOKEN_VARIABLES, without_tokens
from desktop.core.words import tr
from desktop.engine.api import Hello
from desktop.store.option_kinds import ByteSize, Choice, Switch, Whole
from desktop.store.options import OPTIONS
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.system.crashes import crash_files

_LOG_BYTES = 2_000_000  # of each file, the newest
_SHORTEST_NAME = 3  # a shorter one would take words out of the text
_SAID = (Switch, Choice, Whole, ByteSize)  # kinds whose values say nothing about a person
_PACKAGES = ("PySide6_Essentials", "llama_cpp_python", "huggingface_hub", "gguf", "msgspec", "psutil")
# A user's folder, wherever it is kept: Linux, macOS, Windows, removable disks.
_USER_FOLDER = re.compile(
    r"((?:/home|/Users|/media|/run/media|[A-Za-z]:(?:\\{1,2}|/)Users)[/\\]{1,2})" r"([^/\\\s\"':;,]+)"
)


def write_report(
    paths: Paths, folder: Path, machine: Callable[[], Machine], engine: Callable[[], Hello], token: str | None
) -> Path:
    """Write the report into ``folder`` and return its path. Raises StoreError where it cannot be written.

    ``machine`` and ``engine`` may raise HeftError: a report about what does not start must still be possible. ``token``
    is the Hub's, so that it is taken out wherever it may have got to.
    """
    target = _free_name(folder / f"heft-report-{time.strftime('%Y%m%d-%H%M%S')}.zip")
    clean = Cleaner(tokens=[token] if token else [])
    contents = {
        "versions.json": _document(_versions(engine)),
        "machine.json": _document(_asked(machine)),
        "settings.json": _document(_settings(paths)),
    }
    for path in _logs(paths):
        contents[f"logs/{path.name}"] = _end_of(path)
    for path in crash_files(paths.logs):
        contents[f"crashes/{path.name}"] = _end_of(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as out:
            for name, text in contents.items():
                out.writestr(name, clean(text))
    except OSError as error:
        raise StoreError(
            tr("The report could not be written: {strerror}.", strerror=error.strerror or error),
            tr("Choose another folder, or make room for it: {folder}", folder=folder),
            detail=str(error),
        ) from error
    return target


class Cleaner:
    """Takes out of a text who the user is: home folders, the names of user and computer, tokens."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens = [*tokens, *(os.environ.get(name, "") for name in TOKEN_VARIABLES)]
        homes = {str(Path.home()), *(os.environ.get(name, "") for name in ("HOME", "USERPROFILE", "HEFT_HOME"))}
        self._homes = sorted((home for home in homes if len(home) > 1), key=len, reverse=True)
        self._names = _pattern(_user_names(), keep={"root", "user", "users", "heft"})
        self._hosts = _pattern(_host_names(), keep={"localhost", "local"})

    def __call__(self, text: str) -> str:
        """``text`` without them."""
        for home in self._homes:
            text = text.replace(home, "~").replace(json.dumps(home)[1:-1], "~")
        text = _USER_FOLDER.sub(r"\g<1>USER", text)
        for pattern, word in ((self._names, "USER"), (self._hosts, "HOST")):
            if pattern is not None:
                text = pattern.sub(word, text)
        return without_tokens(text, self._tokens)


def _pattern(names: set[str], keep: set[str]) -> re.Pattern[str] | None:
    """Finds each of the names as a word of its own."""
    wanted = sorted((n for n in names if len(n) >= _SHORTEST_NAME and n.lower() not in keep), key=len, reverse=True)
    if not wanted:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, wanted))})(?![^\W_])", re.IGNORECASE)


def _user_names() -> set[str]:
    names = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")} | {Path.home().name}
    with suppress(Exception):  # no name at all: KeyError, OSError or ImportError, by system and version
        names.add(getpass.getuser())
    return names


def _host_names() -> set[str]:
    whole = {socket.gethostname(), platform.node(), os.environ.get("HOSTNAME", ""), os.environ.get("COMPUTERNAME", "")}
    return whole | {name.partition(".")[0] for name in whole}


def _versions(engine: Callable[[], Hello]) -> dict[str, Any]:
    told = _asked(engine)
    return {
        "heft": __version__,
        "kind": "installed" if getattr(sys, "frozen", False) else "checkout",
        "python": platform.python_version(),
        "system": platform.platform(),
        "qt": _version("PySide6_Essentials"),
        "engine": told if "error" in told else {key: told[key] for key in ("version", "backends", "cpu_variant")},
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not found"


def _settings(paths: Paths) -> dict[str, Any]:
    """What differs from the defaults; of what names a place or an address only that it does."""
    try:
        settings = SettingsStore(paths.settings).load()
    except HeftError as error:
        return {"error": error.as_dict()}
    return {
        option.key: settings.get(option) if isinstance(option.kind, _SAID) else REMOVED
        for option in OPTIONS
        if not settings.is_default(option)
    }


def _asked(question: Callable[[], Machine] | Callable[[], Hello]) -> dict[str, Any]:
    try:
        told: dict[str, Any] = msgspec.to_builtins(question())
    except HeftError as error:
        return {"error": error.as_dict()}
    return told


def _document(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _logs(paths: Paths) -> list[Path]:
    crashes = set(crash_files(paths.logs))
    with suppress(OSError):
        return sorted(path for path in paths.logs.iterdir() if ".log" in path.name and path not in crashes)
    return []


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(could not be read: {error.strerror})\n"


def _free_name(wanted: Path) -> Path:
    """``wanted``, or with a number where it is there already."""
    number, target = 1, wanted
    while target.exists():
        number += 1
        target = wanted.with_stem(f"{wanted.stem}-{number}")
    return target
