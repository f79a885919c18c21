"""What a system's loader says of a library that it cannot load.

The words are those of glibc (elf/dl-load.c, elf/dl-version.c, elf/dl-lookup.c), of dyld on macOS, of Python's ctypes
and importlib on Windows, of PyInstaller's starter and of llama-cpp-python's loader. A process that lacks a library
often writes nothing else before it ends: the system may refuse it before Python runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from desktop.core.words import tr

Fault = Literal["missing", "old", "unfit"]
# Windows ends a process with these before it says anything (ntstatus.h)
_WINDOWS_CODES: dict[int, Fault] = {0xC0000135: "missing", 0xC0000139: "old", 0xC000007B: "unfit"}
_NAME = r"(?<![^:\n])(?P<name>[^:\n]+)"
_PATTERNS: tuple[tuple[str, Fault], ...] = (
    (rf"{_NAME}: cannot open shared object file: No such file", "missing"),
    (rf"{_NAME}: version [`'](?P<what>[^']+)' not found", "old"),
    (rf"{_NAME}: (?P<what>undefined symbol: [^\s,]+)", "unfit"),
    (rf"{_NAME}: (?P<what>cannot open shared object file: (?!No such file)[^\n]+)", "unfit"),
    (rf"{_NAME}: (?P<what>failed to map segment from shared object[^\n]*)", "unfit"),
    (rf"{_NAME}: (?P<what>file too short|invalid ELF header|wrong ELF class: \w+)", "unfit"),
    (r"Library not loaded: (?P<name>[^\n]+)", "missing"),
    (r"(?P<what>Symbol not found: [^\n]+)\n\s*Referenced from: (?P<name>[^\n]+)", "unfit"),
    (r"Could not find module '(?P<name>[^']+)' \(or one of its dependencies\)", "missing"),
    (r"DLL load failed while importing (?P<name>\w+)", "missing"),
    (r"Failed to load Python DLL '(?P<name>[^']+)'", "missing"),
    (r"Shared library with base name '(?P<name>\w+)' not found", "missing"),
    (r"No module named '(?P<name>[\w.]+)'", "missing"),
)
_RULES = tuple((re.compile(pattern), fault) for pattern, fault in _PATTERNS)


@dataclass(frozen=True)
class Trouble:
    """A library that could not be loaded; ``name`` is empty where the system does not say it."""

    fault: Fault
    name: str = ""
    folder: str = ""
    what: str = ""

    def reason(self, whom: str) -> str:
        """In words, as the end of a sentence; ``whom`` needs the library: "the engine"."""
        named = f": {self.name}" if self.name else ""
        if self.fault == "missing":
            return tr("a library that {whom} needs is missing{named}.", whom=whom, named=named)
        if self.fault == "old":
            return tr(
                "a library that {whom} needs is too old{named}{value}.",
                whom=whom,
                named=named,
                value=f" lacks {self.what}" if self.what else "",
            )
        return tr(
            "a library that {whom} needs cannot be used{named}{value}.",
            whom=whom,
            named=named,
            value=f" ({self.what})" if self.what else "",
        )


def find_trouble(words: str, exit_code: int | None = None) -> Trouble | None:
    """The last complaint of a loader in ``words``: that is the one that ended the process. None without one."""
    found = [(match.start(), match, fault) for pattern, fault in _RULES for match in pattern.finditer(words)]
    if found:
        _, match, fault = max(found, key=lambda item: item[0])
        path = match["name"].strip(" '\"").replace("\\", "/")
        folder, _, name = path.rpartition("/")
        return Trouble(fault, name, folder, match.groupdict().get("what") or "")
    code = exit_code & 0xFFFFFFFF if exit_code is not None else 0
    return Trouble(_WINDOWS_CODES[code]) if code in _WINDOWS_CODES else None
