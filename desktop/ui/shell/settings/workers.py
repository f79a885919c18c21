"""The page of other computers: those that lend their devices to this one, each with what it lends and the way there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QPushButton, QVBoxLayout, QWidget

from desktop.core.cancelled import Cancelled
from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.services.endpoints.words import kept_words
from desktop.services.worker.words import ABOUT, address_words, link_words, reached_words
from desktop.services.worker.workers import Reached
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.settings.add_worker import AddWorker, NamedWorker
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.services.worker.workers import WorkerService


class WorkersPane(SettingsPane):
    """All that asks a computer or the keyring happens in the background, one act at a time."""

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks, workers: Callable[[], WorkerService]) -> None:
        super().__init__(writer, theme)
        self._tasks, self._workers = tasks, workers
        self._acting = self._looking = self._stale = False
        self._buttons: list[QPushButton] = []
        card = self.add_card("settingsWorkers", "Other computers")
        self._again = push_button("Test all", "workersTest", "Ask every computer now", spoken="Test all computers")
        self._again.clicked.connect(self.shown)
        card.head.addWidget(self._again)
        card.add_line("workersAbout", ABOUT, "muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(14)
        card.column.addLayout(self._rows)
        self._told = card.add_line("workersState")
        self._told.hide()
        self._add = AddWorker()
        self._add.given.connect(self._take)
        self.column.addWidget(self._add)
        self.column.addStretch(1)

    def shown(self) -> None:
        """Show those that are known at once, and what each lends when it has answered."""
        if self._looking:
            self._stale = True  # what is being asked for may be over by now
            return
        self._looking, self._stale = True, False

        def known(found: tuple[Reached, ...]) -> None:
            self._show(found)
            self._tasks.run(
                lambda context: self._workers().look(lambda: context.cancelled),
                done=self._looked,
                failed=self._look_failed,
                lane=Lane.NETWORK,
                owner=self,
            )

        self._tasks.run(
            lambda context: tuple(Reached(one) for one in self._workers().all()),
            done=known,
            failed=self._look_failed,
            lane=Lane.JOB,
            owner=self,
        )

    def _looked(self, found: tuple[Reached, ...]) -> None:
        self._looking = False
        self._show(found)
        if self._stale:
            self.shown()

    def _look_failed(self, error: HeftError) -> None:
        self._looking = False
        self._failed(error)

    # -- rows ------------------------------------------------------------------------------------

    def _show(self, workers: tuple[Reached, ...]) -> None:
        focused = self.focusWidget()
        name = focused.objectName() if focused is not None else ""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._buttons = []
        for number, reached in enumerate(workers):
            self._rows.addWidget(self._row(number, reached))
        if not workers:
            self._rows.addWidget(plain_label("workersNone", text="None was added yet."))
        again = next((button for button in self._buttons if button.objectName() == name), None)
        if again is not None:
            again.setFocus(Qt.FocusReason.OtherFocusReason)
        self._again.setVisible(bool(workers))

    def _row(self, number: int, reached: Reached) -> QWidget:
        held, one = QWidget(), reached.worker
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        head = QHBoxLayout()
        head.addWidget(plain_label(f"worker{number}", "subtitle", visible_in_place(one.name)), 1)
        for text, tip, does in (
            ("Test", "Ask it now", self._test),
            ("Measure", "How quick the way there is: takes up to 10 seconds", self._measure),
            ("Rename…", "Another name for it", self._ask_name),
            ("Remove", "Forget it and its key", self._remove),
        ):
            button = push_button(text, f"worker{number}{text.rstrip('…')}", tip, spoken=f"{text}: {one.name}")
            set_role(button, "small")
            button.clicked.connect(calling(does, one.name))
            self._buttons.append(button)
            head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        address = address_words(one)
        column.addWidget(plain_label(f"worker{number}Address", "muted", visible_in_place(address), selectable=True))
        said = "✓ " if reached.reachable else "✗ " if reached.error is not None else ""
        words = reached_words(reached) if reached.reachable or reached.error is not None else "Asking…"
        state = plain_label(f"worker{number}State", "bad" if reached.error else "", visible_in_place(said + words))
        column.addWidget(state)
        column.addWidget(plain_label(f"worker{number}Link", "muted", link_words(one.link)))
        return held

    # -- acts, in the background -----------------------------------------------------------------

    def _take(self, named: NamedWorker) -> None:
        self._add.show_asking()

        def added(reached: Reached) -> None:
            where = kept_words(reached.kept)
            told = (
                f"{reached.worker.name} was added. {where}"
                if reached.reachable
                else f"{reached.worker.name} was added, but does not answer now: why stands above. {where}"
            )
            self._add.show_added(told.strip(), reachable=reached.reachable)
            self.shown()

        self._tasks.run(
            lambda context: self._added(named, lambda: context.cancelled),
            done=added,
            failed=self._add.show_refused,
            lane=Lane.NETWORK,
            owner=self,
        )

    def _added(self, named: NamedWorker, cancelled: Cancelled) -> Reached:
        if named.ssh:
            return self._workers().add_by_ssh(named.ssh, named.name, named.heft, cancelled)
        return self._workers().add(named.pairing, named.name)

    def _test(self, name: str) -> None:
        self._do(lambda _: f"{name}: {reached_words(self._workers().test(name))}", f"Asking {name}…")

    def _measure(self, name: str) -> None:
        self._do(
            lambda context: f"{name}: {link_words(self._workers().measure(name, lambda: context.cancelled).link)}",
            f"Measuring the way to {name}, which takes up to 10 seconds…",
        )

    def _remove(self, name: str) -> None:
        self._do(lambda _: f"{self._workers().remove(name).name} and its key are forgotten.")

    def _ask_name(self, name: str) -> None:
        dialog = QInputDialog(self)
        dialog.setObjectName("renameWorker")
        dialog.setWindowTitle(f"Rename {name}")
        dialog.setLabelText("What it is called from now on")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda new: self.rename(name, new))
        dialog.open()

    def rename(self, name: str, new: str) -> None:
        """Call it otherwise from now on."""
        self._do(lambda _: f"It is called {self._workers().rename(name, new).name} now.")

    def _do(self, act: Callable[[TaskContext], str], words: str = "…") -> None:
        if self._acting:
            return
        self._acting = True
        self._tell(words, "muted")

        def ended(said: Any) -> None:
            self._acting = False
            self._tell(said, "")
            self.shown()

        self._tasks.run(act, done=ended, failed=self._failed, lane=Lane.NETWORK, owner=self)

    def _failed(self, error: HeftError) -> None:
        self._acting = False
        self._tell(f"{error.message} {error.hint}".strip(), "bad")

    def _tell(self, words: str, role: str) -> None:
        self._told.setText(visible_in_place(words))
        set_role(self._told, role)
        self._told.show()
