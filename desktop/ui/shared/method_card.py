"""How another program's quantization works, where such weights are met: a picture, and some sentences."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.quantization_methods import ACTIVATIONS, AFTER, MARK_WORDS, METHODS, Mark, QuantizationMethod
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import Theme, set_role

_COLUMN, _GAP, _TALL, _HEAD, _LINE = 16, 4, 80, 16, 16
_TOKENS: dict[Mark, str] = {
    "rounded": "series_1", "now": "warn", "corrected": "text_muted", "scaled": "series_3", "apart": "series_2",
}  # fmt: skip
_SIGNS: dict[Mark, str] = {"rounded": "", "now": "▼", "corrected": "←", "scaled": "▲", "apart": "●"}


class MethodPicture(QWidget):
    """A bar for each column of a layer's weights (for EXL2, for each layer), as high as its weights have bits."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("methodPicture")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._method: QuantizationMethod | None = None
        theme.changed.connect(self.update)

    def show_method(self, method: QuantizationMethod) -> None:
        """Draw it."""
        self._method = method
        said = ", ".join(
            tr("{bits} bits {mark_words}", bits=one.bits, mark_words=MARK_WORDS[one.mark]) for one in method.columns
        )
        self.setAccessibleName(tr("How {name} rounds weights", name=method.name))
        self.setAccessibleDescription(said)
        self.updateGeometry()
        self.update()

    @property
    def _marks(self) -> list[Mark]:
        return list(dict.fromkeys(one.mark for one in self._method.columns)) if self._method is not None else []

    def sizeHint(self) -> QSize:
        """A column each, and a line for each kind."""
        return QSize(240, _HEAD + _TALL + 8 + _LINE * max(1, len(self._marks)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars with their signs, and what these mean."""
        if self._method is None:
            return
        painter, theme = QPainter(self), self._theme
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        bottom = float(_HEAD + _TALL)
        for number, one in enumerate(self._method.columns):
            left, high = float(number * (_COLUMN + _GAP)), one.bits / 16 * _TALL
            bar = QRectF(left, bottom - high, _COLUMN, high)
            if one.mark == "corrected":
                painter.setPen(QPen(theme.color(_TOKENS[one.mark]), 1))
                painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))
            else:
                painter.fillRect(bar, theme.color(_TOKENS[one.mark]))
            painter.setPen(theme.color("text"))
            above = QRectF(left - 4, bar.top() - 14, _COLUMN + 8, 13)
            painter.drawText(above, Qt.AlignmentFlag.AlignHCenter, _SIGNS[one.mark] or str(one.bits))
        painter.setPen(theme.color("text_muted"))
        for line, mark in enumerate(self._marks):
            sign = _SIGNS[mark] or str(next(one.bits for one in self._method.columns if one.mark == mark))
            painter.drawText(QPointF(0, bottom + 8 + _LINE * line + 11), f"{sign}  {_words(mark)}")


def _words(mark: Mark) -> str:
    return tr("rounded to so many bits") if mark == "rounded" else MARK_WORDS[mark]


class MethodCard(QFrame):
    """Hidden where the method is none of those that are explained."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("methodCard")
        set_role(self, "card")
        self._picture = MethodPicture(theme)
        self._title = plain_label("methodTitle", "subtitle", wraps=False)
        self._words = plain_label("methodWords")
        self._more = plain_label("methodMore", "muted", f"{AFTER} {ACTIVATIONS}")
        for label in (self._words, self._more):
            label.setMinimumWidth(1)
        beside = QVBoxLayout()
        beside.setSpacing(6)
        beside.addWidget(self._title)
        beside.addWidget(self._words)
        beside.addWidget(self._more)
        beside.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 14, 12)
        row.setSpacing(16)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(beside, 1)
        self.hide()

    def show_method(self, id: str) -> None:
        """The method of a format's id; "" for none."""
        method = METHODS.get(id)
        self.setVisible(method is not None)
        if method is not None:
            self._title.setText(tr("How {name} works", name=method.name))
            self._words.setText(method.words)
            self._picture.show_method(method)
