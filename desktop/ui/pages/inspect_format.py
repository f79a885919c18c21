"""The page Inspect for files and folders that are no GGUF: their summary in place of the tabs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.services.inspection import Inspected
from desktop.ui.pages.inspect_tab import InspectTab
from desktop.ui.theme import Theme
from desktop.ui.widgets.format_summary import FormatSummaryView


class FormatTab(InspectTab):
    """A FormatSummaryView that follows the model that is open."""

    def __init__(
        self, theme: Theme, search: Callable[[str], None] | None = None, parent: QWidget | None = None
    ) -> None:
        """``search`` looks for GGUF versions of OWNER/NAME on the Hub."""
        super().__init__(parent)
        self.view = FormatSummaryView(theme, search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)

    def show_model(self, inspected: Inspected) -> None:
        """Show what this file is."""
        self.view.set_summary(inspected.summary)

    def clear(self) -> None:
        """Show nothing."""
        self.view.set_summary(None)
