"""The downloads: what comes, how fast, how long still, with pause, resume and cancel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop.core.units import human_bytes
from desktop.services.models.downloads_records import DownloadState
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.theme import set_role

_WORDS = {
    "queued": "waiting for its turn",
    "checking": "checking",
    "paused": "paused",
}


def time_words(seconds: float) -> str:
    """A time left: ``40 s``, ``12 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def state_words(state: DownloadState) -> str:
    """A download's state in one line."""
    if state.phase == "finished":
        return f"verified · {human_bytes(state.total_bytes)}"
    done = f"{human_bytes(state.done_bytes)} of {human_bytes(state.total_bytes)}" if state.total_bytes else ""
    if state.phase == "downloading":
        speed = f"{human_bytes(state.bytes_per_second)}/s" if state.bytes_per_second else ""
        left = f"{time_words(state.seconds_left)} left" if state.seconds_left else ""
        return " · ".join(part for part in (done, speed, left) if part)
    if state.phase in ("failed", "waiting") or state.message:
        return f"{state.message} {state.hint}".strip()
    return " · ".join(part for part in (_WORDS.get(state.phase, state.phase), done) if part)


class _Row(QFrame):
    """One download."""

    paused = Signal(str)
    resumed = Signal(str)
    cancelled = Signal(str)
    removed = Signal(str)
    opened = Signal(str)

    def __init__(self, state: DownloadState) -> None:
        super().__init__()
        self._id = state.id
        self.setObjectName(f"download_{state.id}")
        set_role(self, "card")
        self._name = ElidedLabel()
        set_role(self._name, "subtitle")
        self._state = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        set_role(self._state, "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._first, self._second = QPushButton(), QPushButton()
        for button in (self._first, self._second):
            set_role(button, "small")
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self._name)
        head.addStretch(1)
        head.addWidget(self._first)
        head.addWidget(self._second)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 4, 6, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._state)  # a line of its own: speed and time left are read, not guessed
        self._first.clicked.connect(self._on_first)
        self._second.clicked.connect(self._on_second)
        self.show_state(state)

    def show_state(self, state: DownloadState) -> None:
        """Show a new state."""
        self._shown = state
        self._name.set_whole_text(state.name if state.repo in state.name else f"{state.repo} {state.name}")
        self._state.set_whole_text(state_words(state))
        self._bar.setValue(round(1000 * state.fraction))
        self._bar.setAccessibleName(f"{state.name}: {state.fraction:.0%}")
        self._bar.setVisible(state.phase != "finished")
        set_role(self._state, "bad" if state.phase == "failed" else "good" if state.phase == "finished" else "muted")
        first = "Pause" if state.active else "Chat now" if state.phase == "finished" else "Resume"
        second = "Clear" if state.phase == "finished" else "Cancel"
        for button, word in ((self._first, first), (self._second, second)):
            button.setText(word)
            button.setAccessibleName(f"{word} {state.name}")
            button.setObjectName(f"{word.split()[0].lower()}_{state.id}")

    def _on_first(self) -> None:
        if self._shown.active:
            self.paused.emit(self._id)
        elif self._shown.phase == "finished":
            self.opened.emit(self._id)
        else:
            self.resumed.emit(self._id)

    def _on_second(self) -> None:
        (self.removed if self._shown.phase == "finished" else self.cancelled).emit(self._id)


class DownloadsPanel(QWidget):
    """One row per download; hidden without any."""

    paused = Signal(str)
    resumed = Signal(str)
    cancelled = Signal(str)
    removed = Signal(str)
    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("downloadsPanel")
        self.setAccessibleName("Downloads")
        self._rows: dict[str, _Row] = {}
        title = QLabel("Downloads")
        set_role(title, "subtitle")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 10, 12, 12)
        self._column.setSpacing(6)
        self._column.addWidget(title)
        self.hide()

    def show_states(self, states: Sequence[DownloadState]) -> None:
        """Show these downloads, patching rows that are there."""
        for gone in self._rows.keys() - {state.id for state in states}:
            self._rows.pop(gone).deleteLater()
        for state in states:
            row = self._rows.get(state.id)
            if row is not None:
                row.show_state(state)
                continue
            row = _Row(state)
            for signal, own in (
                (row.paused, self.paused),
                (row.resumed, self.resumed),
                (row.cancelled, self.cancelled),
                (row.removed, self.removed),
                (row.opened, self.opened),
            ):
                signal.connect(own)
            self._rows[state.id] = row
            self._column.addWidget(row)
        self.setVisible(bool(states))
