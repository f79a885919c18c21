"""The tabs of the page Inspect: made when first opened, told of a model when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected
from desktop.ui.inspect.state import InspectState
from desktop.ui.inspect.tab import InspectTab, TabEntry, TensorPanel, Tone
from desktop.ui.shared.counted_tabs import CountedTabBar
from desktop.ui.shared.reflow import CurrentStack
from desktop.ui.shell.theme import Theme

WITH_PANEL = ("layers", "tensors")
_PANEL_WIDTHS = (290, 350)  # least and most
_PANEL_SHARE = 0.31  # of the page, between them
_TOKENS: dict[Tone, str] = {"": "", "good": "good", "warn": "warn", "bad": "bad"}
_SIGNS: dict[Tone, str] = {"": "", "good": "✓ ", "warn": "⚠ ", "bad": "✕ "}


class InspectTabs(QWidget):
    """A bar of titles with counts, the tab in view, and the panel of the selected tensor beside it."""

    notify = Signal(object)
    place_asked = Signal(str)

    def __init__(
        self,
        theme: Theme,
        entries: Sequence[TabEntry],
        state: InspectState,
        panel: Callable[[], QWidget] | None,
        parent: QWidget | None = None,
    ) -> None:
        """``panel`` makes a QWidget that is a TensorPanel; it is asked for with the first model."""
        super().__init__(parent)
        self.setObjectName("inspectTabs")
        self._entries = tuple(entries)
        self._state = state
        self._make_panel = panel
        self._panel: QWidget | None = None
        self._made: dict[int, InspectTab] = {}
        self._told: dict[int, Inspected] = {}
        self._bar = CountedTabBar(theme)
        self._bar.setObjectName("inspectTabBar")
        self._bar.setAccessibleName(tr("Views of the model"))
        self._bar.setExpanding(False)
        self._bar.setUsesScrollButtons(True)
        self._bar.setElideMode(Qt.TextElideMode.ElideNone)
        for entry in self._entries:
            self._bar.addTab(entry.title)
        self._stack = CurrentStack("inspectStack")
        self._row = QHBoxLayout()
        self._row.setSpacing(16)
        self._row.addWidget(self._stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._bar)
        column.addLayout(self._row, 1)
        self._bar.currentChanged.connect(self._opened)
        state.selected.connect(self._show_tensor)

    @property
    def current(self) -> str:
        """Name of the tab in view."""
        index = self._bar.currentIndex()
        return self._entries[index].name if index >= 0 else ""

    @property
    def shown(self) -> InspectTab | None:
        """The tab in view; None before a model was shown."""
        return self._made.get(self._bar.currentIndex()) if self._state.opened is not None else None

    def tab(self, name: str) -> InspectTab:
        """A tab by name, made if need be."""
        return self._tab(self._index(name))

    def go_to(self, name: str) -> InspectTab:
        """Bring a tab into view."""
        index = self._index(name)
        self._bar.show_tab(index, True)
        self._bar.setCurrentIndex(index)
        self._opened(index)
        return self._made[index]

    def show_model(self, inspected: Inspected) -> None:
        """Show a model on the tab in view, tell the others to forget the former one, count anew."""
        for index, made in self._made.items():
            if index in self._told:
                made.clear()
        self._told.clear()
        if not self._entries[self._bar.currentIndex()].shown_for(inspected):
            self._bar.setCurrentIndex(0)
        for index, entry in enumerate(self._entries):
            self._bar.show_tab(index, entry.shown_for(inspected))
            self.set_count(entry.name, *entry.count(inspected))
        self._opened(self._bar.currentIndex())

    def retell(self, inspected: Inspected) -> None:
        """More was found about the model that is shown."""
        for index in self._told:
            self._told[index] = inspected
            self._made[index].retell(inspected)
        for entry in self._entries:
            if entry.name == "problems":
                self.set_count(entry.name, *entry.count(inspected))

    def clear(self) -> None:
        """No model."""
        for made in self._made.values():
            made.clear()
        self._told.clear()
        self._show_tensor(-1)

    def take_focus(self) -> None:
        """Keys go to the tab in view, or to the bar where it has nothing to move in."""
        if not self.isVisible():
            return
        made = self._tab(self._bar.currentIndex())
        target = made.focusProxy()
        (made if target is not None and target.isVisible() else self._bar).setFocus(Qt.FocusReason.OtherFocusReason)

    def offers(self, name: str) -> bool:
        """Whether a tab is in the bar."""
        return self._bar.isTabVisible(self._index(name))

    def hide_tab(self, name: str) -> None:
        """Take a tab out of the bar."""
        self._bar.show_tab(self._index(name), False)

    def set_count(self, name: str, figure: str, tone: Tone) -> None:
        """The figure after a title; its tone is said by a sign too."""
        index = self._index(name)
        title = self._entries[index].title
        self._bar.set_figure(index, title, f"{_SIGNS[tone]}{figure}".strip(), _TOKENS[tone])
        self._bar.setAccessibleTabName(index, f"{title} {figure}".strip())

    def _index(self, name: str) -> int:
        return next(index for index, entry in enumerate(self._entries) if entry.name == name)

    def _tab(self, index: int) -> InspectTab:
        if index not in self._made:
            entry = self._entries[index]
            made = entry.make()
            made.notify.connect(self.notify)
            made.place_asked.connect(self.place_asked)
            made.counted.connect(lambda figure, tone: self.set_count(entry.name, figure, tone))
            self._made[index] = made
            self._stack.addWidget(made)
        return self._made[index]

    def _opened(self, index: int) -> None:
        opened = self._state.opened
        if index < 0 or opened is None:
            return
        made = self._tab(index)
        if self._told.get(index) is not opened.inspected:
            self._told[index] = opened.inspected
            made.show_model(opened.inspected)
        self._stack.setCurrentWidget(made)
        self._show_panel(self._entries[index].name in WITH_PANEL and bool(opened.inspected.tensors))

    def step(self, step: int) -> None:
        """The next tab (1) or the previous one (-1), round and round; nothing without a model."""
        if self._state.opened is None:
            return
        visible = [index for index in range(self._bar.count()) if self._bar.isTabVisible(index)]
        at = visible.index(self._bar.currentIndex())
        self._bar.setCurrentIndex(visible[(at + step) % len(visible)])
        self.take_focus()

    # -- the panel -------------------------------------------------------------------------------

    def _show_panel(self, wanted: bool) -> None:
        if wanted and self._panel is None and self._make_panel is not None:
            self._panel = self._make_panel()
            self._fit_panel()
            self._row.addWidget(self._panel)
            self._show_tensor(self._state.position)
        if self._panel is not None:
            self._panel.setVisible(wanted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window has a narrower panel."""
        super().resizeEvent(event)
        self._fit_panel()

    def _fit_panel(self) -> None:
        if self._panel is not None:
            least, most = _PANEL_WIDTHS
            self._panel.setFixedWidth(min(max(round(self.width() * _PANEL_SHARE), least), most))

    def _show_tensor(self, _position: int) -> None:
        if self._panel is not None:
            panel: TensorPanel = self._panel  # type: ignore[assignment]
            opened = self._state.opened
            panel.show_tensor(opened.inspected if opened else None, self._state.tensor)
