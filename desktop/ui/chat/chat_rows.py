"""How the list of chats is arranged: what is pinned, then each folder, then the rest, under headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.core.words import counted, tr
from desktop.store.chats import Chat
from desktop.store.chats_order import Folder

SectionKind = Literal["pinned", "folder", "rest"]
_WORDS: dict[SectionKind, str] = {"pinned": tr("Pinned"), "folder": "", "rest": tr("Chats")}


@dataclass(frozen=True)
class Section:
    """A heading of the list. ``name`` is a folder's; ``count`` its chats, which are not listed while it is folded."""

    kind: SectionKind
    name: str = ""
    count: int = 0
    folded: bool = False

    @property
    def title(self) -> str:
        """As it is shown."""
        return self.name or _WORDS[self.kind]

    @property
    def spoken(self) -> str:
        """As it is read aloud."""
        chats = counted(self.count, "chat")
        return (
            tr(
                "Folder {name}, {chats}, closed" if self.folded else "Folder {name}, {chats}, open",
                name=self.name,
                chats=chats,
            )
            if self.name
            else self.title
        )


Row = Chat | Section


def arranged(chats: Sequence[Chat], folders: Sequence[Folder]) -> list[Row]:
    """The rows of the list, from chats in their order. Without pins and folders there is no heading."""
    pinned = [chat for chat in chats if chat.pinned]
    if not pinned and not folders:
        return list(chats)
    names = {folder.name for folder in folders}
    rows: list[Row] = [Section("pinned", count=len(pinned)), *pinned] if pinned else []
    within: dict[str, list[Chat]] = {name: [] for name in ("", *names)}
    for chat in chats:
        if not chat.pinned:
            within[chat.folder if chat.folder in names else ""].append(chat)
    for folder in folders:
        inside = within[folder.name]
        rows.append(Section("folder", folder.name, len(inside), folder.folded))
        rows += [] if folder.folded else inside
    return [*rows, Section("rest", count=len(within[""])), *within[""]]


def key_of(row: Row) -> int | tuple[str, str]:
    """What stays the same of a row while what it says changes."""
    return row.id if isinstance(row, Chat) else (row.kind, row.name)
