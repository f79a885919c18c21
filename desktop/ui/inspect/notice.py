"""Above the tabs of the page Inspect: how far reading is, and what kept a file from being opened."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shared.settings_link import SettingsLink
from desktop.ui.shell.icons import icon
from desktop.ui.shell.notifications import error_report
from desktop.ui.shell.theme import Theme, set_role


class ReadingLine(ProgressLine):
    """How far the reading of a file is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        cancel = ("inspectCancel", tr("Stop reading"))
        super().__init__("inspectReading", tr("Progress of reading"), cancel, Qt.TextElideMode.ElideMiddle, parent)

    def show_step(self, progress: Progress, words: str) -> None:
        """Show a step; before the first is done the bar has no end."""
        self.set_progress(progress if progress.done else Progress(), words)


class ReadFailure(QFrame):
    """What happened, the one thing to do; stays until it is dismissed or something else is opened."""

    again_asked = Signal()
    settings_asked = Signal(str)  # SettingsPage
    dismissed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectFailure")
        set_role(self, "notification")
        self.setProperty("severity", "error")
        self._theme = theme
        self._error: HeftError | None = None
        self._mark = QLabel()
        self._message = plain_label("inspectFailureMessage", "subtitle", selectable=True)
        self._hint = plain_label("inspectFailureHint", selectable=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._message)
        texts.addWidget(self._hint)
        again = explained_button(tr("Try again"), "inspectAgain", tr("Open the same once more"))
        again.clicked.connect(self.again_asked)
        self._settings = SettingsLink("inspectSettings")
        self._settings.asked.connect(self.settings_asked)
        copy = explained_button(tr("Copy details"), "inspectCopyFailure", tr("Copy the details of this error"))
        copy.clicked.connect(self._copy)
        self._close = QToolButton()
        self._close.setObjectName("inspectDismiss")
        self._close.setAccessibleName(tr("Dismiss"))
        self._close.setIconSize(QSize(14, 14))
        set_role(self._close, "ghost")
        self._close.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 10, 9)
        row.setSpacing(10)
        row.addWidget(self._mark)
        row.addLayout(texts, 1)
        for button in (self._settings, again, copy, self._close):
            row.addWidget(button)
        theme.changed.connect(self._paint)
        self._paint()

    @property
    def wants_token(self) -> bool:
        """Whether it is shown, and a token of the Hub may mend it."""
        return not self.isHidden() and self._error is not None and self._error.settings_page == "hub"

    def show_error(self, error: HeftError) -> None:
        """Tell a failure."""
        self._error = error
        self._message.setText(error.message)
        self._hint.setText(error.hint)
        self._hint.setVisible(bool(error.hint))
        self._settings.show_for(error)
        self.setAccessibleName(f"{error.message} {error.hint}".strip())

    def _copy(self) -> None:
        if self._error is not None:
            QGuiApplication.clipboard().setText(error_report(self._error))

    def _paint(self) -> None:
        self._mark.setPixmap(icon(self._theme, "warning", token="bad").pixmap(18, 18))
        self._close.setIcon(icon(self._theme, "close"))
