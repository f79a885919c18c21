"""What the right side of Discover shows where there is no repo to weigh: what to do first, or what went wrong."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.discover.picks import Picks
from desktop.services.discover.search_results import Result, format_id, other_format
from desktop.services.hub_account import TokenTaken
from desktop.ui.discover.actions import COPY_CONVERT, VERSIONS
from desktop.ui.discover.picks_panel import PicksPanel
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.chips import FlowLayout
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.method_card import MethodCard
from desktop.ui.shared.reflow import Column
from desktop.ui.shared.settings_link import SettingsLink
from desktop.ui.shared.token_field import TokenField
from desktop.ui.shell.theme import Theme

_NEEDS_TOKEN = frozenset(
    {
        FailureKind.GATED_NO_TOKEN,
        FailureKind.GATED_LICENCE,
        FailureKind.TOKEN_MISSING,
        FailureKind.TOKEN_WRONG,
        FailureKind.REPO_NOT_FOUND,
        FailureKind.FORBIDDEN,
    }
)
_NEEDS_PAGE = frozenset(
    {
        FailureKind.GATED_LICENCE,
        FailureKind.GATED_NO_TOKEN,
        FailureKind.FORBIDDEN,
    }
)


class DiscoverState(Column):
    """A title, a sentence, and the one thing to do."""

    again = Signal()
    page_wanted = Signal()
    token_given = Signal(str)
    token_page_wanted = Signal()
    settings_asked = Signal(str)
    versions_wanted = Signal()
    inspect_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("discoverState")
        self._method = MethodCard(theme)
        self._method.setMaximumWidth(820)
        self._has_picks = False
        self._title = plain_label("discoverTitle", "title")
        self._text = plain_label("discoverText")
        self._more = plain_label("discoverMore", "muted")
        self._convert = plain_label("discoverConvert", selectable=True)
        for label in (self._title, self._text, self._more, self._convert):
            label.setMaximumWidth(620)
        self.picks = PicksPanel()
        self.picks.setMaximumWidth(820)
        self._again = push_button(tr("Try again"), "discoverAgain")
        self._page = push_button(tr("Open the model page"), "discoverPage")
        self._inspect = push_button(tr("Inspect its files"), "discoverInspect")
        self._versions = push_button(VERSIONS.short, "discoverVersions", role="primary")
        self._copy = push_button(COPY_CONVERT.short, "discoverCopyConvert", spoken=COPY_CONVERT.words)
        self._command = ""
        self._copy.clicked.connect(self.copy_convert)
        self._settings = SettingsLink("discoverSettings")
        self._token = TokenField("discover")
        self._token.setMaximumWidth(620)
        self._again.clicked.connect(self.again)
        self._page.clicked.connect(self.page_wanted)
        self._versions.clicked.connect(self.versions_wanted)
        self._inspect.clicked.connect(self.inspect_wanted)
        self._token.given.connect(self.token_given)
        self._token.page_wanted.connect(self.token_page_wanted)
        self._settings.asked.connect(self.settings_asked)
        buttons = FlowLayout(spacing=8)
        for button in (self._versions, self._inspect, self._copy, self._again, self._page, self._settings):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 28, 32, 28)
        column.setSpacing(12)
        for label in (self._title, self._text, self._more, self._convert):
            column.addWidget(label)
        column.addWidget(self._token)
        column.addLayout(buttons)
        column.addWidget(self._method)
        column.addWidget(self.picks)
        column.addStretch(1)
        self.show_first()

    @property
    def wants_token(self) -> bool:
        """Whether a token would mend what went wrong."""
        return not self._token.isHidden()

    def show_first(self) -> None:
        """Nothing was chosen yet."""
        self._show(
            tr("Find a model that fits"),
            tr(
                "Search on the left and choose a model. Heft reads the first kilobytes of its files "
                "and tells which variant fits this computer, how fast it would answer and what it "
                "costs in quality, before anything is downloaded."
            ),
        )
        self._first = True
        self.picks.setVisible(self._has_picks)

    def show_picks(self, picks: Picks | None) -> None:
        """Models for this computer, where nothing was chosen yet; None while they are being looked for."""
        self._has_picks = picks is None or bool(picks.picks)
        if picks is None:
            self.picks.show_waiting()
        else:
            self.picks.show_picks(picks)
        self.picks.setVisible(self._first and self._has_picks)

    def show_waiting(self, name: str) -> None:
        """A repo is being looked at."""
        self._show(name, tr("Looking at the files…"))

    def show_error(self, error: HeftError, name: str) -> None:
        """A repo that cannot be read, and the one thing to do."""
        self._show(name, error.message, error.hint)
        self._again.show()
        self._page.setText(
            tr("Ask for access on its page") if error.kind.startswith("gated") else tr("Open the model page")
        )
        self._page.setVisible(error.kind in _NEEDS_PAGE)
        self._token.setVisible(error.kind in _NEEDS_TOKEN)
        self._settings.show_for(error)

    def show_checking(self) -> None:
        """The token that was given is being checked."""
        self._token.show_checking()

    def show_taken(self, taken: TokenTaken) -> None:
        """The token counts from now on."""
        self._token.show_taken(taken)

    def show_refused(self, error: HeftError) -> None:
        """The token does not count, and why."""
        self._token.show_refused(error)

    def show_other(self, result: Result) -> None:
        """A repo of another format: what it is, what runs it, and the way to GGUF versions."""
        self._show(result.repo.id, *other_format(result.repo))
        self._method.show_method(format_id(result.repo))
        for button in (self._versions, self._inspect, self._page):
            button.show()
        from desktop.services.lab.convert_words import outlook_words
        from desktop.services.lab.originals import outlook_of_repo

        outlook = outlook_of_repo(result.repo)
        if outlook is not None:
            self._command = tr("heft convert hf:{id}", id=result.repo.id)
            self._convert.setText(
                tr(
                    "{outlook}. In a terminal: {command}",
                    outlook=outlook_words(outlook, download=True),
                    command=self._command,
                )
            )
            self._convert.show()
            self._copy.show()

    @property
    def offers_convert(self) -> bool:
        """Whether a command is shown that converts the model."""
        return bool(self._command)

    def copy_convert(self) -> None:
        """Into the clipboard."""
        QGuiApplication.clipboard().setText(self._command)

    def _show(self, title: str, text: str, more: str = "") -> None:
        self._first = False
        self.picks.hide()
        self._method.show_method("")
        self._title.setText(visible_in_place(title))
        self._text.setText(text)
        self._more.setText(more)
        self._more.setVisible(bool(more))
        self._token.clear()
        self._page.setText(tr("Open the model page"))
        self._command = ""
        hidden = (self._again, self._page, self._versions, self._inspect, self._token, self._settings)
        for widget in (*hidden, self._convert, self._copy):
            widget.hide()
