"""What the pages of other servers and other computers are made of: those that were added, and adding one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QPushButton, QVBoxLayout, QWidget

from desktop.core.cancelled import Cancelled
from desktop.core.errors import HeftError
from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.endpoints.words import kept_words
from desktop.services.kept_key import Place
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside
from desktop.ui.shared.signals import calling
from desktop.ui.shell.settings.add_other import AddOther
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

_HEAD_NEEDS = 480  # pixels that name and buttons need beside each other


class Asked(Protocol):
    """One that was added, asked now or not yet."""

    @property
    def reachable(self) -> bool: ...

    @property
    def error(self) -> HeftError | None: ...

    @property
    def kept(self) -> Place | None: ...


R = TypeVar("R", bound=Asked)


@dataclass(frozen=True)
class Row:
    """One in words: its name, its address, what it says of itself, and lines below that by their object names."""

    name: str
    address: str
    words: str
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Act:
    """A button of each row; its object name ends with ``name``."""

    name: str
    text: str
    tip: str
    does: Callable[[str], None]


@dataclass(frozen=True)
class Naming:
    """Object names begin with ``one`` or ``all``; ``address`` ends that of an address. The rest is words."""

    one: str
    all: str
    address: str
    title: str
    about: str
    test_tip: str
    test_spoken: str


class OthersPane(SettingsPane, Generic[R]):
    """All that asks one of them or the keyring happens in the background, one act at a time."""

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks, naming: Naming, add: AddOther) -> None:
        super().__init__(writer, theme)
        self.tasks, self._naming, self._add = tasks, naming, add
        self._acting = self._looking = self._stale = False
        self._buttons: list[QPushButton] = []
        card = self.add_card(f"settings{naming.all.capitalize()}", naming.title)
        self._again = push_button(tr("Test all"), f"{naming.all}Test", naming.test_tip, spoken=naming.test_spoken)
        self._again.clicked.connect(self.shown)
        card.head.addWidget(self._again)
        card.add_line(f"{naming.all}About", naming.about, "muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(14)
        card.column.addLayout(self._rows)
        self._told = card.add_line(f"{naming.all}State")
        self._told.hide()
        add.given.connect(self._take)
        self.column.addWidget(add)
        self.column.addStretch(1)

    # -- what a page says of its own -----------------------------------------------------------------

    @abstractmethod
    def known(self) -> Sequence[R]:
        """Those that were added, not asked yet; in the background."""

    @abstractmethod
    def look(self, cancelled: Cancelled) -> Sequence[R]:
        """All of them, asked; in the background."""

    @abstractmethod
    def added(self, given: Any, cancelled: Cancelled) -> R:
        """Add what was typed; in the background."""

    @abstractmethod
    def row(self, found: R) -> Row:
        """One of them in words."""

    @abstractmethod
    def acts(self) -> Sequence[Act]:
        """The buttons of a row."""

    # -- rows ----------------------------------------------------------------------------------------

    def shown(self) -> None:
        """Show those that are known at once, and what each says of itself when it has answered."""
        if self._looking:
            self._stale = True  # what is being asked for may be over by now
            return
        self._looking, self._stale = True, False

        def known(found: Sequence[R]) -> None:
            self._show(found)
            self.tasks.run(
                lambda context: self.look(lambda: context.cancelled),
                done=self._looked,
                failed=self._look_failed,
                lane=Lane.NETWORK,
                owner=self,
            )

        self.tasks.run(lambda context: self.known(), done=known, failed=self._look_failed, lane=Lane.JOB, owner=self)

    def _looked(self, found: Sequence[R]) -> None:
        self._looking = False
        self._show(found)
        if self._stale:
            self.shown()

    def _look_failed(self, error: HeftError) -> None:
        self._looking = False
        self._failed(error)

    def _show(self, everyone: Sequence[R]) -> None:
        focused = self.focusWidget()
        name = focused.objectName() if focused is not None else ""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._buttons = []
        for number, found in enumerate(everyone):
            self._rows.addWidget(self._row(f"{self._naming.one}{number}", found))
        if not everyone:
            self._rows.addWidget(plain_label(f"{self._naming.all}None", text=tr("None was added yet.")))
        again = next((button for button in self._buttons if button.objectName() == name), None)
        if again is not None:
            again.setFocus(Qt.FocusReason.OtherFocusReason)
        self._again.setVisible(bool(everyone))

    def _row(self, prefix: str, found: R) -> QWidget:
        held, words = QWidget(), self.row(found)
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        title = plain_label(prefix, "subtitle", visible_in_place(words.name))
        title.setMinimumWidth(1)
        offered = QWidget()
        buttons = QHBoxLayout(offered)
        buttons.setContentsMargins(0, 0, 0, 0)
        for act in self.acts():
            spoken = f"{act.text}: {words.name}"
            button = push_button(act.text, f"{prefix}{act.name}", act.tip, spoken=spoken)
            set_role(button, "small")
            button.clicked.connect(calling(act.does, words.name))
            self._buttons.append(button)
            buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        buttons.addStretch(1)
        column.addWidget(Beside(title, offered, needs=_HEAD_NEEDS, stretch=(1, 0), spacing=2))
        address = visible_in_place(words.address)
        column.addWidget(plain_label(f"{prefix}{self._naming.address}", "muted", address, selectable=True))
        sign = "✓ " if found.reachable else "✗ " if found.error is not None else ""
        said = words.words if found.reachable or found.error is not None else tr("Asking…")
        state, role = visible_in_place(sign + said), "bad" if found.error else ""
        column.addWidget(plain_label(f"{prefix}State", role, state, selectable=True))  # it may name a command to copy
        for name, line in words.more:
            column.addWidget(plain_label(f"{prefix}{name}", "muted", visible_in_place(line)))
        return held

    # -- acts, in the background ---------------------------------------------------------------------

    def _take(self, given: object) -> None:
        self._add.show_asking()

        def added(found: R) -> None:
            name, where = self.row(found).name, kept_words(found.kept)
            told = (
                tr("{name} was added. {where}", name=name, where=where)
                if found.reachable
                else tr("{name} was added, but does not answer now: why stands above. {where}", name=name, where=where)
            )
            self._add.show_added(told.strip(), reachable=found.reachable)
            self.shown()

        self.tasks.run(
            lambda context: self.added(given, lambda: context.cancelled),
            done=added,
            failed=self._add.show_refused,
            lane=Lane.NETWORK,
            owner=self,
        )

    def dialog(self, name: str, title: str, words: str) -> QInputDialog:
        """A question over the page, to be opened."""
        dialog = QInputDialog(self)
        dialog.setObjectName(name)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def ask_name(self, name: str) -> None:
        """Ask what one is called from now on."""
        dialog = self.dialog(
            f"rename{self._naming.one.capitalize()}",
            tr("Rename {name}", name=name),
            tr("What it is called from now on"),
        )
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda new: self.rename(name, new))
        dialog.open()

    @abstractmethod
    def rename(self, name: str, new: str) -> None:
        """Call it otherwise from now on."""

    def do(self, act: Callable[[TaskContext], str], words: str = "…") -> None:
        """Do it in the background, saying ``words`` meanwhile and then what it says."""
        if self._acting:
            return
        self._acting = True
        self._tell(words, "muted")

        def ended(said: Any) -> None:
            self._acting = False
            self._tell(said, "")
            self.shown()

        self.tasks.run(act, done=ended, failed=self._failed, lane=Lane.NETWORK, owner=self)

    def _failed(self, error: HeftError) -> None:
        self._acting = False
        self._tell(f"{error.message} {error.hint}".strip(), "bad")

    def _tell(self, words: str, role: str) -> None:
        self._told.setText(visible_in_place(words))
        set_role(self._told, role)
        self._told.show()
