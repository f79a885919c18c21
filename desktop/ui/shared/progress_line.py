"""A line that shows how far something is, and lets it be cancelled."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.theme import set_role

_STEPS = 1000  # of the bar


class ProgressLine(QWidget):
    """Bar, words and a Cancel button."""

    cancelled = Signal()

    def __init__(
        self, name: str, what: str, cancel: tuple[str, str], elide: Qt.TextElideMode, parent: QWidget | None = None
    ) -> None:
        """``what`` is the accessible name of the bar, ``cancel`` the object name and accessible name of the button."""
        super().__init__(parent)
        self.setObjectName(name)
        self._bar = QProgressBar()
        self._bar.setObjectName(f"{name}Bar")
        self._bar.setAccessibleName(what)
        self._bar.setTextVisible(False)
        self._words = ElidedLabel(mode=elide)
        self._words.setObjectName(f"{name}Text")
        set_role(self._words, "muted")
        self._button = button = push_button(tr("Cancel"), cancel[0], spoken=cancel[1])
        button.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._bar, 1)
        row.addWidget(self._words, 1)
        row.addWidget(button)

    def take_focus(self) -> None:
        """The keyboard is at Cancel."""
        self._button.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def has_focus(self) -> bool:
        """Whether the keyboard is at Cancel."""
        return self._button.hasFocus()

    def set_progress(self, progress: Progress, words: str) -> None:
        """Show a step; the bar has no end while the progress has none."""
        self._bar.setRange(0, _STEPS if progress.known else 0)
        self._bar.setValue(round(progress.fraction * _STEPS))
        self._words.set_whole_text(words)
