"""The picture of what was measured: of one text at a time, as figures of different texts are not comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.lab.measured import is_unlike
from desktop.services.lab.words import UNLIKE_WORDS
from desktop.store.measurements import Measurement
from desktop.ui.lab.loss_chart import LossChart, drawable
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import WARNING_SIGN, plain_label
from desktop.ui.shell.theme import Theme


class TextChart(QWidget):
    """Hidden while there is nothing to draw."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._found: tuple[Measurement, ...] = ()
        self._text = ElidedChoice()
        self._text.setObjectName("labChartText")
        self._text.setAccessibleName(tr("Text of the chart"))
        self._text.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._text.setMinimumContentsLength(16)
        self._chart = LossChart(theme)
        self._rates: dict[str, float] = {}
        self._axis = QComboBox()
        self._axis.setObjectName("labChartAxis")
        self._axis.setAccessibleName(tr("What the loss is held against"))
        self._axis.addItem(tr("file size"), "size")
        self._axis.addItem("tok/s", "speed")
        self._unlike = plain_label("labUnlike", "warn")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(plain_label("labChartTextTitle", "muted", tr("Measured on"), wraps=False))
        row.addWidget(self._text, 1)
        row.addWidget(plain_label("labChartAxisTitle", "muted", "against", wraps=False))
        row.addWidget(self._axis)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._chart)
        column.addWidget(self._unlike)
        column.addStretch(1)
        self._text.currentIndexChanged.connect(self._show)
        self._axis.currentIndexChanged.connect(self._show)
        self.set_measurements(())

    def set_measurements(self, found: Sequence[Measurement]) -> None:
        """Those that can be drawn, the newest first; the text that was chosen stays."""
        chosen = self._text.currentData()
        self._found = tuple(one for one in found if drawable(one))
        names = {one.text: one.text_name for one in reversed(self._found)}
        self._text.blockSignals(True)
        self._text.clear()
        for text in dict.fromkeys(one.text for one in self._found):
            alike = list(names.values()).count(names[text]) > 1
            self._text.addItem(f"{names[text]} ({text[:6]})" if alike else names[text], text)
        self._text.setCurrentIndex(max(0, self._text.findData(chosen)) if self._found else -1)
        self._text.blockSignals(False)
        self._show()

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Tokens per second of files, by digest."""
        self._rates = dict(rates)
        self._show()

    def show_text(self, text: str) -> None:
        """Choose a text by its digest, where it has results."""
        if (at := self._text.findData(text)) >= 0:
            self._text.setCurrentIndex(at)

    def _show(self) -> None:
        text = self._text.currentData()
        shown: dict[tuple[str, str], Measurement] = {}
        for one in self._found:
            key = (one.model, one.reference)
            if one.text == text and (key not in shown or one.tokens > shown[key].tokens):
                shown[key] = one
        rates = self._rates if self._axis.currentData() == "speed" else None
        self._chart.set_measurements(tuple(shown.values()), self._text.currentText(), rates)
        self._unlike.setText(f"{WARNING_SIGN} {UNLIKE_WORDS[:1].upper()}{UNLIKE_WORDS[1:]}.")
        self._unlike.setVisible(any(is_unlike(one) for one in shown.values()))
        self.setVisible(bool(shown))
