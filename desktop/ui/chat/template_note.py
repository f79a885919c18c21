"""In the side panel: that a chat template of the user's own is in use, and the way to it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.models.answer_settings import Asking
from desktop.ui.chat.actions import SHOW_TEMPLATE
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label


class TemplateNote(QWidget):
    """Hidden while the model's own template is used."""

    asked = Signal()  # show the template

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("templateNote")
        said = plain_label("templateNoteText", text=tr("A chat template of your own is used with this model."))
        button = push_button(SHOW_TEMPLATE.short, "templateNoteShow", SHOW_TEMPLATE.words.rstrip("…"))
        button.clicked.connect(self.asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(said)
        column.addWidget(button)
        self.hide()

    def show_asking(self, asking: Asking | None) -> None:
        """What is set for the loaded model; None without one."""
        self.setVisible(asking is not None and asking.settings.template is not None)
