"""The card in which another server is named: its address, its key, and what it is to be called."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shell.settings.add_other import AddOther, typed_field

_EXAMPLE = "http://studio.local:8080"


@dataclass(frozen=True)
class NamedServer:
    """What was typed. ``in_clear``: said twice, knowing that it goes through a foreign network in plain text."""

    url: str
    key: str
    name: str
    in_clear: bool = False


class AddServer(AddOther):
    """Gives a :class:`NamedServer`."""

    def __init__(self) -> None:
        self._url = typed_field("serverUrl", tr("Address of the server"), _EXAMPLE)
        self._key = typed_field("serverKey", tr("Key of the server"), tr("none, if it asks for none"), secret=True)
        self._name = typed_field("serverName", tr("Name of the server"), tr("studio, for studio.local"))
        fields = ((tr("Address"), self._url), (tr("Key"), self._key), (tr("Name"), self._name))
        tip = tr("Ask the server what it offers, and keep it; its key goes into the keyring, else into a file of yours")
        super().__init__("server", tr("Add a server"), fields, tip, tr("Add the server"))
        self._all_the_same = push_button(
            tr("Add all the same"), "serverAddInClear", tr("Key and chats can then be read by everyone on the way")
        )
        self._all_the_same.clicked.connect(self._give_in_clear)
        self._all_the_same.hide()
        self.buttons.insertWidget(1, self._all_the_same)
        self._url.textEdited.connect(self._all_the_same.hide)  # the question was about another address

    def clear(self) -> None:
        """As if nothing had been typed."""
        super().clear()
        self._all_the_same.hide()

    def show_asking(self) -> None:
        """The server is being asked."""
        self._all_the_same.hide()
        super().show_asking()

    def asking_words(self) -> str:
        """What goes on meanwhile."""
        return tr("Asking the server…")

    def show_refused(self, error: HeftError) -> None:
        """It was not taken, and why."""
        super().show_refused(error)
        self._all_the_same.setVisible(error.kind == FailureKind.CLEARTEXT)

    def give(self) -> None:
        """Tell what was typed, where that is enough and nothing is being asked."""
        self._give(in_clear=False)

    def _give_in_clear(self) -> None:
        self._give(in_clear=True)

    def _give(self, *, in_clear: bool) -> None:
        if self._url.text().strip() and not self.asking:
            self.given.emit(NamedServer(self._url.text(), self._key.text(), self._name.text(), in_clear))
