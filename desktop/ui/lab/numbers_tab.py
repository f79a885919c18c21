"""The tab Numbers: formats, schemes and llama.cpp's blocks on numbers that are typed in, or on those of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QHeaderView, QLineEdit, QTableView, QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.number_lab import Outcome, Scheme, magnitude_at
from desktop.core.number_lab.grids import NAMES
from desktop.core.number_lab.pictures import error_map
from desktop.core.number_lab.schemes import OUTLIER
from desktop.core.words import tr
from desktop.services.lab.number_lab import PACKED, Numbers, typed_numbers
from desktop.services.lab.number_words import METHOD_TIPS, METHODS, outcome_rows, source_words
from desktop.ui.lab.clip_histogram import ClipHistogram
from desktop.ui.lab.error_map import MOST, ErrorMap
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.number_fields import DecimalField
from desktop.ui.shared.reflow import Beside, Column
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.services.lab.number_lab import NumberLabService, TensorName

EXAMPLE = "1.2 -0.5 -4.3 1.2 -3.1 0.8 2.4 5.4"
_TYPED = tr("Numbers that I type")
_BLOCKS = (16, 32, 64, 128, 256)
_ROW, _MOST_ROWS = 26, 256
_TABLE_HEIGHT = 190
_COLUMNS = (tr("Number"), tr("Stored as"), tr("Comes back as"), tr("Error"))


@dataclass(frozen=True)
class _Found:
    numbers: Numbers
    outcome: Outcome
    clip: float | None
    cells: tuple[tuple[float, ...], ...]


class NumbersTab(Column):
    """One computation at a time; what was chosen meanwhile is computed next."""

    notify = Signal(object)

    def __init__(self, service: Callable[[], NumberLabService], tasks: Tasks, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("labNumbersTab")
        self._service, self._tasks = service, tasks
        self._model = ""
        self._wanted = ""  # a tensor that is to be shown once its model's are known
        self._numbers: Numbers | None = None
        self._magnitudes: list[float] = []
        self._computing: Task | None = None
        self._again = False
        self._listing: Task | None = None
        self._histogram, self._map = ClipHistogram(theme), ErrorMap(theme)
        self._build()
        self._tensor.currentIndexChanged.connect(self._numbers_chosen)
        self._typed.textChanged.connect(self._numbers_chosen)
        for choice in (self._format, self._method, self._by):
            choice.currentIndexChanged.connect(self._scheme_chosen)
        for field in (self._clip, self._outliers):
            field.valueChanged.connect(self._compute)
        self._histogram.clip_dragged.connect(self._dragged)
        self._numbers_chosen()
        self._scheme_chosen()

    def show_model(self, path: str) -> None:
        """Another model, "" for none: its tensors are on offer."""
        if path == self._model:
            return
        self._model = path
        if self._listing is not None:
            self._listing.cancel()
            self._listing = None
        self._offer(())
        if path:
            self._listing = self._tasks.run(
                lambda _context: self._service().tensors(path),
                done=self._offer,
                failed=lambda error: self._words.setText(f"{error.message} {error.hint}".strip()),
                lane=Lane.JOB,
                owner=self,
            )

    def show_tensor(self, name: str) -> None:
        """Choose a tensor of the model, now or as soon as its tensors are known."""
        self._wanted = name
        if (at := self._tensor.findData(name)) > 0:
            self._wanted = ""
            self._tensor.setCurrentIndex(at)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._tensor, self._format, self._method, self._by = (ElidedChoice() for _ in range(4))
        self._tensor.addItem(_TYPED, "")
        self._typed = QLineEdit(EXAMPLE)
        for name in NAMES:
            self._format.addItem(name, "")
        for name in PACKED:
            self._format.addItem(tr("{name}, packed by llama.cpp", name=name), name)
        self._format.setCurrentText("INT8")
        for method, words in METHODS.items():
            self._method.addItem(words, method)
            self._method.setItemData(self._method.count() - 1, METHOD_TIPS[method], Qt.ItemDataRole.ToolTipRole)
        self._by.addItem(tr("All of them"), ("tensor", 32))
        self._by.addItem(tr("Each row"), ("row", 32))
        for size in _BLOCKS:
            self._by.addItem(tr("Blocks of {size}", size=size), ("block", size))
        self._clip = DecimalField(100.0, 0.1, low=50.0, decimals=2)
        self._clip.setValue(100.0)
        self._clip.setSuffix(" %")
        self._outliers = DecimalField(1000.0, 0.5, decimals=3, word="none")
        self._outliers.setToolTip(
            tr("LLM.int8() keeps columns with a magnitude of {outlier:g} or more in FP16", outlier=OUTLIER)
        )
        card, content = QFrame(), Column()
        set_role(card, "card")
        card.setObjectName("labNumbersCard")
        form = QFormLayout(content)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(16)
        self._headings = {}
        for name, title, field in (
            ("labTensor", tr("Numbers of"), self._tensor), ("labTyped", tr("Typed in"), self._typed),
            ("labFormat", tr("Format"), self._format), ("labMethod", tr("Scale by"), self._method),
            ("labBy", tr("One scale for"), self._by), ("labClip", tr("Keep magnitudes up to percentile"), self._clip),
            ("labOutliers", tr("Columns apart, from magnitude"), self._outliers),
        ):  # fmt: skip
            field.setObjectName(name)
            field.setAccessibleName(title)
            if isinstance(field, QComboBox):
                field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
                field.setMinimumContentsLength(18)
            heading = plain_label(f"{name}Title", "muted")
            heading.setText(title)
            self._headings[name] = heading, field
            form.addRow(heading, field)
        around = QVBoxLayout(card)
        around.setContentsMargins(14, 12, 14, 12)
        around.addWidget(content)
        self._words = plain_label("labNumbersWords", "muted")
        self._figures = TextTableModel(figures=(1,), parent=self)
        self._rows = TextTableModel(figures=(0, 1, 2, 3), parent=self)
        self._table = _table(self._rows, "labNumbersTable", tr("The numbers, what is stored and what comes back"))
        self._sums = _table(self._figures, "labNumbersFigures", tr("What is lost, and what it takes"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        figures = QVBoxLayout(beside := QWidget())
        figures.setContentsMargins(0, 0, 0, 0)
        figures.addWidget(self._sums)
        figures.addStretch(1)
        column.addWidget(Beside(card, beside, needs=620, stretch=(3, 2), spacing=12))
        column.addWidget(self._words)
        column.addWidget(Beside(self._histogram, self._map, needs=620, spacing=16))
        column.addWidget(self._table)
        column.addStretch(1)

    # -- what is looked at -----------------------------------------------------------------------

    def _offer(self, tensors: tuple[TensorName, ...]) -> None:
        self._listing = None
        chosen = self._tensor.currentData()
        self._tensor.blockSignals(True)
        while self._tensor.count() > 1:
            self._tensor.removeItem(1)
        for one in tensors:
            self._tensor.addItem(one.name, one.name)
            told = f"{one.type}, {' × '.join(f'{length:,}' for length in one.shape)}"
            self._tensor.setItemData(self._tensor.count() - 1, told, Qt.ItemDataRole.ToolTipRole)
        self._tensor.setCurrentIndex(max(0, self._tensor.findData(chosen)))
        self._tensor.blockSignals(False)
        if self._wanted and self._tensor.findData(self._wanted) > 0:
            self.show_tensor(self._wanted)
        elif self._tensor.currentData() != chosen:
            self._numbers_chosen()

    def _numbers_chosen(self) -> None:
        name = self._tensor.currentData()
        self._show_field("labTyped", shown=not name)
        self._numbers = None
        if name:
            model = self._model
            self._words.setText(tr("Reading…"))
            self._tasks.run(
                lambda context: self._service().read(model, name, cancelled=lambda: context.cancelled),
                done=lambda found: self._have(found) if self._tensor.currentData() == name else None,
                failed=self._failed,
                lane=Lane.JOB,
                owner=self,
            )
            return
        try:
            self._have(typed_numbers(self._typed.text()))
        except HeftError as error:
            self._failed(error)

    def _have(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._magnitudes = sorted(map(abs, numbers.values))
        self._compute()

    def _scheme_chosen(self) -> None:
        packed = bool(self._format.currentData())
        own = self._method.currentData() in ("mxfp4", "nvfp4")
        self._show_field("labMethod", shown=not packed)
        self._show_field("labBy", shown=not packed and not own and self._method.currentData() != "cast")
        for name in ("labClip", "labOutliers"):
            self._show_field(name, shown=not packed)
        self._format.setEnabled(True)
        self._compute()

    def _show_field(self, name: str, *, shown: bool) -> None:
        heading, field = self._headings[name]
        heading.setVisible(shown)
        field.setVisible(shown)

    def _dragged(self, clip: float) -> None:
        below = sum(1 for value in self._magnitudes if value <= clip)
        count = max(1, len(self._magnitudes) - 1)
        self._clip.setValue(
            max(50.0, min(100.0, 100.0 * (below - 1) / count if below < len(self._magnitudes) else 100.0))
        )

    # -- computing -------------------------------------------------------------------------------

    def _way(self) -> Scheme | str:
        packed = str(self._format.currentData())
        if packed:
            return packed
        grouping, block = self._by.currentData()
        return Scheme(
            self._format.currentText(), self._method.currentData(), grouping, block, self._clip.value(),
            self._outliers.value(),
        )  # fmt: skip

    def _compute(self) -> None:
        numbers = self._numbers
        if numbers is None:
            return
        if self._computing is not None:
            self._again = True
            return
        way, magnitudes = self._way(), self._magnitudes

        def work(context: Any) -> _Found:
            found = self._service().outcome(numbers, way, cancelled=lambda: context.cancelled)
            clip = magnitude_at(magnitudes, way.percentile) if isinstance(way, Scheme) else None
            return _Found(numbers, found, clip, error_map(numbers.values, found.values, numbers.columns, MOST))

        self._computing = self._tasks.run(work, done=self._show, failed=self._failed, lane=Lane.JOB, owner=self)

    def _show(self, found: _Found) -> None:
        self._computing = None
        if self._again:
            self._again = False
            self._compute()
        if found.numbers is not self._numbers:
            return
        self._words.setText(source_words(found.numbers))
        self._histogram.show_numbers(found.numbers.values, found.outcome.values, found.clip)
        self._map.show_cells(found.cells)
        figures = outcome_rows(found.outcome)
        self._figures.set_rows(("", tr("Figure")), [TextRow(row, row) for row in figures])
        self._sums.setFixedHeight(self._sums.horizontalHeader().sizeHint().height() + _ROW * len(figures) + 6)
        self._rows.set_rows(_COLUMNS, _number_rows(found.numbers, found.outcome))

    def _failed(self, error: HeftError) -> None:
        self._computing = None
        if self._again:
            self._again = False
            self._compute()
        if isinstance(error, CancelledError):
            return
        self._words.setText(f"{error.message} {error.hint}".strip())
        self._histogram.show_numbers((), (), None)
        self._map.show_cells(())
        self._figures.set_rows(("", tr("Figure")), ())
        self._rows.set_rows(_COLUMNS, ())


def _table(model: TextTableModel, name: str, spoken: str) -> QTableView:
    table = QTableView()
    table.setModel(model)
    set_up_table(table, name, spoken, row_height=_ROW)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.setMinimumHeight(_TABLE_HEIGHT)
    return table


def _number_rows(numbers: Numbers, found: Outcome) -> list[TextRow]:
    """The first numbers, in their order. What is stored is known where one scale, or blocks in order, hold them all."""
    codes = [code for group in found.groups for code in group.codes]
    stored = [f"{code:g}" for code in codes] if len(codes) == len(found.values) else []
    rows = []
    for at, (old, new) in enumerate(zip(numbers.values[:_MOST_ROWS], found.values, strict=False)):
        code = stored[at] if stored else "–"
        rows.append(
            TextRow(
                (f"{old:.5g}", code, f"{new:.5g}", f"{new - old:+.3g}"),
                (old, codes[at] if stored else 0, new, new - old),
            )
        )
    return rows
