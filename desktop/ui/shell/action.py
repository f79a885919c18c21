"""What an action is: a value, declared once and without Qt.

Menus, tooltips, shortcuts, their list (Ctrl+/) and the command palette (Ctrl+K) are all made from the declarations:
``shell/actions.py`` has the window's, ``actions.py`` of each wing those of its page.
:mod:`desktop.ui.shell.action_registry` turns them into Qt's objects and calls what does them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold before an action can be done. ``reason`` is shown where it does not."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something the user can do.

    ``keys`` are shortcuts in Qt's portable form ("Ctrl+N"), the first is the one shown. They work everywhere in the
    window, or while the page is in view, by the table that the action is declared in. With ``widget``, an object name,
    they work only while that widget has the keyboard, and the widget answers them itself.

    ``words`` say what it does to a reader who sees nothing else, in the palette and the list of shortcuts. ``short`` is
    for buttons and menus beside what it is done to, ``tip`` what a tooltip says where the words say too little.
    ``icon`` names a file of resources/icons. ``repeats``: a key held down does it again and again, as it should where
    it goes one step further; else once.
    """

    id: str
    words: str
    keys: tuple[str, ...] = ()
    short: str = ""
    tip: str = ""
    icon: str = ""
    needs: tuple[Condition, ...] = ()
    widget: str = ""
    checkable: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class WidgetKeys:
    """Keys that move about in one widget, each with what it means there; listed, but nothing for the palette.

    ``widget`` is the object name, ``answers`` pairs each key with its meaning to the widget, ``shown`` is how the list
    of shortcuts names the keys where that is shorter than all of them, ``mouse`` does the same by mouse.
    """

    words: str
    widget: str
    answers: tuple[tuple[str, Any], ...]
    shown: str = ""
    mouse: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys alone."""
        return tuple(key for key, _ in self.answers)


Declared = tuple[Action | WidgetKeys, ...]  # one page's, or the window's


def actions_of(declared: Iterable[Action | WidgetKeys]) -> list[Action]:
    """The actions of a table, without what is only keys."""
    return [entry for entry in declared if isinstance(entry, Action)]
