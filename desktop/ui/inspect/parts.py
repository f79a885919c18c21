"""The parts of the page Inspect that have services of their own, each made when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected, InspectionService
from desktop.store.paths import Paths
from desktop.ui.inspect.tab import InspectTab, TabEntry, Tone
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.services.inspect.template_preview import TemplatePreview
    from desktop.services.inspect.tensor_numbers import TensorNumbersService
    from desktop.services.inspect.tokenizer import TokenizerService
    from desktop.services.lab.converting import ConvertingService
    from desktop.services.models.answer_settings import AnswerSettingsService


class InspectorParts:
    """Makes tabs and panel; :meth:`close` ends the processes their services started."""

    def __init__(
        self,
        theme: Theme,
        tasks: Tasks,
        paths: Paths,
        inspection: InspectionService,
        answers: Callable[[], AnswerSettingsService],
        find_gguf: Callable[[str], None] | None = None,
        show_numbers: Callable[[Path, str], None] | None = None,
        converting: Callable[[], ConvertingService] | None = None,
    ) -> None:
        """``find_gguf`` shows the GGUF versions of a model, OWNER/NAME or words, on the Hub; ``show_numbers`` a tensor
        of a model file in the Lab.
        """
        self._show_numbers = show_numbers
        self._converting = converting
        self._find_gguf = find_gguf
        self._inspection = inspection
        self._answers = answers
        self._theme = theme
        self._tasks = tasks
        self._paths = paths
        self._services = ExitStack()

    def tabs(self) -> tuple[TabEntry, ...]:
        """The tabs after Layers and Tensors, in their order."""
        return (
            TabEntry("metadata", tr("Metadata"), self._metadata, _key_count),
            TabEntry("tokenizer", tr("Tokenizer"), self._tokenizer_tab, _token_count),
            TabEntry("template", tr("Chat template"), self._template),
            TabEntry("problems", tr("Problems"), self._problems, problem_count),
        )

    def panel(self) -> QWidget:
        """The numbers of the selected tensor (a TensorPanel)."""
        from desktop.ui.inspect.numbers import TensorNumbersPanel

        return TensorNumbersPanel(self._theme, self._tasks, self._numbers, self._show_numbers)

    def summary(self) -> InspectTab:
        """What is shown in place of the tabs for files that are no GGUF."""
        from desktop.ui.inspect.convert_card import ConvertCard
        from desktop.ui.inspect.format import FormatTab

        card = ConvertCard(self._converting, self._tasks) if self._converting is not None else None
        return FormatTab(self._theme, self._find_gguf, card)

    def close(self) -> None:
        """End the processes of the services; the widgets are of no use afterwards."""
        self._services.close()

    @cached_property
    def _numbers(self) -> TensorNumbersService:
        from desktop.services.inspect.tensor_numbers import TensorNumbersService

        return self._services.enter_context(closing(TensorNumbersService(self._paths, self._inspection.hub)))

    @cached_property
    def _tokenizer(self) -> TokenizerService:
        from desktop.services.inspect.tokenizer import TokenizerService

        return self._services.enter_context(closing(TokenizerService(self._paths)))

    @cached_property
    def _preview(self) -> TemplatePreview:
        from desktop.services.inspect.template_preview import TemplatePreview

        return self._services.enter_context(closing(TemplatePreview(self._answers)))

    def _tokenizer_tab(self) -> InspectTab:
        from desktop.ui.inspect.tokenizer import TokenizerTab

        return TokenizerTab(self._theme, self._tasks, self._tokenizer)

    def _template(self) -> InspectTab:
        from desktop.ui.inspect.template import TemplateTab

        return TemplateTab(self._theme, self._tasks, self._preview)

    def _problems(self) -> InspectTab:
        from desktop.ui.inspect.problems import ProblemsTab

        return ProblemsTab(self._theme, self._tasks, self._inspection)

    def _metadata(self) -> InspectTab:
        from desktop.services.inspect.metadata import MetadataService
        from desktop.ui.inspect.metadata import MetadataTab

        return MetadataTab(self._theme, self._tasks, MetadataService())


def _key_count(inspected: Inspected) -> tuple[str, Tone]:
    return f"{len(inspected.header.metadata):,}", ""


def _token_count(inspected: Inspected) -> tuple[str, Tone]:
    tokens = inspected.header.array("tokenizer.ggml.tokens")
    return (f"{tokens.length:,}" if tokens is not None else ""), ""


def problem_count(inspected: Inspected) -> tuple[str, Tone]:
    """Errors and warnings (notes are no problems), in the tone of the worst."""
    severities = [finding.severity for finding in inspected.findings]
    count = len(severities) - severities.count("note")
    tone: Tone = "bad" if "error" in severities else "warn" if "warning" in severities else "good"
    return f"{count:,}", tone
