"""Where the server is reached and with which key: shown, copied, made anew."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from desktop.core.words import tr
from desktop.services.kept_key import Place
from desktop.ui.serve import actions
from desktop.ui.serve.card import ServeCard
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import Theme

_HIDDEN = "heft-" + "•" * 23
_KEY_CHARACTERS = 22  # of the key that are seen at least, the field scrolls
_CLIENTS = tr("For OpenAI, Anthropic and Ollama clients.")
_PLACES: dict[Place, str] = {
    "keyring": tr("The key lies in the system's keyring."),
    "file": tr("This computer has no keyring: the key lies in a file of Heft's that only you can read."),
}


class _Shown(QLineEdit):
    """A value to look at and to select; it never takes what is typed."""

    def __init__(self, name: str, spoken: str, theme: Theme) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(spoken)
        self.setReadOnly(True)
        self.setFont(theme.monospace)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Room for most of a key."""
        hint = super().minimumSizeHint()
        return QSize(self.fontMetrics().averageCharWidth() * _KEY_CHARACTERS, hint.height())

    def show_text(self, text: str) -> None:
        """From its beginning."""
        self.setText(text)
        self.setCursorPosition(0)


class AddressCard(ServeCard):
    """What the buttons do is the page's business."""

    def __init__(self, commands: ActionRegistry, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("serveAddressCard", tr("Address"), parent)
        self.head.addStretch(1)
        self._address = _Shown("serveAddress", tr("Address of the server"), theme)
        self._key = _Shown("serveKey", tr("Key of the server"), theme)
        self._show = commands.button(actions.SHOW_KEY, "serveShowKey")
        self._show.setCheckable(True)
        self._note = plain_label("serveKeyNote", "muted", _CLIENTS)
        for field, buttons in (
            (self._address, (commands.button(actions.COPY_ADDRESS, "serveCopyAddress"),)),
            (
                self._key,
                (
                    self._show,
                    commands.button(actions.COPY_KEY, "serveCopyKey"),
                    commands.button(actions.NEW_KEY, "serveNewKey"),
                ),
            ),
        ):
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addWidget(field, 1)
            for button in buttons:
                row.addWidget(button)
            self.column.addLayout(row)
        self.column.addWidget(self._note)
        self.column.addStretch(1)
        self.hide_key()

    @property
    def key_is_seen(self) -> bool:
        """Whether it can be read on the screen."""
        return self._key.text() != _HIDDEN

    def show_address(self, address: str) -> None:
        """The server's address; what OpenAI's clients call the base URL is that with /v1."""
        self._address.show_text(f"{address}/v1")

    @property
    def address(self) -> str:
        """As it is shown."""
        return self._address.text()

    def show_key(self, key: str) -> None:
        """In letters, until it is hidden."""
        self._key.show_text(key)
        self._show.setChecked(True)
        self._show.setText(tr("Hide"))
        self._show.setAccessibleName(tr("Hide the server's key"))

    def hide_key(self) -> None:
        """Dots, as many whatever the key is."""
        self._key.show_text(_HIDDEN)
        self._show.setChecked(False)
        self._show.setText(tr("Show"))
        self._show.setAccessibleName(tr("Show the server's key"))

    def show_place(self, place: Place) -> None:
        """Where the key lies."""
        self._note.setText(f"{_CLIENTS} {_PLACES[place]}")
