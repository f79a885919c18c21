"""Where the errors lie: a cell for neighbouring values of the matrix, coloured the stronger the more is lost."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.words import tr
from desktop.ui.shell.theme import Theme

MOST = (32, 64)  # rows and columns of cells
_HEAD, _FOOT, _HEIGHT = 16, 18, 130


class ErrorMap(QWidget):
    """Its twin is the table of the numbers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("labErrorMap")
        self.setAccessibleName(tr("Where the errors lie"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._cells: tuple[tuple[float, ...], ...] = ()
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Fixed height, any width."""
        return QSize(320, _HEAD + _HEIGHT + _FOOT)

    @property
    def most(self) -> float:
        """The error of the worst cell."""
        return max((max(line) for line in self._cells), default=0.0)

    def show_cells(self, cells: tuple[tuple[float, ...], ...]) -> None:
        """Root mean square errors, by row and column of the matrix."""
        self._cells = cells
        if self.most > 0:
            row, column = max(
                ((r, c) for r, line in enumerate(cells) for c, _ in enumerate(line)), key=lambda at: cells[at[0]][at[1]]
            )
            words = tr(
                "{cells} by {cells2} cells; the worst is in row {row}, column {column}, with an error of {most:.3g}",
                cells=len(cells),
                cells2=len(cells[0]),
                row=row + 1,
                column=column + 1,
                most=self.most,
            )
        else:
            words = tr("Nothing is lost")
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, and what the strongest colour stands for."""
        painter = QPainter(self)
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        theme = self._theme
        painter.setPen(theme.color("text_muted"))
        painter.drawText(QPointF(0, 11), tr("where the errors lie: rows and columns"))
        if not self._cells:
            return
        low, high = theme.color("raised"), theme.color("bad")
        wide, tall = self.width() / len(self._cells[0]), _HEIGHT / len(self._cells)
        for row, line in enumerate(self._cells):
            for column, error in enumerate(line):
                part = error / self.most if self.most > 0 else 0.0
                where = QRectF(column * wide, _HEAD + row * tall, wide + 0.5, tall + 0.5)
                painter.fillRect(where, _between(low, high, part))
        words = tr("strongest colour: {most:.3g}", most=self.most) if self.most > 0 else tr("nothing is lost")
        painter.drawText(QPointF(0, _HEAD + _HEIGHT + 13), words)


def _between(low: QColor, high: QColor, part: float) -> QColor:
    ends = zip(low.getRgb()[:3], high.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(a + (b - a) * part) for a, b in ends))
