"""The field above a list that narrows it."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit


def search_field(name: str, spoken: str, placeholder: str, tip: str = "") -> QLineEdit:
    """A field of this object name, with a button that clears it; ``spoken`` is what screen readers say."""
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(spoken)
    field.setPlaceholderText(placeholder)
    field.setToolTip(tip)
    field.setClearButtonEnabled(True)
    field.setProperty("role", "search")
    return field
