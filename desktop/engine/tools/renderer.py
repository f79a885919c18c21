"""Whoever wants a chat template rendered asks a small process for it (:mod:`desktop.engine.tools.rendering`).

The engine's client owns one :class:`Renderer`; the process is started early, stays warm and is replaced when a
template makes it exceed a limit.
"""

from __future__ import annotations

from typing import cast

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.helper_process import Tool
from desktop.engine.tools.template_records import RenderRequest, RenderResult, Trial, TrialRequest

DEADLINE_SECONDS = 5.0
# faults that no template can cause
_NOT_THE_TEMPLATES = (FailureKind.NOT_STARTED, FailureKind.MISSING_LIBRARY, FailureKind.UNFIT_LIBRARY)


class Renderer:
    """The owner's side: :meth:`render` never blocks longer than the deadline and never raises for a bad template."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline_seconds
        self._tool = Tool[RenderResult | Trial]("desktop.engine.tools.rendering", RenderResult | Trial)

    def start(self) -> None:
        """Start the process ahead of its first use."""
        self._tool.start()

    def render(self, request: RenderRequest) -> RenderResult:
        """The prompt, or what went wrong in words."""
        result = self._ask(request)
        return RenderResult(error=result) if isinstance(result, str) else cast(RenderResult, result)

    def tried(self, path: str, template: str = "") -> Trial:
        """What is to be known of a model's template, or of one in its place, before an engine meets it."""
        result = self._ask(TrialRequest(path, template))
        return Trial(template, unusable=result) if isinstance(result, str) else cast(Trial, result)

    def _ask(self, request: RenderRequest | TrialRequest) -> RenderResult | Trial | str:
        """The answer, or in words why there is none."""
        try:
            return self._tool.call(request, deadline_seconds=self._deadline)
        except HeftError as error:
            if error.kind == FailureKind.TOO_SLOW:
                return f"The model's chat template did not finish within {self._deadline:.0f} seconds."
            if error.kind in _NOT_THE_TEMPLATES:
                return f"The chat template could not be rendered. {error.message} {error.hint}"
            # a limit ended the process, in whatever way the interpreter met it
            return "The model's chat template needs more memory than it is allowed."

    def close(self) -> None:
        """End the process, if any."""
        self._tool.close()
