"""Where the converter's Python files lie, and which packages they ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from desktop.engine.backends import engine_package
from desktop.engine.builder.converter import FOLDER, REQUIREMENTS, SCRIPT, gathered_from
from desktop.engine.server.program import engine_version

_OWN = re.compile(r"gguf\b")  # comes with the sources
_INDEX = re.compile(r"--extra-index-url[ =]+(\S+)")
_MOST_FILES = 10  # requirements that include others


@dataclass(frozen=True)
class ConverterSources:
    """The folder of the converter. ``requirements`` are its packages as pip takes them ("torch==2.11.0"); ``index`` is
    the further index that the converter's own requirements name, "" where they name none."""

    folder: Path
    requirements: tuple[str, ...]
    index: str

    @property
    def script(self) -> Path:
        """The program."""
        return self.folder / SCRIPT


def kept_folder(cache: Path) -> Path:
    """Where a converter is put that did not come with the engine."""
    return cache / FOLDER / (engine_version() or "unknown")


def find_sources(cache: Path) -> ConverterSources | None:
    """The converter that was put into the folder ``cache``, or lies beside the engine; None where there is none."""
    folders = (kept_folder(cache), engine_package() / "lib" / FOLDER)
    return next((read_sources(folder) for folder in folders if gathered_from(folder)), None)


def read_sources(folder: Path) -> ConverterSources:
    """The converter of a folder. Raises OSError where its requirements are missing."""
    requirements: list[str] = []
    index = ""
    waiting, seen = [folder / REQUIREMENTS], set[Path]()
    while waiting and len(seen) < _MOST_FILES:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        for line in file.read_text(encoding="utf-8").splitlines():
            text = line.partition(" #")[0].strip()
            if text.startswith("-r "):
                waiting.append((file.parent / text[3:].strip()).resolve())
            elif found := _INDEX.match(text):
                index = found[1]
            elif text and text[0] not in "-#" and not _OWN.match(text):
                requirements.append(text)
    return ConverterSources(folder, tuple(requirements), index)
