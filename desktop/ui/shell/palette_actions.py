"""The declared actions as the command palette lists them: those of the page in view first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from desktop.ui.shell.action import Action, Declared, actions_of
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.keys import shown_keys
from desktop.ui.shell.palette_sources import Entry


@dataclass(frozen=True)
class Offer:
    """The actions of the window (no ``page``) or of a page. ``commands`` does them, None before the first visit."""

    page: str
    title: str
    declared: Declared
    commands: ActionRegistry | None
    in_view: bool


def action_entries(offers: Iterable[Offer], but: Action) -> list[Entry]:
    """All actions ``but`` one, what can be done in front; the key of an entry is the page's name and the action.

    Why an action cannot be done is said for what is in view. One of another page goes there first and is told then.
    """
    entries: list[Entry] = []
    for offer in sorted(offers, key=lambda offer: not (offer.in_view and offer.page)):
        for action in actions_of(offer.declared):
            if action.id == but.id:
                continue
            commands = offer.commands if offer.in_view else None
            reason = commands.reason(action) if commands is not None else ""
            keys = shown_keys(action)
            on = commands is not None and action.checkable and commands.qaction(action).isChecked()
            detail = "✓" if on else keys if offer.in_view else " · ".join(filter(None, (offer.title, keys)))
            words = f"{action.tip} {offer.title}"
            entries.append(Entry(action.words, (offer.page, action), detail, reason, action.icon, words))
    return sorted(entries, key=lambda entry: bool(entry.reason))
