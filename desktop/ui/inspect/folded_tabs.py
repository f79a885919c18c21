"""Tabs that leave their room to what is above them, until one of them is asked for."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedWidget, QTabWidget, QWidget

_FOLDED, _OPEN = " ▴", " ▾"  # which way they would go
_NO_LIMIT = (1 << 24) - 1  # QWIDGETSIZE_MAX


class FoldedTabs(QTabWidget):
    """Open where there is room. Where there is little only the titles are seen: a title opens its tab, and folds the
    one that is open.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setDocumentMode(True)
        self._foldable = False
        self._folded = False
        self.tabBarClicked.connect(self._clicked)
        self.currentChanged.connect(lambda _index: self._fold(False))

    @property
    def folded(self) -> bool:
        """Whether only the titles are seen."""
        return self._folded

    def set_foldable(self, foldable: bool) -> None:
        """Whether there is little room; folded at first then."""
        if foldable != self._foldable:
            self._foldable = foldable
            self._fold(foldable)

    def _clicked(self, index: int) -> None:
        if index == self.currentIndex():
            self._fold(self._foldable and not self._folded)

    def _fold(self, folded: bool) -> None:
        self._folded = folded
        pages = self.findChild(QStackedWidget)
        assert pages is not None
        pages.setVisible(not folded)  # else the keyboard finds what nobody sees
        self.setMaximumHeight(self.tabBar().sizeHint().height() if folded else _NO_LIMIT)
        sign = "" if not self._foldable else _FOLDED if folded else _OPEN
        for index in range(self.count()):
            self.setTabText(index, self.tabText(index).rstrip(f"{_FOLDED}{_OPEN}") + sign)
