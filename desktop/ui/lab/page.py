"""The page Lab: one model, and tabs for what can be made of it and found out about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QTabWidget, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.ui.lab import actions
from desktop.ui.lab.benchmark_tab import BenchmarkTab
from desktop.ui.lab.compare_tab import CompareTab
from desktop.ui.lab.further import FurtherServices
from desktop.ui.lab.matrix_card import MatrixCard
from desktop.ui.lab.measure_tab import MeasureTab
from desktop.ui.lab.numbers_tab import NumbersTab
from desktop.ui.lab.quantize_tab import QuantizeTab
from desktop.ui.lab.size_card import SizeCard
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.reflow import DownwardScroll
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.services.lab.at_hand import AtHandService
    from desktop.services.lab.chat_texts import ChatTexts
    from desktop.services.lab.comparing import ComparingService
    from desktop.services.lab.measuring import MeasuringService
    from desktop.services.lab.number_lab import NumberLabService
    from desktop.services.lab.quantizing import QuantizingService
    from desktop.services.models.library import LibraryModel, LibraryService


class LabPage(Page):
    """Services are made when they are first asked."""

    chat_asked = Signal(object)  # Path
    library_asked = Signal(object)  # Path

    def __init__(
        self,
        library: LibraryService,
        quantizing: Callable[[], QuantizingService],
        measuring: Callable[[], MeasuringService],
        at_hand: Callable[[], AtHandService],
        chats: Callable[[], ChatTexts],
        comparing: Callable[[], ComparingService],
        number_lab: Callable[[], NumberLabService],
        tasks: Tasks,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        further: FurtherServices,
    ) -> None:
        super().__init__(parent, actions.LAB_ACTIONS)
        self.setObjectName("labPage")
        self._library, self._tasks = library, tasks
        self._quantize = QuantizeTab(quantizing, self.commands, tasks)
        self._measure = MeasureTab(measuring, at_hand, chats, self.commands, tasks, theme)
        self._matrix = MatrixCard(further.importance, self.commands, tasks, theme)
        self._size = SizeCard(further.mixing, self.commands, tasks)
        self._compare = CompareTab(comparing, self.commands, tasks)
        self._numbers = NumbersTab(number_lab, tasks, theme)
        self._benchmark = BenchmarkTab(further.benching, further.tuning, self.commands, tasks, theme)
        self._asked_model = ""  # one that is to be chosen once it is known
        self._looking = False
        self._build()
        for tab in (self._quantize, self._measure, self._compare, self._numbers):
            tab.notify.connect(self.notify)
        for part in (self._matrix, self._size, self._benchmark):
            part.notify.connect(self.notify)
        self._matrix.found.connect(self._quantize.use_imatrix)
        self._matrix.found.connect(self._size.set_imatrix)
        self._size.chosen.connect(self._quantize.use_recipe)
        self._quantize.made.connect(lambda _made: self.look())
        self._quantize.chat_asked.connect(self.chat_asked)
        self._quantize.library_asked.connect(self.library_asked)
        self._quantize.measure_asked.connect(self._measure_made)
        self._measure.measured.connect(self._quantize.look_again)
        self._model.currentIndexChanged.connect(self._chosen)

    def shown(self) -> None:
        """Models may have come, and measurements from a command."""
        self.look()
        self._measure.show_measured()
        self._compare.look_again()
        self._quantize.look_again()
        self._benchmark.look_again()

    def look(self) -> None:
        """Look for models in the background; one search at a time."""
        if self._looking:
            return
        self._looking = True
        self._tasks.run(
            lambda context: self._library.scan(cancelled=lambda: context.cancelled),
            done=self._found,
            failed=self._lost,
            lane=Lane.JOB,
            owner=self,
        )

    def show_numbers(self, path: Path, tensor: str) -> None:
        """Show the numbers of a tensor of a model."""
        self._numbers.show_tensor(tensor)
        self._tabs.setCurrentWidget(self._numbers_scroll)
        if (at := self._model.findData(str(path))) >= 0:
            self._model.setCurrentIndex(at)
        else:
            self._asked_model = str(path)
            self.look()

    def _build(self) -> None:
        title = QLabel(tr("Lab"))
        set_role(title, "title")
        self._model = ElidedChoice()
        self._model.setObjectName("labModel")
        self._model.setAccessibleName(tr("Model"))
        self._model.setPlaceholderText(tr("Choose a model"))
        self._model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._model.setMinimumContentsLength(28)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(title)
        head.addWidget(self._model, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addStretch(1)
        # not wrapped: a page with a height for its width is made as high as it would like to be, and scrolls as a whole
        self._words = ElidedLabel(
            tr("Make variants of a model, measure and compare them, and see what formats do to numbers."),
            mode=Qt.TextElideMode.ElideRight,
        )
        self._words.setObjectName("labWords")
        set_role(self._words, "muted")
        self._tabs = tabs = QTabWidget()
        tabs.setObjectName("labTabs")
        tabs.setAccessibleName(tr("Lab"))
        tabs.setDocumentMode(True)
        self._quantize.add_below(self._size, self._matrix)
        tabs.addTab(DownwardScroll("labQuantizeScroll", tr("Quantize"), self._quantize), tr("Quantize"))
        self._measure_scroll = DownwardScroll("labMeasureScroll", tr("Measure"), self._measure)
        self._numbers_scroll = DownwardScroll("labNumbersScroll", tr("Numbers"), self._numbers)
        tabs.addTab(self._measure_scroll, tr("Measure"))
        tabs.addTab(DownwardScroll("labCompareScroll", tr("Compare"), self._compare), tr("Compare"))
        tabs.addTab(self._numbers_scroll, tr("Numbers"))
        tabs.addTab(DownwardScroll("labBenchmarkScroll", tr("Benchmark"), self._benchmark), tr("Benchmark"))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._words)
        column.addWidget(tabs, 1)

    def _found(self, models: Sequence[LibraryModel]) -> None:
        self._looking = False
        usable = [model for model in models if model.fault is None and not model.problem and model.kind.writes_text]
        chosen = self._asked_model or self._model.currentData()
        self._asked_model = ""
        self._model.blockSignals(True)
        self._model.clear()
        for model in usable:
            self._model.addItem(model.title, str(model.path))
        self._model.setCurrentIndex(self._model.findData(chosen) if chosen else -1)
        self._model.blockSignals(False)
        self._measure.show_models(usable)
        self._compare.show_models(usable)
        self._chosen()

    def _lost(self, error: object) -> None:
        self._looking = False
        self.notify.emit(error)

    def _measure_made(self, made: Path, source: str) -> None:
        """Choose it to be measured against what it was made from."""
        self._model.setCurrentIndex(self._model.findData(str(made)))
        self._measure.set_reference(source)
        self._tabs.setCurrentWidget(self._measure_scroll)

    def _chosen(self) -> None:
        path = str(self._model.currentData() or "")
        self._quantize.show_model(path)
        self._measure.show_model(path)
        self._compare.show_model(path)
        self._numbers.show_model(path)
        self._matrix.show_model(path)
        self._size.show_model(path)
        self._benchmark.show_model(path, self._model.currentText())
