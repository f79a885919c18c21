"""What the table's words mean, for who meets them first: a variant's name in a sentence, and KL divergence drawn."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import Theme, set_role

KLD_WORDS = tr(
    "KLD (KL divergence) says how far the chances that a variant gives to every possible "
    "next word are from the original model's. 0 is the same; below 0.01 nobody notices; "
    "from about 0.06 on answers get worse; above 0.15 they often go wrong. It is "
    "measured by others, on models of the same kind, with their sources in each figure's "
    "tooltip."
)
# Chances of the next word of "The sky is …", in an example that shows the measure and is no measurement.
EXAMPLE = (
    (tr("blue"), 0.62, 0.55),
    (tr("clear"), 0.22, 0.21),
    (tr("grey"), 0.12, 0.15),
    (tr("falling"), 0.04, 0.09),
)
_LINE, _WORD, _MARGIN = 19, 52, 6
_HEADING = 34


class KldPicture(QWidget):
    """Bars of what comes next, the original's above the variant's: KLD is what parts them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("kldPicture")
        self.setAccessibleName(tr("What KLD compares"))
        said = ", ".join(tr("{word} {a:.0%} and {b:.0%}", word=word, a=a, b=b) for word, a, b in EXAMPLE)
        self.setAccessibleDescription(
            tr("Chances of the next word by the original and by a variant: {said}", said=said)
        )
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._theme = theme
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A pair of bars for each word."""
        return QSize(230, _HEADING + len(EXAMPLE) * _LINE + _MARGIN)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Words, pairs of bars, and whose they are."""
        painter, theme = QPainter(self), self._theme
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        left, room = float(_WORD + _MARGIN), float(self.width() - _WORD - 2 * _MARGIN)
        painter.setPen(theme.color("text_muted"))
        painter.drawText(QRectF(0, 0, self.width(), 14), Qt.AlignmentFlag.AlignLeft, tr("“The sky is …”"))
        for token, name, x in (("text_muted", tr("original"), left), ("accent", tr("this variant"), left + 80)):
            painter.fillRect(QRectF(x, 20, 8, 8), theme.color(token))
            painter.drawText(QRectF(x + 12, 16, 90, 14), Qt.AlignmentFlag.AlignLeft, name)
        for number, (word, original, variant) in enumerate(EXAMPLE):
            top = float(_HEADING + number * _LINE)
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(0, top, _WORD, 14), Qt.AlignmentFlag.AlignRight, word)
            painter.fillRect(QRectF(left, top + 1, room * original, 6), theme.color("text_muted"))
            painter.fillRect(QRectF(left, top + 8, room * variant, 6), theme.color("accent"))
        painter.end()


class LossExplained(QFrame):
    """The picture with its sentence; shown on demand above the table."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lossExplained")
        set_role(self, "card")
        words = plain_label("lossExplainedWords", text=KLD_WORDS)
        words.setMinimumWidth(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(15, 11, 15, 11)
        row.setSpacing(16)
        beside = QVBoxLayout()
        beside.addWidget(words)
        beside.addStretch(1)
        row.addWidget(KldPicture(theme), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(beside, 1)
