"""Declared keys as Qt knows them: how they are shown, which ones an event presses, and shortcuts of single widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.core.words import tr
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action, WidgetKeys

_KEYPAD = Qt.KeyboardModifier.KeypadModifier.value
_SHIFT = Qt.KeyboardModifier.ShiftModifier.value


@cache
def sequences(action: Action) -> tuple[QKeySequence, ...]:
    """All shortcuts of an action on this platform, the one to show first."""
    return tuple(QKeySequence.fromString(keys, QKeySequence.SequenceFormat.PortableText) for keys in action.keys)


def shown_keys(action: Action) -> str:
    """The shortcut as this platform writes it; "" for none."""
    found = sequences(action)
    return found[0].toString(QKeySequence.SequenceFormat.NativeText) if found else ""


def listed_keys(entry: Action | WidgetKeys) -> str:
    """All keys, for the list of shortcuts; "" for none. To a reader, Return is the keypad's Enter beside it."""
    if isinstance(entry, Action):
        return tr(" or ").join(_native(keys) for keys in sequences(entry) if "Return" not in keys.toString())
    keys = entry.shown or ", ".join(_native(QKeySequence(key)) for key in entry.keys if "Return" not in key)
    return ", ".join(filter(None, (keys, entry.mouse)))


def tooltip(action: Action) -> str:
    """What a control says that does this: ``Look for models again (F5)``."""
    words, keys = action.tip or action.words.rstrip("…"), shown_keys(action)
    return f"{words} ({keys})" if keys else words


def matches(event: QKeyEvent, action: Action) -> bool:
    """Whether a key event is one of the action's shortcuts; for widgets that answer their keys themselves."""
    return _answer(_combinations(sequences(action)), event) is not None


def answer(event: QKeyEvent, keys: WidgetKeys) -> Any:
    """What the pressed key means to the widget; None for a key that is not among them."""
    return _answer(_answers(keys), event)


def key_for(keys: WidgetKeys, meaning: object) -> str:
    """The first key that means this, as this platform writes it; StopIteration for none."""
    return _native(QKeySequence(next(key for key, means in keys.answers if means == meaning)))


def add_keys(
    widget: QWidget,
    keys: WidgetKeys,
    call: Callable[[Any], object],
    context: Qt.ShortcutContext = Qt.ShortcutContext.WidgetShortcut,
) -> list[QShortcut]:
    """Give a widget that is not our own class its keys; ``call`` gets what the pressed one means."""
    made = []
    for key, meaning in keys.answers:
        shortcut = QShortcut(QKeySequence(key), widget)
        shortcut.setContext(context)
        shortcut.activated.connect(calling(call, meaning))
        made.append(shortcut)
    return made


def hear(widget: QWidget, action: Action, call: Callable[[], object]) -> None:
    """Give a widget an action's shortcuts, for as long as it has the keyboard itself."""
    add_shortcuts(widget, action, Qt.ShortcutContext.WidgetShortcut, call)


def add_shortcuts(widget: QWidget, action: Action, context: Qt.ShortcutContext, call: Callable[[], object]) -> None:
    """The action's shortcuts in a context of ``widget``; each is found by the action's id."""
    for keys in sequences(action):
        shortcut = QShortcut(keys, widget)
        shortcut.setObjectName(action.id)
        shortcut.setContext(context)
        shortcut.setAutoRepeat(action.repeats)
        shortcut.activated.connect(call)


def _native(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.NativeText)


def _combined(keys: QKeySequence) -> int:
    return int(keys[0].toCombined())  # type: ignore[index]


@cache
def _combinations(keys: Iterable[QKeySequence]) -> dict[int, bool]:
    return {_combined(sequence): True for sequence in keys}


@cache
def _answers(keys: WidgetKeys) -> dict[int, Any]:
    return {_combined(QKeySequence(key)): value for key, value in keys.answers}


def _answer(known: dict[int, Any], event: QKeyEvent) -> Any:
    pressed = event.key() | event.modifiers().value & ~_KEYPAD
    if pressed not in known and 0x20 < event.key() < 0x80 and not chr(event.key()).isalpha():
        pressed &= ~_SHIFT  # a sign is a sign, whichever key of this keyboard it stands on
    return known.get(pressed)
