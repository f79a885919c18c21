"""Renders chat templates in a small process of their own: a deadline, a memory limit, no way to hurt the model.

The engine worker owns one :class:`Renderer`; the process is started early, stays warm and is replaced when a template
makes it exceed a limit.
"""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.helper_process import Tool, serve
from desktop.engine.tools.prompt_text import RenderRequest, RenderResult, render

DEADLINE_SECONDS = 5.0
MEMORY_BYTES = 512 * 1024 * 1024
# faults that no template can cause
_NOT_THE_TEMPLATES = (FailureKind.NOT_STARTED, FailureKind.MISSING_LIBRARY, FailureKind.UNFIT_LIBRARY)


class Renderer:
    """The owner's side: :meth:`render` never blocks longer than the deadline and never raises for a bad template."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline_seconds
        self._tool = Tool[RenderResult]("desktop.engine.tools.renderer", RenderResult)

    def start(self) -> None:
        """Start the process ahead of its first use."""
        self._tool.start()

    def render(self, request: RenderRequest) -> RenderResult:
        """The prompt, or what went wrong in words."""
        try:
            return self._tool.call(request, deadline_seconds=self._deadline)
        except HeftError as error:
            if error.kind == FailureKind.TOO_SLOW:
                words = f"The model's chat template did not finish within {self._deadline:.0f} seconds."
            elif error.kind in _NOT_THE_TEMPLATES:
                words = f"The chat template could not be rendered. {error.message} {error.hint}"
            else:  # a limit ended the process, in whatever way the interpreter met it
                words = "The model's chat template needs more memory than it is allowed."
            return RenderResult(error=words)

    def close(self) -> None:
        """End the process, if any."""
        self._tool.close()


def main() -> None:
    """Serve render requests until stdin closes."""
    serve(RenderRequest, lambda request, _progress: render(request), memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
