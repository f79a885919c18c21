"""What the right side of Discover shows where there is no repo to weigh: what to do first, or what went wrong."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.text import visible_in_place
from desktop.services.discover.search_results import Result, other_format
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label

_NEEDS_TOKEN = frozenset(
    {FailureKind.GATED_NO_TOKEN, FailureKind.TOKEN_MISSING, FailureKind.TOKEN_WRONG, FailureKind.REPO_NOT_FOUND}
)
_NEEDS_PAGE = frozenset({FailureKind.GATED_LICENCE, FailureKind.GATED_NO_TOKEN, FailureKind.FORBIDDEN})


class DiscoverState(QWidget):
    """A title, a sentence, and the one thing to do."""

    again = Signal()
    page_wanted = Signal()
    token_given = Signal(str)
    versions_wanted = Signal()
    inspect_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("discoverState")
        self._title = plain_label("discoverTitle", "title")
        self._text = plain_label("discoverText")
        self._more = plain_label("discoverMore", "muted")
        for label in (self._title, self._text, self._more):
            label.setMaximumWidth(620)
        self._again = push_button("Try again", "discoverAgain")
        self._page = push_button("Open the model page", "discoverPage")
        self._inspect = push_button("Inspect its files", "discoverInspect")
        self._versions = push_button("Show GGUF versions", "discoverVersions", role="primary")
        self._token = QLineEdit()
        self._token.setObjectName("discoverToken")
        self._token.setAccessibleName("Hub token")
        self._token.setPlaceholderText("hf_…")
        self._token.setEchoMode(QLineEdit.EchoMode.Password)
        self._token.setMaximumWidth(320)
        self._keep = push_button("Keep token", "discoverKeepToken", "Kept in this computer's keyring, nowhere else")
        self._again.clicked.connect(self.again)
        self._page.clicked.connect(self.page_wanted)
        self._versions.clicked.connect(self.versions_wanted)
        self._inspect.clicked.connect(self.inspect_wanted)
        self._keep.clicked.connect(self._give)
        self._token.returnPressed.connect(self._give)
        buttons, token = QHBoxLayout(), QHBoxLayout()
        for button in (self._versions, self._inspect, self._again, self._page):
            buttons.addWidget(button)
        buttons.addStretch(1)
        token.addWidget(self._token, 1)
        token.addWidget(self._keep)
        token.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(40, 60, 40, 40)
        column.setSpacing(12)
        for label in (self._title, self._text, self._more):
            column.addWidget(label)
        column.addLayout(token)
        column.addLayout(buttons)
        column.addStretch(1)
        self.show_first()

    def show_first(self) -> None:
        """Nothing was chosen yet."""
        self._show(
            "Find a model that fits",
            "Search on the left and choose a model. Heft reads the first kilobytes of its files and tells which "
            "variant fits this computer, how fast it would answer and what it costs in quality, before anything is "
            "downloaded.",
        )

    def show_waiting(self, name: str) -> None:
        """A repo is being looked at."""
        self._show(name, "Looking at the files…")

    def show_error(self, error: HeftError, name: str) -> None:
        """A repo that cannot be read, and the one thing to do."""
        self._show(name, error.message, error.hint)
        self._again.show()
        self._page.setVisible(error.kind in _NEEDS_PAGE)
        for widget in (self._token, self._keep):
            widget.setVisible(error.kind in _NEEDS_TOKEN)

    def show_other(self, result: Result) -> None:
        """A repo of another format: what it is, what runs it, and the way to GGUF versions."""
        self._show(result.repo.id, *other_format(result.repo))
        for button in (self._versions, self._inspect, self._page):
            button.show()

    def _show(self, title: str, text: str, more: str = "") -> None:
        self._title.setText(visible_in_place(title))
        self._text.setText(text)
        self._more.setText(more)
        self._more.setVisible(bool(more))
        self._token.clear()
        for widget in (self._again, self._page, self._versions, self._inspect, self._token, self._keep):
            widget.hide()

    def _give(self) -> None:
        if self._token.text().strip():
            self.token_given.emit(self._token.text())
            self._token.clear()
