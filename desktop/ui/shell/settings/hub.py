"""The page Hub: its address, and the token: where it comes from, another one, a test, forgetting it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout

from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.hub.token import Origin
from desktop.services.hub_account import TokenService, TokenTaken
from desktop.store import options
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.token_field import TokenField
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

_ORIGINS: dict[Origin, str] = {
    "": tr("No token is set. Most of the Hub can be read without one; gated and private models need it."),
    "session": tr("A token is set, until you quit."),
    "environment": tr("A token is set by HF_TOKEN, in the environment Heft was started in."),
    "keyring": tr("A token is set, kept in this computer's keyring."),
    "huggingface": tr("The token of `hf auth login` is used."),
}
_FORGETTABLE = ("session", "keyring")  # what Heft keeps; the others belong to other programs


class HubPane(SettingsPane):
    """Rows, and a card for the token. All that asks Hub or keyring happens in the background."""

    token_changed = Signal()

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks, tokens: Callable[[], TokenService]) -> None:
        super().__init__(writer, theme)
        self._tasks, self._tokens = tasks, tokens
        self.add_card("settingsHub", tr("The Hub"), (options.HUB_ENDPOINT, options.HUB_OFFLINE))
        card = self.add_card("settingsToken", tr("Token"))
        self._origin = card.add_line("settingsTokenOrigin", tr("Asking the keyring…"))
        self._result = card.add_line("settingsTokenResult", "", "muted")
        self._result.hide()
        self._test = push_button(
            tr("Test"), "settingsTokenTest", tr("Ask the Hub whose token it is"), spoken=tr("Test the token")
        )
        self._forget = push_button(
            tr("Forget"),
            "settingsTokenForget",
            tr("Remove it from the keyring and from memory"),
            spoken=tr("Forget the token"),
        )
        row = QHBoxLayout()
        for button in (self._test, self._forget):
            button.hide()
            row.addWidget(button)
        row.addStretch(1)
        card.column.addLayout(row)
        self._field = TokenField("settings")
        card.column.addWidget(self._field)
        self.column.addStretch(1)
        self._test.clicked.connect(self._ask)
        self._forget.clicked.connect(self._drop)
        self._field.given.connect(self._take)
        self._field.page_wanted.connect(lambda: QDesktopServices.openUrl(QUrl(self._tokens().tokens_page)))
        writer.changed.connect(lambda change: self.shown() if change.option is options.HUB_ENDPOINT else None)

    def shown(self) -> None:
        """Where the token comes from; the keyring may ask the person to unlock it."""
        self._tasks.run(
            lambda context: self._tokens().origin(),
            done=self._show_origin,
            failed=self._show_problem,
            lane=Lane.JOB,
            owner=self,
        )

    def _show_origin(self, origin: Origin) -> None:
        self._origin.setText(_ORIGINS[origin])
        self._test.setVisible(bool(origin))
        self._forget.setVisible(origin in _FORGETTABLE)

    def _take(self, text: str) -> None:
        self._field.show_checking()
        self._tasks.run(
            lambda context: self._tokens().take(text),
            done=self._took,
            failed=self._field.show_refused,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _took(self, taken: TokenTaken) -> None:
        self._result.hide()
        self._field.show_taken(taken)
        self.token_changed.emit()
        self.shown()

    def _ask(self) -> None:
        self._tell(tr("Asking the Hub…"), "muted")
        self._test.setEnabled(False)
        self._tasks.run(
            lambda context: self._tokens().test(),
            done=self._show_account,
            failed=self._show_problem,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _show_account(self, account: str) -> None:
        self._test.setEnabled(True)
        whose = (
            tr("It works: the Hub knows it as {account}'s.", account=visible_in_place(account))
            if account
            else tr("The Hub does not say whose it is.")
        )
        self._tell(whose, "good" if account else "muted")

    def _show_problem(self, error: HeftError) -> None:
        self._test.setEnabled(True)
        self._tell(f"{error.message} {error.hint}".strip(), "bad")

    def _drop(self) -> None:
        self._tasks.run(
            lambda context: self._tokens().forget(),
            done=self._dropped,
            failed=self._show_problem,
            lane=Lane.JOB,
            owner=self,
        )

    def _dropped(self, _: object) -> None:
        self._field.clear()
        self._tell(tr("Forgotten."), "muted")
        self.token_changed.emit()
        self.shown()

    def _tell(self, words: str, role: str) -> None:
        self._result.setText(words)
        self._result.show()
        set_role(self._result, role)
