"""The page of other servers: those that were added, each with what it says of itself, and adding one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit

from desktop.core.cancelled import Cancelled
from desktop.core.words import tr
from desktop.services.endpoints.service import Tested
from desktop.services.endpoints.words import ABOUT, kept_words, server_words
from desktop.ui.shell.settings.add_server import AddServer, NamedServer
from desktop.ui.shell.settings.others_pane import Act, Naming, OthersPane, Row
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.services.endpoints.service import EndpointService


class EndpointsPane(OthersPane[Tested]):
    """Shows :class:`EndpointService`."""

    def __init__(
        self, writer: OptionWriter, theme: Theme, tasks: Tasks, endpoints: Callable[[], EndpointService]
    ) -> None:
        naming = Naming(
            one="server", all="servers", address="Url", title=tr("Other servers"), about=ABOUT,
            test_tip=tr("Ask every server now"), test_spoken=tr("Test all servers"),
        )  # fmt: skip
        super().__init__(writer, theme, tasks, naming, AddServer())
        self._endpoints = endpoints

    def known(self) -> Sequence[Tested]:
        """Those that were added, not asked yet."""
        return tuple(Tested(one) for one in self._endpoints().all())

    def look(self, cancelled: Cancelled) -> Sequence[Tested]:
        """All of them, asked."""
        return self._endpoints().look(cancelled)

    def added(self, given: NamedServer, cancelled: Cancelled) -> Tested:
        """Add what was typed."""
        return self._endpoints().add(given.url, given.name, given.key, in_clear=given.in_clear)

    def row(self, found: Tested) -> Row:
        """One of them in words."""
        return Row(found.endpoint.name, found.endpoint.url, server_words(found))

    def acts(self) -> Sequence[Act]:
        """The buttons of a row."""
        return (
            Act("Test", tr("Test"), tr("Ask it now"), self._test),
            Act("Rename", tr("Rename…"), tr("Another name for it"), self.ask_name),
            Act("Key", tr("Key…"), tr("Another key, or none"), self._ask_key),
            Act("Remove", tr("Remove"), tr("Forget it and its key"), self._remove),
        )

    def rename(self, name: str, new: str) -> None:
        """Call it otherwise from now on."""
        self.do(lambda _: tr("It is called {name} now.", name=self._endpoints().rename(name, new).name))

    def set_key(self, name: str, key: str) -> None:
        """Send this key from now on, "" for none."""
        self.do(
            lambda _: kept_words(self._endpoints().set_key(name, key)) or tr("{name} gets no key any more.", name=name)
        )

    def _test(self, name: str) -> None:
        self.do(lambda _: f"{name}: {server_words(self._endpoints().test(name))}", tr("Asking {name}…", name=name))

    def _remove(self, name: str) -> None:
        self.do(lambda _: tr("{name} and its key are forgotten.", name=self._endpoints().remove(name).name))

    def _ask_key(self, name: str) -> None:
        dialog = self.dialog("keyOfServer", tr("Key of {name}", name=name), tr("Its key; empty for none"))
        dialog.setTextEchoMode(QLineEdit.EchoMode.Password)
        dialog.textValueSelected.connect(lambda key: self.set_key(name, key))
        dialog.open()
