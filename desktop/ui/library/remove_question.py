"""The question before a model is removed: what it frees and what it means."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.services.models.removal import Removal
from desktop.services.models.removal_words import consequences, question


def ask_whether(parent: QWidget, removal: Removal, remove: Callable[[], None]) -> None:
    """Show the question; ``remove`` is called on yes."""
    buttons = QMessageBox.StandardButton.Cancel
    box = QMessageBox(QMessageBox.Icon.Question, "Remove model", question(removal), buttons, parent)
    box.setObjectName("libraryRemoveQuestion")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText("\n".join(consequences(removal)))
    word = "Move to trash" if removal.to_trash else "Remove"
    confirm = box.addButton(word, QMessageBox.ButtonRole.DestructiveRole)
    confirm.setObjectName("libraryRemoveConfirm")
    confirm.clicked.connect(remove)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
