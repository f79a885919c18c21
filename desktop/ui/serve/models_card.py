"""The models and what can be done with the chosen one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.words import counted, tr
from desktop.services.serve.api import ModelState
from desktop.ui.serve import actions
from desktop.ui.serve.card import ServeCard
from desktop.ui.serve.low_table import LowTable
from desktop.ui.serve.models_model import ACT, CONTEXT, MEMORY, NAME, RATE, SLOTS, STATE, WHERE, ServedModels
from desktop.ui.serve.two_tone import TwoToneDelegate
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shared.spared_columns import SparedColumns
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.keys import matches
from desktop.ui.shell.theme import Theme

_WIDTHS = {STATE: 196, WHERE: 150, MEMORY: 86, CONTEXT: 84, SLOTS: 84, RATE: 84, ACT: 78}
_LEAST_NAME = 200
_RULE = {"never": tr("loaded when asked for, unloaded only to make room, never in the middle of an answer")}
_NOTHING = tr("No models yet.")
_ADVICE = tr("Heft serves what is in its Library. Get a model there, and it stands here by itself.")
_LOOKING = tr("Looking for models…")


class ModelsTable(LowTable):
    """Enter loads the chosen model, Del unloads it; so does the last column by mouse."""

    load_asked = Signal()
    unload_asked = Signal()
    model_changed = Signal()

    def __init__(self, rows: ServedModels, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("serveModels", tr("Models that other programs can use"), rows, _WIDTHS, NAME, parent)
        self._rows = rows
        self._chosen = ""
        self.setItemDelegateForColumn(NAME, TwoToneDelegate(theme, self, bold=True))
        self._spared = SparedColumns(self, NAME, _LEAST_NAME, (SLOTS, CONTEXT, RATE, WHERE, ACT))
        rows.modelReset.connect(self._restore)
        rows.dataChanged.connect(self.model_changed)
        self.clicked.connect(lambda index: self._act_on(index.row(), index.column()))
        self.selectionModel().currentRowChanged.connect(self._choose)

    @property
    def current_model(self) -> ModelState | None:
        """The model of the current row."""
        return self._rows.at(self.currentIndex().row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Del act on the chosen model; the rest is the table's own."""
        if matches(event, actions.LOAD):
            self.load_asked.emit()
        elif matches(event, actions.UNLOAD):
            self.unload_asked.emit()
        else:
            super().keyPressEvent(event)

    def _act_on(self, row: int, column: int) -> None:
        found = self._rows.at(row)
        if column == ACT and found is not None:
            (self.load_asked if found.phase == "unloaded" else self.unload_asked).emit()

    def _choose(self, current: QModelIndex) -> None:
        if (found := self._rows.at(current.row())) is not None:
            self._chosen = found.model.name
        self.model_changed.emit()

    def _restore(self) -> None:
        row = self._rows.row_of(self._chosen)
        if row >= 0:
            self.setCurrentIndex(self._rows.index(row, NAME))
        self.model_changed.emit()


class ModelsCard(ServeCard):
    """A table, or how to get a model where there is none."""

    def __init__(self, commands: ActionRegistry, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("serveModelsCard", tr("Models"), parent)
        self._rule = self.add_note("serveRule", "")
        self._acts = (commands.button(actions.LOAD, "serveLoad"), commands.button(actions.UNLOAD, "serveUnload"))
        for button in (*self._acts, commands.button(actions.SETTINGS, "serveSettings")):
            self.head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self._rows = ServedModels(theme, self)
        self.table = ModelsTable(self._rows, theme)
        self._nothing = plain_label("serveNoModels", "subtitle", _LOOKING)
        self._advice = plain_label("serveNoModelsAdvice", "muted", _ADVICE)
        self._find = commands.button(actions.FIND_MODELS, "serveFindModels", role="primary")
        empty = QWidget()
        column = QVBoxLayout(empty)
        column.setSpacing(10)
        column.addStretch(1)
        for label in (self._nothing, self._advice):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addWidget(self._find, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._body = CurrentStack()
        self._body.addWidget(empty)
        self._body.addWidget(self.table)
        self.column.addWidget(self._body, 1)
        self._advice.hide()
        self._find.hide()

    def show_models(self, models: Sequence[ModelState]) -> None:
        """Show these."""
        self._rows.show_rows(models)
        self._nothing.setText(_NOTHING)
        self._advice.show()
        self._find.show()
        self._body.setCurrentIndex(1 if models else 0)

    def keep_keyboard(self, had: QWidget | None) -> None:
        """Give the keyboard to the table where the button that ``had`` it can do nothing more."""
        if had in self._acts and had is not None and not had.isEnabled():
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_rule(self, minutes: str) -> None:
        """When models go; ``minutes`` is that of the option."""
        said = counted(minutes, "minute")
        usual = tr("loaded when asked for, unloaded after {said}, never in the middle of an answer", said=said)
        self._rule.setText(_RULE.get(minutes, usual))
