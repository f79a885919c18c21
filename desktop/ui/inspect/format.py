"""The page Inspect for what is no GGUF file: the summary of a format or repo in place of the tabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected
from desktop.services.inspect.versions import versions_of
from desktop.ui.inspect.convert_card import ConvertCard
from desktop.ui.inspect.format_summary import FormatSummaryView
from desktop.ui.inspect.model_choice import ModelChoice
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.shell.theme import Theme

MAY_CONVERT = frozenset({"hf-transformers", "fp8", "safetensors"})  # ids of core.formats; what lies in it decides


class FormatTab(InspectTab):
    """A FormatSummaryView that follows the model that is open; a folder or repo has its models in front."""

    def __init__(
        self,
        theme: Theme,
        search: Callable[[str], None] | None = None,
        convert: ConvertCard | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``search`` looks for GGUF versions of OWNER/NAME, or of words, on the Hub; ``convert`` stands below."""
        super().__init__(parent)
        self.convert = convert
        self._choice = ModelChoice()
        self._choice.chosen.connect(self.source_asked)
        self.view = FormatSummaryView(theme, search, front=(tr("Files"), self._choice))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        if convert is not None:
            column.addWidget(convert)
            convert.notify.connect(self.notify)
            convert.made.connect(self.source_asked)

    def show_model(self, inspected: Inspected) -> None:
        """Show what this file, folder or repo is."""
        self._choice.set_entries(inspected.models)
        self.view.set_summary(inspected.summary, len(inspected.models), versions_of(inspected))
        self.setFocusProxy(self._choice if inspected.models else self.view)
        if self.convert is not None:
            self.convert.show_folder(_folder(inspected))

    @property
    def search(self) -> QLineEdit | None:
        """The field above the tensors, while those are shown."""
        return self.view.search

    def clear(self) -> None:
        """Show nothing."""
        self._choice.set_entries(())
        self.view.set_summary(None)
        if self.convert is not None:
            self.convert.show_folder(None)


def _folder(inspected: Inspected) -> Path | None:
    """A folder of this computer, or a file of one, that may be converted."""
    if inspected.is_remote or inspected.kind not in MAY_CONVERT:
        return None
    path = Path(inspected.source).expanduser()
    return path if path.exists() else None
