"""Labels of plain text: what a file, a repo or a model says is shown as it is, never read as HTML."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

WARNING_SIGN = "⚠"  # before a name that has a problem


def plain_label(name: str, role: str = "", text: str = "", *, wraps: bool = True, selectable: bool = False) -> QLabel:
    """A label of this object name; ``role`` is that of the style sheet, ``selectable`` lets the mouse copy from it."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wraps)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if role:
        label.setProperty("role", role)
    return label
