"""Which of a repo's models is looked at: a tab for each, and what that model is. Hidden where there is one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabBar, QVBoxLayout, QWidget

from desktop.core.text import plain_tooltip, visible_in_place
from desktop.core.words import tr
from desktop.services.discover.picker_records import View
from desktop.services.discover.picker_words import model_facts
from desktop.ui.shared.labels import plain_label


class ModelTabs(QWidget):
    """The tabs stand in the order of the view's models; the one to take has a star."""

    chosen = Signal(int)  # number of the model

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modelTabs")
        self._bar = QTabBar()
        self._bar.setObjectName("modelTabBar")
        self._bar.setAccessibleName(tr("Model"))
        self._bar.setExpanding(False)
        self._bar.setUsesScrollButtons(True)
        self._bar.setElideMode(Qt.TextElideMode.ElideNone)  # what has no room is scrolled to
        self._bar.setMinimumWidth(1)  # it scrolls: the table decides how narrow the page may be
        self._facts = plain_label("modelFacts", "muted", selectable=True)
        self._facts.setMinimumWidth(1)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(6)
        lines.addWidget(self._bar)
        lines.addWidget(self._facts)
        self._bar.currentChanged.connect(self.chosen)
        self.hide()

    def show_view(self, view: View, current: int) -> None:
        """The models of a view; ``current`` is the one looked at. Tells nothing."""
        self.setVisible(view.several)
        if not view.several:
            return
        taken = view.choice.index if view.choice else -1
        self._bar.blockSignals(True)
        while self._bar.count() > len(view.groups):
            self._bar.removeTab(self._bar.count() - 1)
        while self._bar.count() < len(view.groups):
            self._bar.addTab("")
        for number, group in enumerate(view.groups):
            text = visible_in_place(group.name).replace("&", "&&") + (" ★" if number == taken else "")
            if self._bar.tabText(number) != text:
                self._bar.setTabText(number, text)
            self._bar.setTabToolTip(number, plain_tooltip(f"{group.name}\n{model_facts(group)}"))
        self._bar.setCurrentIndex(current)
        self._bar.blockSignals(False)
        self._facts.setText(visible_in_place(model_facts(view.groups[current], view.controls.asked().context or 0)))
