"""The formats Heft knows by name: what each is, what runs it on which hardware, and what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop.core.formats.summary import Summary


@dataclass(frozen=True)
class Entry:
    """One format in words; ``source`` says where these facts come from."""

    id: str
    title: str
    what: str
    runs_on: str
    advice: str
    source: str


@dataclass(frozen=True)
class Catalog:
    """The entries by id."""

    entries: Mapping[str, Entry]

    def summary(self, id: str, **rest: Any) -> Summary:
        """A summary with the words of format ``id``; ``rest`` are the other fields of Summary. KeyError if unknown."""
        entry = self.entries[id]
        words = {"title": entry.title, "what": entry.what, "runs_on": entry.runs_on, "advice": entry.advice}
        return Summary(id=id, **{**words, **rest})


def catalog_from_document(document: Mapping[str, Any]) -> Catalog:
    """The catalog of the parsed file resources/data/formats.toml; KeyError when a row lacks a field."""
    return Catalog(
        {
            id: Entry(id, row["title"], row["what"], row.get("runs_on", ""), row["advice"], row["source"])
            for id, row in document.items()
        }
    )
