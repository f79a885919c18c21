"""The page of other servers: those that were added, each with what it says of itself, and adding one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.endpoints.service import Tested
from desktop.services.endpoints.words import ABOUT, kept_words, server_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.settings.add_server import AddServer, NamedServer
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.services.endpoints.service import EndpointService


class EndpointsPane(SettingsPane):
    """All that asks a server or the keyring happens in the background, one act at a time."""

    def __init__(
        self, writer: OptionWriter, theme: Theme, tasks: Tasks, endpoints: Callable[[], EndpointService]
    ) -> None:
        super().__init__(writer, theme)
        self._tasks, self._endpoints = tasks, endpoints
        self._acting = self._looking = self._stale = False
        self._buttons: list[QPushButton] = []
        card = self.add_card("settingsServers", tr("Other servers"))
        self._again = push_button(
            tr("Test all"), "serversTest", tr("Ask every server now"), spoken=tr("Test all servers")
        )
        self._again.clicked.connect(self.shown)
        card.head.addWidget(self._again)
        card.add_line("serversAbout", ABOUT, "muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(14)
        card.column.addLayout(self._rows)
        self._told = card.add_line("serversState")
        self._told.hide()
        self._add = AddServer()
        self._add.given.connect(self._take)
        self.column.addWidget(self._add)
        self.column.addStretch(1)

    def shown(self) -> None:
        """Show those that are known at once, and what each says of itself when it has answered."""
        if self._looking:
            self._stale = True  # what is being asked for may be over by now
            return
        self._looking, self._stale = True, False

        def known(found: tuple[Tested, ...]) -> None:
            self._show(found)
            self._tasks.run(
                lambda context: self._endpoints().look(lambda: context.cancelled),
                done=self._looked,
                failed=self._look_failed,
                lane=Lane.NETWORK,
                owner=self,
            )

        self._tasks.run(
            lambda context: tuple(Tested(one) for one in self._endpoints().all()),
            done=known,
            failed=self._look_failed,
            lane=Lane.JOB,
            owner=self,
        )

    def _looked(self, found: tuple[Tested, ...]) -> None:
        self._looking = False
        self._show(found)
        if self._stale:
            self.shown()

    def _look_failed(self, error: HeftError) -> None:
        self._looking = False
        self._failed(error)

    # -- rows ------------------------------------------------------------------------------------

    def _show(self, servers: tuple[Tested, ...]) -> None:
        focused = self.focusWidget()
        name = focused.objectName() if focused is not None else ""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._buttons = []
        for number, server in enumerate(servers):
            self._rows.addWidget(self._row(number, server))
        if not servers:
            self._rows.addWidget(plain_label("serversNone", text=tr("None was added yet.")))
        again = next((button for button in self._buttons if button.objectName() == name), None)
        if again is not None:
            again.setFocus(Qt.FocusReason.OtherFocusReason)
        self._again.setVisible(bool(servers))

    def _row(self, number: int, server: Tested) -> QWidget:
        held, one = QWidget(), server.endpoint
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        head = QHBoxLayout()
        head.addWidget(plain_label(f"server{number}", "subtitle", visible_in_place(one.name)), 1)
        for text, tip, does in (
            (tr("Test"), tr("Ask it now"), self._test),
            (tr("Rename…"), tr("Another name for it"), self._ask_name),
            (tr("Key…"), tr("Another key, or none"), self._ask_key),
            (tr("Remove"), tr("Forget it and its key"), self._remove),
        ):
            button = push_button(text, f"server{number}{text.rstrip('…')}", tip, spoken=f"{text}: {one.name}")
            set_role(button, "small")
            button.clicked.connect(calling(does, one.name))
            self._buttons.append(button)
            head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(plain_label(f"server{number}Url", "muted", visible_in_place(one.url), selectable=True))
        said = "✓ " if server.reachable else "✗ " if server.error is not None else ""
        words = server_words(server) if server.reachable or server.error is not None else tr("Asking…")
        state = plain_label(f"server{number}State", "bad" if server.error else "", visible_in_place(said + words))
        column.addWidget(state)
        return held

    # -- acts, in the background -----------------------------------------------------------------

    def _take(self, named: NamedServer) -> None:
        self._add.show_asking()

        def added(tested: Tested) -> None:
            where = kept_words(tested.kept)
            told = (
                tr("{name} was added. {where}", name=tested.endpoint.name, where=where)
                if tested.reachable
                else tr(
                    "{name} was added, but does not answer now: why stands above. {where}",
                    name=tested.endpoint.name,
                    where=where,
                )
            )
            self._add.show_added(told.strip(), reachable=tested.reachable)
            self.shown()

        self._tasks.run(
            lambda context: self._endpoints().add(named.url, named.name, named.key, in_clear=named.in_clear),
            done=added,
            failed=self._add.show_refused,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _test(self, name: str) -> None:
        def words() -> str:
            return f"{name}: {server_words(self._endpoints().test(name))}"

        self._do(words, tr("Asking {name}…", name=name))

    def _remove(self, name: str) -> None:
        self._do(lambda: tr("{name} and its key are forgotten.", name=self._endpoints().remove(name).name))

    def _ask_name(self, name: str) -> None:
        dialog = self._dialog("renameServer", tr("Rename {name}", name=name), tr("What it is called from now on"))
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda new: self.rename(name, new))
        dialog.open()

    def rename(self, name: str, new: str) -> None:
        """Call it otherwise from now on."""
        self._do(lambda: tr("It is called {name} now.", name=self._endpoints().rename(name, new).name))

    def _ask_key(self, name: str) -> None:
        dialog = self._dialog("keyOfServer", tr("Key of {name}", name=name), tr("Its key; empty for none"))
        dialog.setTextEchoMode(QLineEdit.EchoMode.Password)
        dialog.textValueSelected.connect(lambda key: self.set_key(name, key))
        dialog.open()

    def set_key(self, name: str, key: str) -> None:
        """Send this key from now on, "" for none."""

        def words() -> str:
            return kept_words(self._endpoints().set_key(name, key)) or tr("{name} gets no key any more.", name=name)

        self._do(words)

    def _dialog(self, name: str, title: str, words: str) -> QInputDialog:
        dialog = QInputDialog(self)
        dialog.setObjectName(name)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _do(self, act: Callable[[], str], words: str = "…") -> None:
        if self._acting:
            return
        self._acting = True
        self._tell(words, "muted")

        def ended(said: Any) -> None:
            self._acting = False
            self._tell(said, "")
            self.shown()

        self._tasks.run(lambda context: act(), done=ended, failed=self._failed, lane=Lane.NETWORK, owner=self)

    def _failed(self, error: HeftError) -> None:
        self._acting = False
        self._tell(f"{error.message} {error.hint}".strip(), "bad")

    def _tell(self, words: str, role: str) -> None:
        self._told.setText(visible_in_place(words))
        set_role(self._told, role)
        self._told.show()
