"""What a model is given of a tool's result, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.core.units import human_bytes
from desktop.mcp.records import ResultPart

LEAST_CHARACTERS = 4_000
MOST_CHARACTERS = 200_000
_SPOKEN = {"picture": "A picture", "sound": "A sound", "resource": "A file", "link": "A link"}


@dataclass(frozen=True)
class GivenResult:
    """``text`` is what the model is given. ``notes`` say what it is not given, for the person."""

    text: str
    notes: tuple[str, ...] = ()


def limit_for(context_length: int) -> int:
    """Characters of one result: with four letters a token, a quarter of the context. ``context_length`` in tokens."""
    return min(max(context_length, LEAST_CHARACTERS), MOST_CHARACTERS) if context_length else MOST_CHARACTERS


def given(parts: Sequence[ResultPart], size: int, context_length: int) -> GivenResult:
    """The result as text, cut where it is longer than the model has room for: to the model, too, that is said."""
    texts: list[str] = []
    notes: list[str] = []
    for part in parts:
        if part.kind in ("text", "data") or (part.kind == "resource" and part.text):
            head = f"[{part.name}]\n" if part.kind == "resource" and part.name else ""
            texts.append(head + part.text)
        elif part.kind == "link":
            texts.append(f"[link: {part.text or part.name} {part.name}]")
        else:
            what = ", ".join(filter(None, (part.mime or "of unknown kind", human_bytes(part.size))))
            texts.append(f"[{_SPOKEN[part.kind].lower()} ({what}), which is not given to you]")
            notes.append(f"{_SPOKEN[part.kind]} ({what}) is not given to the model.")
    text = "\n\n".join(filter(None, texts))
    limit = limit_for(context_length)
    if len(text) > limit or size > sum(part.size for part in parts if part.size):
        whole = human_bytes(size)
        text = f"{text[:limit]}\n[cut here: the whole result has {whole}]"
        notes.append(f"The model is given the first {limit:,} characters of {whole}.")
    return GivenResult(text or "(nothing)", tuple(notes))
