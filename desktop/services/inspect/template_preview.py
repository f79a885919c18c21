"""A model's chat templates: their sources, what is noteworthy about them, and the prompt they make of an example."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from desktop.core.model_kind import ModelKind
from desktop.engine.api import ChatMessage
from desktop.services.inspect.inspection import Inspected
from desktop.system.idle import IdleClose

if TYPE_CHECKING:
    from desktop.core.template_checks import Marked
    from desktop.engine.tools.renderer import Renderer
    from desktop.engine.tools.template_records import RenderResult
    from desktop.services.models.answer_settings import AnswerSettingsService

__all__ = ["EXAMPLE", "ChatMessage", "ChatTemplate", "TemplatePreview"]

_KEY = "tokenizer.chat_template"
MAX_BYTES = 1 << 20

EXAMPLE = (
    ChatMessage("system", "You are a helpful assistant."),
    ChatMessage("user", "What is the capital of France?"),
    ChatMessage("assistant", "Paris."),
    ChatMessage("user", "And of Italy?"),
)


@dataclass(frozen=True)
class ChatTemplate:
    """A template by name: "default", the name of a further one, or Heft's own ``fallback`` when the model has none.

    ``own`` is one of the user's, used with this model in the place of its default.
    """

    name: str
    source: str
    findings: tuple[Marked, ...]
    fallback: Literal["", "chatml", "plain"] = ""
    own: bool = False


class TemplatePreview:
    """Renders in the sandbox's own process, one call at a time; the process ends after a while without calls.

    jinja2 is imported by the first call, which therefore belongs on a worker thread, as all of them do.
    """

    def __init__(self, answers: Callable[[], AnswerSettingsService]) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self._renderer: Renderer | None = None
        self._idle = IdleClose(self._end)

    def templates(self, inspected: Inspected) -> tuple[ChatTemplate, ...]:
        """The model's templates with their findings, its default first; the fallback alone when it has none.

        One of the user's goes before all.
        """
        own = self._answers().of(inspected.ref).template
        return (*((self.examined(own),) if own is not None else ()), *self._of_file(inspected))

    def examined(self, source: str) -> ChatTemplate:
        """A template of the user's with its findings."""
        from desktop.core.template_checks import check_template

        return ChatTemplate("Yours", source, tuple(check_template(source)), own=True)

    def keep(self, inspected: Inspected, source: str | None) -> None:
        """Use this template with the model from now on; None is its own. UsageError for a bad one, StoreError."""
        answers = self._answers()
        answers.remember(inspected.ref, replace(answers.of(inspected.ref), template=source))

    def _of_file(self, inspected: Inspected) -> tuple[ChatTemplate, ...]:
        from desktop.core.template_checks import check_template
        from desktop.engine.tools.template_records import CHATML, PLAIN

        header = inspected.header
        names = [key for key in header.metadata if key == _KEY or key.startswith(f"{_KEY}.")]
        found = []
        for key in sorted(names, key=lambda key: key != _KEY):
            source = header.text(key, MAX_BYTES)
            if source:
                name = key[len(_KEY) + 1 :] or "default"
                found.append(ChatTemplate(name, source, tuple(check_template(source))))
        if found:
            return tuple(found)
        if inspected.use is ModelKind.BASE:
            return (ChatTemplate("Plain text", PLAIN, (), fallback="plain"),)
        return (ChatTemplate("ChatML", CHATML, (), fallback="chatml"),)

    def render(
        self, inspected: Inspected, template: ChatTemplate, messages: Sequence[ChatMessage], *, open_answer: bool = True
    ) -> RenderResult:
        """The prompt; never raises for a bad template. ``open_answer`` ends it where the model's answer begins."""
        from desktop.engine.tools.renderer import Renderer
        from desktop.engine.tools.template_records import RenderRequest

        header = inspected.header
        request = RenderRequest(
            template=template.source,
            messages=tuple(messages),
            bos=header.token_text("bos"),
            eos=header.token_text("eos"),
            add_generation_prompt=open_answer,
        )
        with self._idle:
            with self._lock:
                self._renderer = renderer = self._renderer or Renderer()
            return renderer.render(request)

    def close(self) -> None:
        """End the process, if any."""
        self._idle.close()

    def _end(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
