"""What the command palette finds, without Qt: groups of entries, and the closest of them to what was typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.models.kind_words import kind_name

if TYPE_CHECKING:
    from desktop.store.chats import Chat
    from desktop.store.library import LibraryModel

MOST_OF_A_GROUP = 8  # while several groups have something
MOST_ALONE = 50
MOST_UNASKED = 5  # of models, chats and settings before anything was typed
MOST_CHARACTERS = 200  # of a title: a longer one is no title, and nobody types more


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to choose. ``detail`` stands at the right, ``reason`` says why it cannot be chosen now."""

    title: str
    key: Any = None  # what the source knows it by
    detail: str = ""
    reason: str = ""
    icon: str = ""
    words: str = ""  # it is found by these too


@dataclass(frozen=True, slots=True)
class Source:
    """A group of entries under one heading. ``entries`` may take a while where ``slow``: then it runs on a worker."""

    title: str
    entries: Callable[[], Sequence[Entry]]
    choose: Callable[[Any], object]
    slow: bool = True
    most_unasked: int = MOST_UNASKED


class Group:
    """A source's entries as they are now, ready to be searched."""

    def __init__(self, source: Source, entries: Iterable[Entry]) -> None:
        self.source = source
        self.entries = tuple(entries)
        from desktop.core.fuzzy import Titles  # a start does not wait for it

        self._titles = Titles([_findable(entry) for entry in self.entries])

    def closest(self, query: str, limit: int) -> list[tuple[int, Entry]]:
        """Rank and entry of the closest ones."""
        return [(match.rank, self.entries[match.index]) for match in self._titles.search(query, limit)]


@dataclass(frozen=True, slots=True)
class PaletteRow:
    """A line of the palette: a heading, or an entry with the stretches of its title that were typed."""

    title: str
    entry: Entry | None = None
    source: Source | None = None
    marks: tuple[tuple[int, int], ...] = ()


def rows(groups: Sequence[Group], query: str) -> list[PaletteRow]:
    """The lines for what was typed. The group with the closest match comes first, else they keep their order."""
    from desktop.core.fuzzy import matched

    query = " ".join(query.split())
    found = []
    for number, group in enumerate(groups):
        limit = MOST_ALONE if query else group.source.most_unasked
        closest = group.closest(query, limit)
        if closest:
            found.append((closest[0][0] if query else 0, number, group.source, [entry for _, entry in closest]))
    found.sort(key=lambda entry: entry[:2])
    most = MOST_OF_A_GROUP if query and len(found) > 1 else None
    lines: list[PaletteRow] = []
    for _, _, source, entries in found:
        lines.append(PaletteRow(source.title))
        lines += [
            PaletteRow(entry.title, entry, source, tuple(matched(entry.title, query))) for entry in entries[:most]
        ]
    return lines


def _findable(entry: Entry) -> str:
    return f"{entry.title} {entry.words}" if entry.words else entry.title


# -- the sources that are no actions -------------------------------------------------------------


class Option(Protocol):
    """What is asked of an option: its key, words, and the page of the settings that it is on."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def page(self) -> Any: ...


def models_source(models: Callable[[], Sequence[LibraryModel]], choose: Callable[[Path], object]) -> Source:
    """Models of this computer, those used last in front; choosing one is given its file."""

    def entries() -> list[Entry]:
        found = sorted(models(), key=lambda model: -(model.last_used or 0.0))
        return [
            Entry(
                _title(model.title),
                model.path,
                f"⚠ {model.problem}" if model.problem else _told(model),
                icon="library",
            )
            for model in found
        ]

    return Source(tr("Models"), entries, choose)


def _told(model: LibraryModel) -> str:
    """What it is where it cannot chat, else what tells it from others of its name."""
    return kind_name(model.kind) if not model.kind.writes_text else _title(model.apart or model.path.parent.name)


def chats_source(chats: Callable[[], Sequence[Chat]], choose: Callable[[int], object]) -> Source:
    """Chats in their order; choosing one is given its number."""

    def entries() -> list[Entry]:
        return [
            Entry(_title(chat.title) or tr("New chat"), chat.id, _title(chat.model), icon="chat") for chat in chats()
        ]

    return Source(tr("Chats"), entries, choose)


def options_source(
    options: Sequence[Option], pages: Mapping[Any, str], choose: Callable[[tuple[Any, str]], object]
) -> Source:
    """Options by their labels; choosing one is given its page and key."""

    def entries() -> list[Entry]:
        return [
            Entry(option.label, (option.page, option.key), pages[option.page], icon="settings", words=option.words)
            for option in options
        ]

    return Source(tr("Settings"), entries, choose, slow=False)


def _title(text: str) -> str:
    """A stranger's text as one line."""
    return visible_in_place(" ".join(text[:MOST_CHARACTERS].split()))
