"""Above the transcript: what of the chat its model does not see, the summary that stands for it, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.store.chats import Chat, Message, ModelView
from desktop.ui.chat.actions import SHOW_ALL, SUMMARY
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label

_SAVE_MS = 600  # after the last key
_LEAST_LINES, _MOST_LINES, _LINE_SHARE, _ALL_ELSE = 2, 6, 90, 260  # pixels of the window that give a line
_NARROW = 440  # pixels: below it the buttons stand under the words


class ViewBar(QFrame):
    """Hidden while the model sees all of the chat."""

    show_all_asked = Signal()
    summary_changed = Signal(int, str)  # chat and text

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewBar")
        self._chat: int | None = None
        self._words = plain_label("viewWords", "muted")
        self._fold = push_button(SUMMARY.short, "viewSummaryFold", SUMMARY.words, role="ghost")
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._show_fold)
        self._all = push_button(SHOW_ALL.short, "viewShowAll", SHOW_ALL.words, role="ghost")
        self._all.clicked.connect(self.show_all_asked)
        self._summary = QPlainTextEdit()
        self._summary.setObjectName("viewSummary")
        self._summary.setAccessibleName(tr("Summary of the earlier turns, given to the model in their place"))
        self._summary.setTabChangesFocus(True)
        self._summary.hide()
        self._save = QTimer(self)
        self._save.setSingleShot(True)
        self._save.setInterval(_SAVE_MS)
        self._save.timeout.connect(self.flush)
        self._summary.textChanged.connect(self._edited)
        self._unsaved = False
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self._fold)
        buttons.addWidget(self._all)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(4)
        self._row.addWidget(self._words, 1)
        self._row.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 10, 4)
        column.setSpacing(4)
        column.addLayout(self._row)
        column.addWidget(self._summary)
        self.hide()

    @property
    def fold(self) -> QPushButton:
        """Shows and hides the summary."""
        return self._fold

    @property
    def summed_up(self) -> bool:
        """Whether a summary stands for earlier turns."""
        return not self.isHidden() and not self._fold.isHidden()

    @property
    def cut(self) -> bool:
        """Whether the model does not see all, or will not."""
        return not self.isHidden()

    def show_view(self, chat: Chat | None, branch: Sequence[Message]) -> None:
        """Show what the model does not see of a branch."""
        view = chat.model_view if chat is not None else ModelView()
        unseen, summary = view.unseen(branch), view.summary_of(branch)
        self.setVisible(bool(unseen) or view.rolling)
        self._words.setText(view_words(view, branch))
        self._fold.setVisible(view.summarised_to is not None and bool(unseen))
        if chat is None or chat.id != self._chat:
            self.flush()
            self._chat = chat.id if chat is not None else None
            self._fold.setChecked(False)
        if not self._unsaved and summary != self._summary.toPlainText():
            self._summary.setPlainText(summary)
            self._unsaved = False  # it is what is kept
        self._show_fold()

    def flush(self) -> None:
        """Keep what was written."""
        self._save.stop()
        if self._unsaved and self._chat is not None:
            self._unsaved = False
            self.summary_changed.emit(self._chat, self._summary.toPlainText())

    def _edited(self) -> None:
        self._unsaved = True
        self._save.start()

    def _show_fold(self) -> None:
        shown = self.summed_up and self._fold.isChecked()
        self._fit_summary()
        self._summary.setVisible(shown)
        self._fold.setText(tr("Hide {lower}", lower=SUMMARY.short.lower()) if shown else SUMMARY.short)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the buttons stand below the words."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self._fit_summary()

    def _fit_summary(self) -> None:
        """A low window has few lines for it, and scrolls."""
        lines = max(_LEAST_LINES, min(_MOST_LINES, (self.window().height() - _ALL_ELSE) // _LINE_SHARE))
        self._summary.setFixedHeight(self._summary.fontMetrics().lineSpacing() * lines + 18)


def view_words(view: ModelView, branch: Sequence[Message]) -> str:
    """What the bar says."""
    unseen, summary = view.unseen(branch), view.summary_of(branch)
    count = tr("the first message") if unseen == 1 else tr("the first {unseen:,} messages", unseen=unseen)
    if unseen and summary:
        said = tr("The model sees a summary in place of {count}.", count=count)
    elif unseen:
        said = tr("The model does not see {count}.", count=count)
    else:
        said = ""
    rolls = tr("The oldest turns are dropped as the chat outgrows its context.") if view.rolling else ""
    return " ".join(filter(None, (said, rolls)))
