"""Names of tools as a model is given them: the letters that every protocol takes, each of them once."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 64  # OpenAI's limit, which other servers took over
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")


def model_names(tools: Iterable[tuple[str, str]]) -> list[str]:
    """A name for each (server, tool), in order. A tool keeps its own name where that is valid and no other has it.

    Of tools with the same name each is named after its server, too; what is still the same is numbered.
    """
    asked = list(tools)
    plain = [_valid(tool) for _, tool in asked]
    names: list[str] = []
    for (server, _), name in zip(asked, plain, strict=True):
        wanted = name if plain.count(name) == 1 else _cut(f"{_valid(server)}_{name}")
        found, number = wanted, 1
        while found in names:
            number += 1
            found = f"{_cut(wanted, LONGEST - 1 - len(str(number)))}_{number}"
        names.append(found)
    return names


def _valid(name: str) -> str:
    return _cut(_OTHER.sub("_", name).strip("_") or "tool")


def _cut(name: str, length: int = LONGEST) -> str:
    return name[:length]
