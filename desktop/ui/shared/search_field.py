"""The field above a list that narrows it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from desktop.core.words import tr
from desktop.ui.shell.action import WidgetKeys
from desktop.ui.shell.keys import add_keys

CLEAR_SEARCH = WidgetKeys(tr("Clear the search"), tr("search fields"), (("Esc", True),))


def search_field(name: str, spoken: str, placeholder: str, tip: str = "") -> QLineEdit:
    """A field of this object name, cleared by its button or Escape; ``spoken`` is what screen readers say."""
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(spoken)
    field.setPlaceholderText(placeholder)
    field.setToolTip(tip)
    field.setClearButtonEnabled(True)
    field.setProperty("role", "search")
    for shortcut in add_keys(field, CLEAR_SEARCH, lambda _: field.clear()):
        shortcut.setEnabled(False)  # in an empty field Escape belongs to what the field is in, such as a dialog
        field.textChanged.connect(lambda text, shortcut=shortcut: shortcut.setEnabled(bool(text)))
    return field


def focus_search(field: QLineEdit) -> None:
    """Put the keyboard into the field, so that typing replaces what it holds."""
    field.setFocus(Qt.FocusReason.ShortcutFocusReason)
    field.selectAll()
