"""From a conversation to the token ids of a prompt: chat template, BOS, and the room the context has."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.llama import Model
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template import CHATML, PLAIN, RenderRequest
from desktop.engine.worker.protocol import Generate

_CHATML_NOTE = "This model brings no chat template; Heft used ChatML, so its answers may be odd."


_THINK = "<think>"


@dataclass(frozen=True)
class Prompt:
    """Token ids to read and notes for the chat.

    ``opening`` is text the template already wrote for the answer and that belongs to what is shown: some templates
    open the reasoning block themselves, and the model only closes it.
    """

    tokens: list[int]
    notes: tuple[str, ...] = ()
    opening: str = ""


class Prompter:
    """Renders and tokenizes; owns the template process."""

    def __init__(self) -> None:
        self._renderer = Renderer()

    def start(self) -> None:
        """Warm the template process up, in parallel to a load."""
        self._renderer.start()

    def close(self) -> None:
        self._renderer.close()

    def prompt(self, model: Model, request: Generate) -> Prompt:
        """What the model has to read; raises EngineError (bad-template, context-full, empty-prompt)."""
        text, notes, opening = self._rendered(model, request) if request.prompt is None else (request.prompt, (), "")
        bos = model.token_text("bos")
        if bos and model.adds_bos and text.startswith(bos):
            text = text[len(bos) :]  # the tokenizer adds it again; twice makes answers worse
        tokens = model.tokenize(text, special=True)
        if not tokens:
            raise EngineError("There is nothing to answer.", "Type a message first.", kind=FailureKind.EMPTY_PROMPT)
        if len(tokens) >= model.context_length:
            raise EngineError(
                f"This conversation is {len(tokens):,} tokens long; the model was loaded with a context of "
                f"{model.context_length:,}.",
                "Load it with a larger context, or start a new chat.",
                kind=FailureKind.CONTEXT_FULL,
            )
        return Prompt(tokens, notes, opening)

    def _rendered(self, model: Model, request: Generate) -> tuple[str, tuple[str, ...], str]:
        """Prompt text, notes, and the opening of the answer."""
        messages = request.messages
        continued = messages[-1].content if messages and messages[-1].role == "assistant" else ""
        if continued:
            messages = messages[:-1]
        template = request.template or model.chat_template
        result = self._renderer.render(
            RenderRequest(
                template=template or (CHATML if model.has_chatml_tokens else PLAIN),
                messages=messages,
                bos=model.token_text("bos"),
                eos=model.token_text("eos"),
            )
        )
        if result.error:
            raise EngineError(
                result.error, "Use another file of this model, or report its template.", kind=FailureKind.BAD_TEMPLATE
            )
        if not template and not model.has_chatml_tokens:
            return result.text + continued, (), ""
        notes = result.notes if template else (*result.notes, _CHATML_NOTE)
        if not result.text.rstrip().endswith(_THINK):
            return result.text + continued, notes, ""
        if continued:
            return result.text + continued.removeprefix(_THINK).lstrip(), notes, ""
        return result.text, notes, _THINK + "\n"
