"""Ctrl+K of one window: its actions, those of the page in view first, and whatever else there is to find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.core.words import tr
from desktop.ui.shell.action import Action, Declared, actions_of
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.actions import PALETTE
from desktop.ui.shell.keys import shown_keys
from desktop.ui.shell.palette_sources import Entry, Source
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.ui.shell.palette import Palette

_ALL = 1000  # actions are all listed before anything is typed


@dataclass(frozen=True)
class Offer:
    """The actions of the window (no ``page``) or of a page. ``commands`` does them, None before the first visit."""

    page: str
    title: str
    declared: Declared
    commands: ActionRegistry | None
    in_view: bool


class Finder(QObject):
    """Makes the palette when it is first asked for, so that a start pays nothing for it."""

    failed = Signal(object)  # HeftError of a source

    def __init__(
        self,
        theme: Theme,
        tasks: Tasks,
        sources: Sequence[Source],
        offers: Callable[[], Iterable[Offer]],
        run: Callable[[str, Action], None],
        window: QWidget,
    ) -> None:
        """``offers`` are the actions as they are now; ``run`` does one of a page, "" for the window's own."""
        super().__init__(window)
        self._theme, self._tasks, self._window, self._run = theme, tasks, window, run
        actions = Source(tr("Actions"), lambda: action_entries(offers(), but=PALETTE), self._do, False, _ALL)
        self._sources = (actions, *sources)
        self._palette: Palette | None = None

    def open(self) -> None:
        """Show the palette, or leave it."""
        if self._palette is None:
            from desktop.ui.shell.palette import Palette

            self._palette = Palette(self._theme, self._tasks, self._sources, self._window)
            self._palette.failed.connect(self.failed)
        self._palette.open()

    def _do(self, key: Any) -> None:
        self._run(*key)


def action_entries(offers: Iterable[Offer], but: Action) -> list[Entry]:
    """All actions ``but`` one, what can be done in front; the key of an entry is the page's name and the action.

    What several pages do is one entry: of the page in view, else of the first that has it. Why an action cannot be done
    is said for what is in view. One of another page goes there first and is told then.
    """
    entries: list[Entry] = []
    listed = {but.id}
    for offer in sorted(offers, key=lambda offer: not (offer.in_view and offer.page)):
        for action in actions_of(offer.declared):
            if action.id in listed:
                continue
            listed.add(action.id)
            commands = offer.commands if offer.in_view else None
            reason = commands.reason(action) if commands is not None else ""
            keys = shown_keys(action)
            on = commands is not None and action.checkable and commands.qaction(action).isChecked()
            detail = "✓" if on else keys if offer.in_view else " · ".join(filter(None, (offer.title, keys)))
            words = f"{action.short} {action.tip} {offer.title}"  # what its button says finds it, too
            entries.append(Entry(action.words, (offer.page, action), detail, reason, action.icon, words))
    return sorted(entries, key=lambda entry: bool(entry.reason))
