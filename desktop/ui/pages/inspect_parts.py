"""The parts of the page Inspect that have services of their own, each made when it is first looked at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from desktop.services.inspection import Inspected
from desktop.store.paths import Paths
from desktop.ui.pages.inspect_tab import InspectTab, TabEntry, Tone
from desktop.ui.tasks import Tasks
from desktop.ui.theme import Theme

if TYPE_CHECKING:
    from desktop.services.tensor_numbers import TensorNumbersService


class InspectorParts:
    """Makes tabs and panel; :meth:`close` ends the processes their services started."""

    def __init__(self, theme: Theme, tasks: Tasks, paths: Paths) -> None:
        self._theme = theme
        self._tasks = tasks
        self._paths = paths

    def tabs(self) -> tuple[TabEntry, ...]:
        """The tabs after Layers and Tensors, in their order."""
        return (TabEntry("metadata", "Metadata", self._metadata, _key_count),)

    def panel(self) -> QWidget:
        """The numbers of the selected tensor (a TensorPanel)."""
        from desktop.ui.pages.inspect_numbers import TensorNumbersPanel

        return TensorNumbersPanel(self._theme, self._tasks, self._numbers)

    def close(self) -> None:
        """End the processes of the services; the widgets are of no use afterwards."""
        if "_numbers" in self.__dict__:
            self._numbers.close()

    @cached_property
    def _numbers(self) -> TensorNumbersService:
        from desktop.services.tensor_numbers import TensorNumbersService

        return TensorNumbersService(self._paths)

    def _metadata(self) -> InspectTab:
        from desktop.services.metadata import MetadataService
        from desktop.ui.pages.inspect_metadata import MetadataTab

        return MetadataTab(self._theme, self._tasks, MetadataService())


def _key_count(inspected: Inspected) -> tuple[str, Tone]:
    return f"{len(inspected.header.metadata):,}", ""


def problem_count(inspected: Inspected) -> tuple[str, Tone]:
    """Errors and warnings (notes are no problems), in the tone of the worst."""
    severities = [finding.severity for finding in inspected.findings]
    count = len(severities) - severities.count("note")
    tone: Tone = "bad" if "error" in severities else "warn" if "warning" in severities else "good"
    return f"{count:,}", tone
