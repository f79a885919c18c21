"""Buttons with all that makes one usable: words, object name, what screen readers say, tooltip, role."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton


def push_button(text: str, name: str, tip: str = "", *, spoken: str = "", role: str = "") -> QPushButton:
    """A button of this object name. Screen readers say ``spoken``, its text unless told otherwise."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(spoken or text)
    button.setToolTip(tip)
    if role:
        button.setProperty("role", role)
    return button


def explained_button(text: str, name: str, tip: str, role: str = "") -> QPushButton:
    """A button whose text says too little when heard alone: screen readers say its tooltip."""
    return push_button(text, name, tip, spoken=tip, role=role)
