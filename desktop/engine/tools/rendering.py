"""The process that renders chat templates: a memory limit, no way to hurt the model.

Its owner (:mod:`desktop.engine.tools.renderer`) has a deadline, and replaces it when a template exceeds a limit.
"""

from __future__ import annotations

from desktop.engine.helper_process import serve
from desktop.engine.tools.prompt_text import render
from desktop.engine.tools.template_records import RenderRequest, RenderResult, Trial, TrialRequest
from desktop.engine.tools.template_trial import try_template

MEMORY_BYTES = 512 * 1024 * 1024


def main() -> None:
    """Serve render requests until stdin closes."""
    serve(RenderRequest | TrialRequest, lambda request, _progress: _answer(request), memory_bytes=MEMORY_BYTES)


def _answer(request: RenderRequest | TrialRequest) -> RenderResult | Trial:
    return render(request) if isinstance(request, RenderRequest) else try_template(request)


if __name__ == "__main__":
    main()
