"""Makes what is asked of the server for one answer out of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import ChatMessage, Generate, Media, Sampling
from desktop.engine.endpoint.http import EndpointError
from desktop.engine.endpoint.reasoning import CONTROL_NAMES, PLAIN_FORM, names_in
from desktop.engine.endpoint.tool_deltas import tool_fields, tool_turn
from desktop.engine.server.media import media_of, with_media, with_places
from desktop.engine.server.questions_asked import CHAT, COMPLETION, Question
from desktop.engine.server.raw_text import Raw
from desktop.engine.server.senses import NO_SENSES, Senses
from desktop.engine.tools.continuing import continued
from desktop.engine.tools.refusal_words import refusal_words
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import CHATML, PLAIN, RenderRequest, RenderResult, Trial
from desktop.engine.tools.typed_text import marked

CHATML_NOTE = "This model brings no chat template; Heft used ChatML, so its answers may be odd."
_CHATML_INSTEAD = "Heft used ChatML instead, so answers may be odd."
_CHATML_STOP = "<|im_end|>"
_VARIABLES: dict[str, bool | int | str] = {"enable_thinking": True}  # as the server gives it, where nothing is said


class Questions:
    """Makes them for one loaded model. ``own`` is what was found out of its template, ``used`` the one that counts: its
    own, ChatML, or "" where the conversation is one text that the model continues. ``adds_bos``: the server puts the
    vocabulary's BOS before every prompt. ``prompt_of`` is the server's own rendering of a chat's body; None where it
    does not make of this template what others make of it. ``senses`` are what it takes beside text.

    The server renders a conversation, and the answer comes as text that Heft takes apart. The server could do that too,
    but its parsers lose every word of an answer without the form its template promises, take control tokens away that
    the template does not mention, and put tags before an answer that goes on which its model did not write
    (docs/reference/server.md has what was measured).
    """

    def __init__(
        self,
        renderer: Renderer,
        own: Trial,
        used: str,
        mark_key: str,
        adds_bos: bool,
        prompt_of: Callable[[dict[str, Any]], str] | None,
        senses: Senses = NO_SENSES,
    ) -> None:
        self._renderer, self._own, self._used = renderer, own, used
        self._mark_key, self._adds_bos, self._prompt_of = mark_key, adds_bos, prompt_of
        self._senses = senses

    @property
    def knows_tools(self) -> bool:
        """Whether its own template tells of tools, and the server renders it as it should."""
        return self._own.tools and self._used == self._own.template and self._prompt_of is not None

    def question(self, request: Generate) -> Question:
        """Raises EngineError (bad-template, empty-prompt, takes-no-media)."""
        media = media_of(request.messages)
        if not media:
            return self._question(request)
        for one in media:
            if one.kind not in self._senses.media:
                raise _not_taken(one)
        placed = msgspec.structs.replace(request, messages=with_places(request.messages, self._mark_key))
        return with_media(self._question(placed), media, self._mark_key, self._senses.marker)

    def _question(self, request: Generate) -> Question:
        if request.prompt is not None:
            if not request.prompt:
                raise _nothing()
            return Question(COMPLETION, _completion(request, self._without_bos(request.prompt)))
        if not any(message.content.strip() or message.reasoning.strip() for message in request.messages):
            raise _nothing()
        if not self._used:
            return self._plain(request)
        if request.with_tools and self._prompt_of is not None and self.knows_tools:
            return self._with_tools(request, self._prompt_of)
        return self._conversation(request)

    def _plain(self, request: Generate) -> Question:
        result = self._rendered(request, PLAIN)
        return Question(COMPLETION, _completion(request, self._without_bos(result.text)), result.notes)

    def _with_tools(self, request: Generate, prompt_of: Callable[[dict[str, Any]], str]) -> Question:
        """The server takes the answer apart, since how a model calls a tool is as different as their templates are.

        An answer that goes on behind its first words is continued as text: it calls no tool any more. Where the server
        finds no form in an answer, the same is asked again as text.
        """
        said = list(marked(request.messages, self._mark_key, self._own.names))
        begun = said.pop() if _continues(request) and not said[-1].calls else None
        body = {
            **_common(request),
            "messages": [tool_turn(message, reasoning=True) for message in said],
            **tool_fields(request.tools),
            "chat_template_kwargs": self._own.thinking.arguments(request.thinking, request.effort),
            **({"max_tokens": request.max_tokens} if request.max_tokens else {}),
        }
        shape = self._rendered(msgspec.structs.replace(request, messages=(ChatMessage("user", "?"),)), self._used)
        try:
            prompt = prompt_of(body)
        except EndpointError as error:
            raise EngineError(
                refusal_words(error.message),
                tr("Switch the tools off for this chat, or use another model."),
                detail=str(error),
                kind=FailureKind.BAD_TEMPLATE,
            ) from error
        opened = shape.form.opened_by(prompt)
        if begun is not None:
            prompt = continued(prompt, begun, shape.form)
        as_text = self._as_text(request, prompt, opened, msgspec.structs.replace(shape, begun=begun), ())
        return as_text if begun is not None else Question(CHAT, body, instead=as_text)

    def _conversation(self, request: Generate) -> Question:
        result = self._rendered(request, self._used)
        always = () if self._own.template or self._own.unusable else (CHATML_NOTE,)
        if self._own.unusable:
            always = (f"{self._own.unusable.rstrip('.')}. {_CHATML_INSTEAD}",)
        if result.error and result.harmless and self._used != CHATML:
            note = f"{(result.plain or result.error).rstrip('.')}. {_CHATML_INSTEAD}"
            result = self._rendered(request, CHATML)
            return self._as_text(request, result.text, result.opened, result, (note,), stop=(_CHATML_STOP,))
        if result.error:
            raise EngineError(
                result.plain or result.error,
                tr("Use another file of this model, or report its template."),
                detail=result.error,
                kind=FailureKind.BAD_TEMPLATE,
            )
        notes = (*result.notes, *always)
        body = {
            **_common(request),
            "messages": result.messages,
            "chat_template_kwargs": self._own.thinking.arguments(request.thinking, request.effort),
            **({"max_tokens": request.max_tokens} if request.max_tokens else {}),
        }
        own = self._as_text(request, result.text, result.opened, result, notes)
        if self._prompt_of is None:
            return own
        if request.sampling.json_schema and result.begun is None:
            return Question(CHAT, body, notes, own)  # its grammar begins behind the reasoning, and keeps the form
        try:
            prompt = self._prompt_of(body)
        except (EndpointError, TimeoutError):
            return own
        opened = result.form.opened_by(prompt)
        if result.begun is not None:
            prompt = continued(prompt, result.begun, result.form)
        return self._as_text(request, prompt, opened, result, notes)

    def _as_text(
        self,
        request: Generate,
        prompt: str,
        opened: str,
        result: RenderResult,
        notes: tuple[str, ...],
        stop: tuple[str, ...] = (),
    ) -> Question:
        """A prompt that was made of the conversation, to be continued as text. ``opened``: see RenderResult."""
        body = _completion(request, self._without_bos(prompt), stop)
        form, begun = result.form, result.begun
        if begun is not None and begun.content and not form.begins:
            return Question(COMPLETION, body, notes)  # behind the first words of an answer there are no tags
        amid = begun is not None and not begun.content
        if begun is not None and begun.content:
            behind = form.begins
        else:
            behind = form.begins if form.begun_by(prompt) else opened
        # reasoning that no tag of the prompt opened: its model ends it with a tag of its own
        thinking = not behind and (amid or not form.opens)
        if amid and not behind and form.opens != PLAIN_FORM.opens:
            behind, thinking = form.opens.strip(), not form.opens
        tags = form.opens + form.closes + form.begins + form.ends + "".join(request.sampling.stop)
        names = (*CONTROL_NAMES, *names_in(tags))
        raw = Raw(names, form, behind, thinking)
        return Question(COMPLETION, body | {"preserved_tokens": names}, notes, raw=raw)

    def _rendered(self, request: Generate, template: str) -> RenderResult:
        return self._renderer.render(
            RenderRequest(
                template,
                tuple(message for message in request.messages if message.role != "tool"),
                self._own.bos,
                self._own.eos,
                continues=_continues(request),
                mark_key=self._mark_key,
                names=self._own.names,
                variables=_VARIABLES | self._own.thinking.arguments(request.thinking, request.effort),
            )
        )

    def _without_bos(self, text: str) -> str:
        """The server adds it again where the vocabulary asks for it; twice makes answers worse."""
        return text.removeprefix(self._own.bos) if self._adds_bos and self._own.bos else text


def _continues(request: Generate) -> bool:
    return bool(request.messages) and request.messages[-1].role == "assistant"


def _completion(request: Generate, prompt: str, stop: tuple[str, ...] = ()) -> dict[str, Any]:
    body = {**_common(request), "prompt": prompt, "n_predict": request.max_tokens or -1}
    return body | {"stop": [*request.sampling.stop, *stop]}


def _common(request: Generate) -> dict[str, Any]:
    return {
        "stream": True,
        "timings_per_token": True,
        "return_progress": True,
        "cache_prompt": True,
        **({"n_probs": request.alternatives} if request.alternatives else {}),
        **sampling_fields(request.sampling),
    }


def sampling_fields(sampling: Sampling) -> dict[str, Any]:
    """The fields of a request. Raises EngineError for a JSON schema that is none."""
    fields = msgspec.structs.asdict(sampling)
    fields["seed"] = -1 if sampling.seed is None else sampling.seed
    fields["logit_bias"] = [list(pair) for pair in sampling.logit_bias]
    fields["stop"] = list(sampling.stop)
    for name in ("grammar", "json_schema"):
        if not fields[name]:
            del fields[name]
    if sampling.json_schema:
        try:
            fields["json_schema"] = msgspec.json.decode(sampling.json_schema)
        except msgspec.DecodeError as error:
            raise EngineError(
                tr("The JSON schema of this chat is no JSON: {error}", error=error),
                tr("Correct it in the sampling settings, or leave it empty."),
                kind=FailureKind.USAGE,
            ) from None
    return fields


def _not_taken(media: Media) -> EngineError:
    what = "pictures" if media.kind == "image" else "sound"
    return EngineError(
        tr("The loaded model takes no {what}, and this conversation has some.", what=what),
        tr("Choose a model that does, or fetch its projector on the page Discover and load it again."),
        kind=FailureKind.TAKES_NO_MEDIA,
    )


def _nothing() -> EngineError:
    return EngineError(tr("There is nothing to answer."), tr("Type a message first."), kind=FailureKind.EMPTY_PROMPT)
