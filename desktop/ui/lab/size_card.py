"""A mix of types for a size: typed or the largest that fits, chosen by what the parts lose, and how it was chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QLineEdit, QTableView, QVBoxLayout

from desktop.core.errors import HeftError
from desktop.core.units import byte_count, human_bytes
from desktop.core.words import tr
from desktop.ui.lab import further_actions as actions
from desktop.ui.lab.asked_job import AskedJob
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.core.cancelled import Cancelled
    from desktop.core.progress import Report
    from desktop.services.lab.mixing import Mix, MixingService

_COLUMNS = (tr("Part"), tr("Weights"), tr("KL divergence alone"), tr("Gets"))
_EXPLAINED = (
    tr("Matrices of one role in neighbouring layers"),
    tr("How many weights they have"),
    tr("What the model loses with these alone in a small type, in nats"),
    tr("The types that they get, with their sizes"),
)
_TABLE_HEIGHT = 170


class SizeCard(QFrame):
    """Offers a recipe when it has one."""

    notify = Signal(object)
    chosen = Signal(object, object)  # Recipe, Path of the file to make

    def __init__(self, service: Callable[[], MixingService], commands: ActionRegistry, tasks: Tasks) -> None:
        super().__init__()
        self.setObjectName("labSizeCard")
        set_role(self, "card")
        self._service, self._commands, self._tasks = service, commands, tasks
        self._model = self._imatrix = ""
        self._job = AskedJob(tasks, "labChoosingMix", tr("The types that are chosen for a size"))
        self._job.failed.connect(self.notify)
        self._job.changed.connect(self._allow)
        commands.connect_to(actions.CHOOSE_MIX, self._choose)
        commands.connect_to(actions.LARGEST, self._largest)
        heading = plain_label("labSizeHeading", "subtitle", tr("The best mix for a size"), wraps=False)
        self._words = plain_label("labSizeWords", "muted")
        self._size = QLineEdit()
        self._size.setObjectName("labTargetSize")
        self._size.setAccessibleName(tr("Size of the file"))
        self._size.setPlaceholderText(tr("4.5 GB"))
        self._size.setMaximumWidth(120)
        self._size.textChanged.connect(self._allow)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._size)
        row.addWidget(commands.button(actions.CHOOSE_MIX, "labChooseMix"))
        row.addWidget(commands.button(actions.LARGEST, "labLargest"))
        row.addStretch(1)
        self._rows = TextTableModel(figures=(1, 2), parent=self)
        self._rows.set_rows(_COLUMNS, (), _EXPLAINED)
        self._table = QTableView()
        self._table.setModel(self._rows)
        set_up_table(self._table, "labMixTable", tr("How the types were chosen"), row_height=26)
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
        column.addWidget(self._table)
        self.show_model("")

    def show_model(self, path: str) -> None:
        """Another model, "" for none."""
        self._model = path
        self._table.hide()
        self._words.setText(
            tr(
                "Each part of the model gets the type that it needs, and all of it the size that you "
                "want: it loses less than a plain type of that size."
            )
        )
        self._allow()

    def set_imatrix(self, path: str) -> None:
        """The importance matrix that is used, "" for none."""
        self._imatrix = path

    @property
    def _bytes(self) -> int:
        try:
            return byte_count(self._size.text())
        except ValueError:
            return 0

    def _allow(self) -> None:
        self._commands.allow(actions.SIZED, self._bytes > 0)
        self._commands.allow(actions.NO_MIX_ASKED, not self._job.runs)

    def _largest(self) -> None:
        model = self._model

        def done(found: int) -> None:
            if self._model == model:
                self._size.setText(human_bytes(found))

        self._tasks.run(
            lambda context: self._service().fitting_bytes(model, cancelled=lambda: context.cancelled),
            done=done, failed=self._failed, lane=Lane.JOB, owner=self,
        )  # fmt: skip

    def _failed(self, error: HeftError) -> None:
        self.notify.emit(error)

    def _choose(self) -> None:
        model, size, matrix = self._model, self._bytes, self._imatrix

        def work(progress: Report, cancelled: Cancelled) -> tuple[Mix, Path]:
            service = self._service()
            prospect = service.prospect(model, size, matrix, cancelled=cancelled)
            return service.choose(prospect, progress=progress, cancelled=cancelled), service.target(prospect)

        def done(found: tuple[Mix, Path]) -> None:
            if self._model == model:
                self._show(*found)

        self._job.start(tr("Choosing the types"), work, done)

    def _show(self, mix: Mix, target: Path) -> None:
        self._words.setText(
            tr(
                "{size_bytes}, with an expected KL divergence of {expected_kld:.3g} by {tokens:,} "
                "tokens. Make it above.",
                size_bytes=human_bytes(mix.size_bytes),
                expected_kld=mix.expected_kld,
                tokens=mix.tokens,
            )
        )
        rows = []
        for one in mix.groups:
            kinds = ", ".join(f"{kind} {human_bytes(size)}" for kind, size in sorted(one.types.items()))
            texts = (one.group, f"{one.weights / 1e6:.1f} M", f"{one.kld:.3g} ± {one.error:.1g}", kinds)
            rows.append(TextRow(texts, (one.group, one.weights, one.kld, kinds)))
        self._rows.set_rows(_COLUMNS, rows, _EXPLAINED)
        self._table.show()
        self.chosen.emit(mix.recipe, target)
