"""Turns declared actions into Qt's: one registry for the window, one for each page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QMenu, QPushButton, QWidget

from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action import Action, Condition, Declared, actions_of
from desktop.ui.shell.keys import add_shortcuts, shown_keys, tooltip


class ActionRegistry(QObject):
    """The actions of one owner: what each does, whether it can be done now, and why not.

    An action is possible when each of its conditions holds: told by :meth:`allow` when that changes, or asked when it
    matters by what :meth:`ask` was given. A shortcut pressed in vain says why.
    """

    refused = Signal(object)  # str: why what was asked for was not done

    def __init__(self, declared: Declared, owner: QWidget) -> None:
        """Shortcuts work in the window of ``owner`` while ``owner`` is visible."""
        super().__init__(owner)
        self.declared = declared
        self._owner = owner
        self._actions = {action.id: action for action in actions_of(declared)}
        self._made: dict[str, QAction] = {}
        self._missing: dict[Condition, str] = {}
        self._asked: dict[Condition, Callable[[], object]] = {}

    # -- what can be done ------------------------------------------------------------------------

    @property
    def actions(self) -> Sequence[Action]:
        """The declared actions, in their order."""
        return tuple(self._actions.values())

    def connect_to(self, action: Action, call: Callable[[], object]) -> QAction:
        """Say what an action does; KeyError for one that is not declared here."""
        declared = self._actions[action.id]
        made = declared_action(declared, self)
        made.triggered.connect(calling(call))
        self._made[action.id] = made
        self._explain(declared)
        if not declared.widget:
            context = Qt.ShortcutContext.WindowShortcut
            add_shortcuts(self._owner, declared, context, lambda: self.trigger(declared, aloud=True))
        return made

    def unconnected(self) -> list[str]:
        """Ids of actions nobody does: a mistake."""
        return [name for name in self._actions if name not in self._made]

    def qaction(self, action: Action) -> QAction:
        """Qt's action; KeyError before :meth:`connect_to`."""
        return self._made[action.id]

    def trigger(self, action: Action, *, aloud: bool = False) -> str:
        """Do it, or return why it cannot be done; ``aloud`` tells that by :attr:`refused` too."""
        reason = self.reason(action)
        if not reason:
            self._made[action.id].trigger()
        elif aloud:
            self.refused.emit(reason)
        return reason

    # -- when it can be done ---------------------------------------------------------------------

    def allow(self, condition: Condition, holds: bool, reason: str = "") -> None:
        """Whether a condition holds from now on; ``reason`` says better than the declared one why not."""
        missing = "" if holds else reason or condition.reason
        if self._missing.get(condition, "") == missing:
            return
        self._missing[condition] = missing
        for action in self._actions.values():
            if condition in action.needs and action.id in self._made:
                self._explain(action)

    def ask(self, condition: Condition, holds: Callable[[], object]) -> None:
        """Ask whether a condition holds (a true value) when it matters, where nothing tells of its changes."""
        self._asked[condition] = holds

    def reason(self, action: Action) -> str:
        """Why an action cannot be done now; "" when it can."""
        for condition in action.needs:
            if condition in self._asked:
                self.allow(condition, bool(self._asked[condition]()))
            if self._missing.get(condition):
                return self._missing[condition]
        return ""

    def _explain(self, action: Action) -> None:
        made = self._made[action.id]
        reason = next((self._missing[need] for need in action.needs if self._missing.get(need)), "")
        made.setEnabled(not reason)
        made.setToolTip(reason or tooltip(action))

    # -- where it is offered ---------------------------------------------------------------------

    def button(self, action: Action, name: str, *, role: str = "") -> QPushButton:
        """A button that does it."""
        spoken = action.tip or action.words.rstrip("…")
        made = push_button(action.short or action.words, name, spoken=spoken, role=role)
        self.bind(made, action)
        return made

    def bind(self, button: QAbstractButton, action: Action) -> None:
        """Let a button do it."""
        self.follow(button, action)
        button.clicked.connect(calling(self.trigger, action))

    def follow(self, button: QAbstractButton, action: Action) -> None:
        """Enable a button with the action, and let its tooltip say what it does, or why it cannot be done."""
        made = self._made[action.id]

        def show() -> None:
            button.setEnabled(made.isEnabled())
            button.setToolTip(made.toolTip())

        made.changed.connect(show)
        show()

    def add_to(self, menu: QMenu, *actions: Action) -> None:
        """Entries of a menu, with their shortcuts."""
        for action in actions:
            self.reason(action)
            menu.addAction(self._made[action.id])


def declared_action(action: Action, parent: QObject, call: Callable[[], object] | None = None) -> QAction:
    """Qt's action of a declaration: words, shortcut as a menu shows it, tooltip; found by its id.

    With ``call`` it does that, for a menu that is about something else than what is chosen at the moment.
    """
    words, keys = action.short or action.words, shown_keys(action)
    made = QAction(f"{words}\t{keys}" if keys else words, parent)
    made.setObjectName(action.id)
    made.setCheckable(action.checkable)
    made.setToolTip(tooltip(action))
    if call is not None:
        made.triggered.connect(calling(call))
    return made
