"""The page Discover as a test uses it, and the repos of its Hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtWidgets import QLabel, QListView, QWidget
from pytestqt.qtbot import QtBot

from desktop.core.hardware import Machine
from desktop.hub.token import HubToken
from desktop.services.models.downloads import DownloadService
from desktop.services.planning.service import PlanningService
from desktop.ui.discover.page import DiscoverPage
from desktop.ui.discover.variant_chart import VariantChart
from desktop.ui.discover.variant_table import VariantTable

W = TypeVar("W", bound=QWidget)
EIGHT, FOURTEEN, SMALL = "Qwen/Qwen3-8B-GGUF", "Qwen/Qwen3-14B-GGUF", "me/Small-GGUF"
HUGE, GATED, AWQ = "big/Huge-GGUF", "shy/Gated-GGUF", "Qwen/Qwen3-8B-AWQ"


class Made:
    """A shown page and what it rests on."""

    def __init__(
        self,
        page: DiscoverPage,
        qtbot: QtBot,
        downloads: DownloadService,
        machine: list[Machine],
        token: HubToken,
        planning: PlanningService,
    ) -> None:
        self.page, self._qtbot, self.downloads, self.token = page, qtbot, downloads, token
        self.planning = planning
        self.machine = machine  # this computer; another one may be put in its place

    def find(self, kind: type[W], name: str) -> W:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found

    @property
    def results(self) -> list[str]:
        view = self.find(QListView, "discoverResults")
        assert isinstance(view, QListView)
        return [view.model().index(row, 0).data() for row in range(view.model().rowCount())]

    @property
    def table(self) -> VariantTable:
        found = self.find(VariantTable, "variantTable")
        assert isinstance(found, VariantTable)
        return found

    @property
    def chart(self) -> VariantChart:
        found = self.find(VariantChart, "variantChart")
        assert isinstance(found, VariantChart)
        return found

    def cells(self, row: int) -> list[str]:
        model = self.table.model()
        return [str(model.index(row, column).data() or "") for column in range(model.columnCount())]

    def text(self, name: str) -> str:
        found = self.find(QLabel, name)
        assert isinstance(found, QLabel)
        return found.text()

    def wait(self, check: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(check, timeout=30_000)

    def open(self, row: int) -> None:
        """Choose a result and wait until every header was read."""
        view = self.find(QListView, "discoverResults")
        assert isinstance(view, QListView)
        view.setCurrentIndex(view.model().index(row, 0))
        self.wait(lambda: self.table.isVisible() and "~" in self.cells(0)[2])
        self.wait(lambda: not self.text("repoBusy"))
