"""What the chat shows before its first message: that one can write, and who will answer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.engine.supervisor import EngineState
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label

_TEXT_WIDTH, _MARGIN = 440, 24  # pixels


class EmptyChat(QWidget):
    """A heading, a sentence, and a button where a model has to be chosen."""

    open_asked = Signal()
    starter_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("emptyChat")
        self._title = QLabel()
        self._title.setObjectName("emptyTitle")
        self._title.setProperty("role", "title")
        self._text = plain_label("emptyText", "muted")
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._open = push_button(tr("Open a model file…"), "openModelFile", spoken=tr("Open a model file"))
        self._open.clicked.connect(self.open_asked)
        self._starter = push_button(tr("Load the starter model"), "loadStarter")
        self._starter.clicked.connect(self.starter_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        column.setSpacing(10)
        column.addStretch(2)
        column.addWidget(self._title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(6)
        column.addWidget(self._open, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._starter, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def show_state(self, state: EngineState) -> None:
        """Say what to do first, given what the engine holds."""
        name = state.model_name
        if state.loaded is not None and state.loaded.template == "none":
            title, text = (
                tr("Begin a text"),
                tr("{name} continues it on this computer. Nothing you write leaves it.", name=name),
            )
        elif state.loaded is not None:
            title, text = (
                tr("Ask something"),
                tr("{name} answers on this computer. Nothing you write leaves it.", name=name),
            )
        elif state.phase == "loading":
            title = tr("Loading {name}", name=name)
            text = tr("You can write already: the message waits until the model is ready.")
        elif state.phase == "asleep":
            title = tr("Ask something")
            text = tr("{name} is asleep to free its memory; it wakes with your question.", name=name)
        elif state.failure is not None or state.died is not None or state.removed:
            title, text = tr("No model is loaded"), tr("Open a model file, or choose one from the menu on the right.")
        else:
            title = tr("Ask something")
            text = tr(
                "Write below and a model on this computer answers, offline. Heft brings a small one "
                "to start with; you can also open a file of your own."
            )
        self._title.setText(title)
        self._text.setText(text)
        self._fit()
        nothing = state.loaded is None and state.phase not in ("loading", "asleep")
        self._open.setVisible(nothing)
        self._starter.setVisible(
            nothing and (state.failure is not None or state.died is not None or state.removed != "")
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the sentence anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        width = max(1, min(_TEXT_WIDTH, self.width() - 2 * _MARGIN))
        self._text.setFixedSize(width, self._text.heightForWidth(width))  # a centred label is not asked for it
