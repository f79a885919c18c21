"""The importance matrix of a model: made here, or the one that lies beside it; as a picture and a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout

from desktop.core.importance import by_layer
from desktop.core.words import tr
from desktop.services.lab.texts import MIXED, shipped_texts
from desktop.ui.lab import further_actions as actions
from desktop.ui.lab.asked_job import AskedJob
from desktop.ui.lab.heat_map import HeatMap
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.core.cancelled import Cancelled
    from desktop.core.progress import Report
    from desktop.services.lab.importance import FoundImatrix, ImportanceMade, ImportanceService

_COLUMNS = (tr("Matrix"), tr("Mean of squares"), tr("In the strongest 1 %"), tr("Rows"))
_TABLE_HEIGHT = 150


class MatrixCard(QFrame):
    """Says which matrix there is, and makes one."""

    notify = Signal(object)
    found = Signal(str)  # path of the matrix of the model that is shown, "" for none

    def __init__(
        self, service: Callable[[], ImportanceService], commands: ActionRegistry, tasks: Tasks, theme: Theme
    ) -> None:
        super().__init__()
        self.setObjectName("labMatrixCard")
        set_role(self, "card")
        self._service, self._commands, self._tasks = service, commands, tasks
        self._model = ""
        self._job = AskedJob(tasks, "labMatrixMaking", tr("The importance matrix that is made"))
        self._job.failed.connect(self.notify)
        self._job.changed.connect(self._allow)
        commands.connect_to(actions.MAKE_MATRIX, self._make)
        heading = plain_label("labMatrixHeading", "subtitle", tr("Importance matrix"), wraps=False)
        self._words = plain_label("labMatrixWords", "muted")
        self._text = ElidedChoice()
        self._text.setObjectName("labMatrixText")
        self._text.setAccessibleName(tr("Text of the importance matrix"))
        self._text.addItem(tr("All of Heft's texts"), MIXED)
        for text in shipped_texts():
            self._text.addItem(text.title, text.name)
        self._text.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._text.setMinimumContentsLength(20)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._text)
        row.addWidget(commands.button(actions.MAKE_MATRIX, "labMakeMatrix"))
        row.addStretch(1)
        self._map = HeatMap(theme)
        self._rows = TextTableModel(figures=(1, 2, 3), parent=self)
        self._rows.set_rows(_COLUMNS, ())
        self._table = QTableView()
        self._table.setModel(self._rows)
        set_up_table(self._table, "labMatrixTable", tr("The importance matrix in figures"), row_height=26)
        self._table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # as it is given
        self._table.setSortingEnabled(True)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._table.setFixedHeight(_TABLE_HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(self._words)
        column.addLayout(row)
        column.addWidget(self._job)
        column.addWidget(self._map)
        column.addWidget(self._table)
        self._show(None)

    def show_model(self, path: str) -> None:
        """Another model, "" for none."""
        self._model = path
        self._show(None)
        if path:
            self._tasks.run(
                lambda context: self._beside(path, lambda: context.cancelled), done=self._show_found,
                failed=lambda _error: None, lane=Lane.JOB, owner=self,
            )  # fmt: skip

    def _beside(self, path: str, cancelled: Cancelled) -> tuple[str, FoundImatrix | None]:
        beside = self._service().beside(path)
        return path, self._service().read(beside, cancelled) if beside is not None else None

    def _show_found(self, found: tuple[str, FoundImatrix | None]) -> None:
        if found[0] == self._model:
            self._show(found[1])

    def _show(self, found: FoundImatrix | None) -> None:
        if found is None:
            self._words.setText(
                tr("Which weights matter, by a text that the model reads: small types lose less with "
"it. There is none for this model yet.") if self._model else tr("Choose a model first.")
            )  # fmt: skip
        else:
            self._words.setText(
                tr(
                    "{name}: {chunks} pieces of {dataset}.",
                    name=found.path.name,
                    chunks=found.chunks,
                    dataset=found.dataset or tr("a text"),
                )
            )
            self._map.set_table(by_layer(found.tensors))
            rows = [
                TextRow(
                    (one.name, f"{one.mean:.3g}", f"{one.top_share:.0%}", f"{one.rows:,}"),
                    (one.name, one.mean, one.top_share, one.rows),
                )
                for one in found.tensors
            ]
            self._rows.set_rows(_COLUMNS, rows)
        for widget in (self._map, self._table):
            widget.setVisible(found is not None)
        self._allow()
        self.found.emit(str(found.path) if found is not None else "")

    def _allow(self) -> None:
        self._commands.allow(actions.NO_MATRIX_ASKED, not self._job.runs)

    def _make(self) -> None:
        model, text = self._model, str(self._text.currentData())

        def work(progress: Report, cancelled: Cancelled) -> ImportanceMade:
            service = self._service()
            prospect = service.prospect(model, text, service.free_target(model), cancelled=cancelled)
            return service.make(prospect, progress=progress, cancelled=cancelled)

        def done(made: ImportanceMade) -> None:
            self.notify.emit(
                tr("{name} was made from {chunks} pieces of the text.", name=Path(made.path).name, chunks=made.chunks)
            )
            if self._model == model:
                self.show_model(model)

        self._job.start(tr("Making the importance matrix"), work, done)
