"""From a conversation to the token ids of a prompt: chat template, BOS, and the room the context has."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.api import Generate
from desktop.engine.llama import Model
from desktop.engine.tools.prompt_text import THINK, RenderRequest
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template import CHATML, PLAIN
from desktop.engine.worker.typed_text import TypedText

_CHATML_NOTE = "This model brings no chat template; Heft used ChatML, so its answers may be odd."
_CHATML_INSTEAD = "Heft used ChatML instead, so answers may be odd."


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
        self._typed: tuple[Model, str, TypedText] | None = None

    def start(self) -> None:
        """Warm the template process up, in parallel to a load."""
        self._renderer.start()

    def close(self) -> None:
        self._renderer.close()

    def prompt(self, model: Model, request: Generate) -> Prompt:
        """What the model has to read; raises EngineError (bad-template, context-full, empty-prompt)."""
        if request.prompt is None:
            tokens, notes, opening = self._conversation(model, request)
        else:
            tokens, notes, opening = (
                model.tokenize(_without_bos(model, request.prompt), special=True, whole=True),
                (),
                "",
            )
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

    def _typed_text(self, model: Model, template: str) -> TypedText:
        """Kept for the model and template at hand: a vocabulary is long."""
        if self._typed is None or self._typed[:2] != (model, template):
            self._typed = model, template, TypedText(model.specials(), template)
        return self._typed[2]

    def _conversation(self, model: Model, request: Generate) -> tuple[list[int], tuple[str, ...], str]:
        """Prompt, notes, and the opening of the answer."""
        own = request.template or model.chat_template
        template = own or (CHATML if model.has_chatml_tokens else PLAIN)
        typed = self._typed_text(model, template)
        continues = bool(request.messages) and request.messages[-1].role == "assistant"
        ask = RenderRequest(
            template=template,
            messages=typed.marked(request.messages),
            bos=model.token_text("bos"),
            eos=model.token_text("eos"),
            continues=continues,
        )
        result = self._renderer.render(ask)
        notes = (*result.notes, _CHATML_NOTE) if template == CHATML and not own else result.notes
        if result.error and result.harmless and own:
            notes = (f"{result.error.rstrip('.')}. {_CHATML_INSTEAD}",)
            result = self._renderer.render(msgspec.structs.replace(ask, template=CHATML))
        if result.error:
            raise EngineError(
                result.error, "Use another file of this model, or report its template.", kind=FailureKind.BAD_TEMPLATE
            )
        text = _without_bos(model, result.text)
        if typed.has_marks(text):
            tokens = model.begin() + typed.tokens(text, model.tokenize)
        else:
            tokens = model.tokenize(text, special=True, whole=True)
        opens_reasoning = not continues and template != PLAIN and text.rstrip().endswith(THINK)
        return tokens, notes, THINK + "\n" if opens_reasoning else ""


def _without_bos(model: Model, text: str) -> str:
    """The tokenizer adds it again where the vocabulary asks for it; twice makes answers worse."""
    bos = model.token_text("bos")
    return text.removeprefix(bos) if model.adds_bos else text
