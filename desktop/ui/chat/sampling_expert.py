"""The fold of the sampling that few need: repetition, further samplers, the form of the answer, single texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from desktop.core.sampling_fields import SAMPLING_FIELDS, Group, SamplingField
from desktop.core.words import tr
from desktop.ui.chat.fold import FoldButton
from desktop.ui.chat.sampling_row import SamplingRow
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import Theme

_TITLES: dict[Group, str] = {
    "repetition": tr("Repetition"),
    "dry": tr("Repeated sequences (DRY)"),
    "xtc": tr("Leave out the likeliest (XTC)"),
    "cutoff": tr("Which tokens"),
    "dynamic": tr("Dynamic temperature"),
    "mirostat": tr("Mirostat"),
    "form": tr("Form of the answer"),
    "words": tr("Single texts"),
}

_ALTERNATIVES = tr(
    "A click on a word of an answer shows what could stand there. Answers come a little "
    "slower, and take some memory until Heft is closed."
)


class ExpertFold(QWidget):
    """A button that opens it; its rows are made when it is opened first: a start does without."""

    made = Signal()  # its rows are there from now on
    turned = Signal(bool)  # open, by the user

    def __init__(self, theme: Theme, row_of: Callable[[SamplingField], SamplingRow]) -> None:
        super().__init__()
        self.setObjectName("samplingExpert")
        self._theme, self._row_of = theme, row_of
        self._inside: QWidget | None = None
        self.alternatives = QCheckBox(tr("Alternatives of each token"), self)
        self.alternatives.hide()  # until the rows are made
        self.alternatives.setObjectName("keepAlternatives")
        self.alternatives.setAccessibleDescription(_ALTERNATIVES)
        self._button = FoldButton(
            theme, "expert", tr("Expert"), tr("Repetition, further samplers, grammar, logit bias and stop strings")
        )
        self._button.toggled.connect(self._open)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        self._button.clicked.connect(self.turned)
        self.show_set({})

    def show_set(self, chosen: Mapping[str, object]) -> None:
        """Say how many of its values are set, also while it is closed."""
        count = sum(1 for field in SAMPLING_FIELDS if field.group in _TITLES and field.name in chosen)
        self._button.say(tr("Expert · {count} set", count=count) if count else tr("Expert"))

    def set_open(self, opened: bool) -> None:
        """Open or close it; ``turned`` is not emitted."""
        self._button.setChecked(opened)

    def _open(self, opened: bool) -> None:
        if self._inside is None:
            self._inside = self._make()
            self._column.addWidget(self._inside)
            self.made.emit()
        self._inside.setVisible(opened)

    def _make(self) -> QWidget:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(0, 0, 0, 4)
        rows.setSpacing(4)
        for number, (group, title) in enumerate(_TITLES.items()):
            if number:
                rows.addSpacing(6)
            rows.addWidget(plain_label(f"{group}Group", "muted", title))
            for field in SAMPLING_FIELDS:
                if field.group == group:
                    rows.addWidget(self._row_of(field))
        rows.addSpacing(6)
        rows.addWidget(self.alternatives)
        self.alternatives.show()
        rows.addWidget(plain_label("tokenAlternativesText", "caption", _ALTERNATIVES))
        return inside
