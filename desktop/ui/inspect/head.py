"""The head of the page Inspect: name, facts and what can be done with the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from desktop.core.units import human_bits, human_bytes, human_parameters
from desktop.core.words import counted, tr
from desktop.services.inspect.inspection import Inspected
from desktop.services.models.kind_words import kind_fact, kind_note
from desktop.ui.inspect import actions
from desktop.ui.inspect.sources import SourceMenu
from desktop.ui.shared.elided_label import ElidedLabel, FigureLabel
from desktop.ui.shell.action import Action
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.models.library import LibraryModel

_TITLE = tr("Inspect")


def facts(inspected: Inspected) -> list[str]:
    """What the line below the title says, most important first."""
    said: list[str] = []
    if inspected.files:
        header = inspected.header
        said += [tr("GGUF v{version}", version=header.version), f"{header.endianness}-endian"]
        said.append(header.architecture or tr("no architecture"))
        said += filter(None, [kind_fact(inspected.use)])
        if inspected.parameters:
            said.append(tr("{parameters} parameters", parameters=human_parameters(inspected.parameters)))
            said.append(tr("{bits_per_weight} bits per weight", bits_per_weight=human_bits(inspected.bits_per_weight)))
        if inspected.quantization:
            said.append(inspected.quantization)
    said.append(human_bytes(inspected.size_bytes))
    if inspected.files:
        if inspected.context_length:
            said.append(tr("context {length:,}", length=inspected.context_length))
        if len(inspected.files) > 1:
            said.append(counted(len(inspected.files), "file"))
        said.append(counted(len(inspected.tensors), "tensor"))
        said.append(counted(len(inspected.header.metadata), "metadata key"))
    said.append(_effort(inspected))
    return said


def _effort(inspected: Inspected) -> str:
    seconds = inspected.seconds
    took = tr("{seconds:.0f} ms", seconds=seconds * 1000) if seconds < 1 else f"{seconds:.1f} s"
    if not inspected.requests:
        return tr("read in {took}", took=took)
    if inspected.models:  # of a repo mostly the list was fetched
        return f"{counted(inspected.requests, 'request')}, {took}"
    return tr(
        "{transferred_bytes} in {requests}, {took}",
        transferred_bytes=human_bytes(inspected.transferred_bytes),
        requests=counted(inspected.requests, "request"),
        took=took,
    )


class InspectHead(QWidget):
    """Elided where there is no room; the whole text is then the tooltip."""

    source_chosen = Signal(str)
    other_chosen = Signal(str)
    list_asked = Signal()

    def __init__(self, commands: ActionRegistry, parent: QWidget | None = None) -> None:
        """``commands`` are the page's; what the menus do is connected here."""
        super().__init__(parent)
        self.setObjectName("inspectHead")
        self._commands = commands
        self._title = ElidedLabel(_TITLE)
        self._title.setObjectName("inspectTitle")
        set_role(self._title, "title")
        self._facts = FigureLabel("inspectFacts")
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(self._facts, "muted")
        self.open_menu = SourceMenu("inspectOpenMenu", tr("Inspect"), self)
        self.compare_menu = SourceMenu("inspectCompareMenu", tr("Compare with"), self)
        for menu, signal in ((self.open_menu, self.source_chosen), (self.compare_menu, self.other_chosen)):
            menu.chosen.connect(signal)
            menu.list_asked.connect(self.list_asked)
        for action, call in (
            (actions.OPEN, self.open_menu.ask_file),
            (actions.OPEN_FOLDER, self.open_menu.ask_folder),
            (actions.OPEN_ADDRESS, self.open_menu.ask_address),
            (actions.COMPARE, self.compare_menu.ask_file),
        ):
            commands.connect_to(action, call)
        opening = _menu_button(commands, actions.OPEN, "inspectOpen", self.open_menu)
        compare = _menu_button(commands, actions.COMPARE, "inspectCompare", self.compare_menu)
        run = commands.button(actions.RUN, "inspectRun")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._title, 1)
        top.addStretch(0)
        for button in (opening, compare, run):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self._facts)
        self.show_model(None)

    def show_model(self, inspected: Inspected | None) -> None:
        """Name and facts of a model; what cannot be done with it is disabled and says why."""
        gguf = inspected is not None and bool(inspected.files)
        local = gguf and inspected is not None and inspected.files[0].path is not None
        self._title.set_whole_text(inspected.title if inspected is not None else _TITLE)
        self._facts.set_whole_text(" · ".join(facts(inspected)) if inspected is not None else "")
        self._facts.setVisible(inspected is not None)
        self._commands.allow(actions.MODEL_OPEN, inspected is not None)
        self._commands.allow(actions.COMPARABLE, gguf)
        inside = inspected is not None and gguf and inspected.files[0].base > 0
        empty = inspected is not None and gguf and not inspected.tensors
        cannot = "" if inspected is None else kind_note(inspected.use)
        if cannot:
            why = cannot
        elif empty:
            why = tr("This file holds no weights to run")
        elif inside:
            why = tr("The engine does not load a GGUF file inside another file: get the GGUF file of this model")
        else:
            why = tr("This file is on the Hub: download it first") if gguf and not local else ""
        self._commands.allow(actions.RUNNABLE, local and not inside and not empty and not cannot, why)

    def set_recent(self, sources: Sequence[str]) -> None:
        """What was opened last, for both menus."""
        self.open_menu.set_recent(sources)
        self.compare_menu.set_recent(sources)

    def set_models(self, models: Sequence[LibraryModel]) -> None:
        """The models of this computer, for both menus."""
        self.open_menu.set_models(models)
        self.compare_menu.set_models(models)


def _menu_button(commands: ActionRegistry, action: Action, name: str, menu: SourceMenu) -> QToolButton:
    """A button whose menu offers ways to do the action."""
    button = QToolButton()
    button.setText(action.short)
    button.setObjectName(name)
    button.setAccessibleName(action.tip)
    commands.follow(button, action)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(menu)
    return button
