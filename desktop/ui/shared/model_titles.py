"""A model's name as an entry of a menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.core.text import visible_in_place

if TYPE_CHECKING:
    from desktop.store.library import LibraryModel


def menu_title(model: LibraryModel, most: int) -> str:
    """Name and what tells it from others of that name, in about ``most`` characters, as Qt's menus take it.

    The middle of a long name is left out: its end tells the variants of a model apart.
    """
    return (
        f"{shortened(model.name, most)} ({shortened(model.apart, most)})"
        if model.apart
        else shortened(model.name, most)
    )


def shortened(text: str, most: int) -> str:
    """A text of at most ``most`` characters, without its middle where it is longer, as Qt's menus take it."""
    text, half = visible_in_place(text), most // 2
    return (text if len(text) <= most else f"{text[: half - 1]}…{text[-half:]}").replace("&", "&&")
