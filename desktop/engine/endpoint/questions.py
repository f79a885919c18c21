"""What another server is asked for one answer: the OpenAI protocol, and beyond it what a server of its kind knows.

Only what a person set is sent of how tokens are chosen: a server has defaults of its own for each of its models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.thinking import NO_THINKING, Thinking
from desktop.core.words import tr
from desktop.engine.api import Generate, Sampling
from desktop.engine.endpoint.models import ServerKind
from desktop.engine.endpoint.tool_deltas import tool_fields, tool_turn

CHAT, COMPLETION = "/chat/completions", "/completions"
COUNT = f"{CHAT}/input_tokens"  # llama-server's
_STANDARD = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop")
_USUAL = {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repeat_penalty"}
_BEYOND: Mapping[ServerKind, Mapping[str, str]] = {
    "llama.cpp": {name: name for name in Sampling.__struct_fields__ if name not in (*_STANDARD, "json_schema")},
    "vllm": {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"},
    "lm-studio": _USUAL,
    "ollama": {},
    "openai": _USUAL,
}
_KEEPS_REASONING = ("llama.cpp", "vllm")  # others refuse the field, or do not know it


@dataclass(frozen=True)
class RemoteQuestion:
    """A request. ``plain`` is asked where the server refuses this one's extras, None where it has none; ``notes`` are
    what the chat should say of this one, ``plain_notes`` of the other. ``bare`` and ``bare_notes`` are the same for a
    server that refuses both and was offered tools: without them. ``echo`` is the beginning of an answer that goes on,
    where the server repeats it: llama-server does.
    """

    path: str
    body: dict[str, Any]
    notes: tuple[str, ...] = ()
    plain: dict[str, Any] | None = None
    plain_notes: tuple[str, ...] = ()
    echo: str = ""
    bare: dict[str, Any] | None = None
    bare_notes: tuple[str, ...] = ()

    @property
    def ways(self) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
        """How to ask, one after the other, and what the chat should say of each."""
        ways = ((self.body, self.notes), (self.plain, self.plain_notes), (self.bare, self.bare_notes))
        return [(body, notes) for body, notes in ways if body is not None]


def question_of(
    request: Generate, kind: ServerKind, name: str, model: str, thinking: Thinking = NO_THINKING
) -> RemoteQuestion:
    """The request for the server called ``name``; ``thinking`` is what its model's template knows of that.

    Raises EngineError (empty-prompt, usage).
    """
    continues = bool(request.messages) and request.messages[-1].role == "assistant"
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    if request.prompt is not None:
        path, said = COMPLETION, bool(request.prompt)
        body["prompt"] = request.prompt
    else:
        path = CHAT
        said = any(turn.content.strip() or turn.reasoning.strip() or turn.media for turn in request.messages)
        body["messages"] = [tool_turn(turn, reasoning=kind in _KEEPS_REASONING) for turn in request.messages]
        body |= tool_fields(request.tools)
        if kind == "vllm" and continues:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
    if not said:
        raise EngineError(tr("There is nothing to answer."), tr("Type a message first."), kind=FailureKind.EMPTY_PROMPT)
    if request.max_tokens:
        body["max_tokens"] = request.max_tokens
    if kind == "llama.cpp":
        body |= {"timings_per_token": True, "return_progress": True, "cache_prompt": True}
    told = thinking.arguments(request.thinking, request.effort)
    if told:
        body["chat_template_kwargs"] = told
    values = {field: getattr(request.sampling, field) for field in request.chosen}
    body |= {field: _sent(values[field]) for field in _STANDARD if field in values and values[field] is not None}
    body |= _answer_form(values)
    beyond = _BEYOND[kind]
    extras = {beyond[field]: _sent(value) for field, value in values.items() if field in beyond and value != ""}
    named = (*_STANDARD, "json_schema", *beyond)
    lost = [] if told else [word for word in ("thinking", "effort") if getattr(request, word) not in (None, "")]
    lost += [field for field, value in values.items() if field not in named and value != getattr(Sampling(), field)]
    plain = {key: value for key, value in body.items() if key not in ("stream_options", "chat_template_kwargs")}
    echo = request.messages[-1].content if continues and kind == "llama.cpp" else ""
    lost_then = _lost(name, [*lost, *extras])
    bare = _without_tools(plain) if request.with_tools else None
    no_tools = (*lost_then, f"{name} takes no tools with this model, so it was not offered any.")
    return RemoteQuestion(path, body | extras, _lost(name, lost), plain, lost_then, echo, bare, no_tools)


def _without_tools(body: dict[str, Any]) -> dict[str, Any]:
    """The same without tools, and without what was said of them in the conversation."""
    turns = [
        {key: value for key, value in turn.items() if key != "tool_calls"}
        for turn in body.get("messages", ())
        if turn["role"] != "tool" and (turn["content"] or not turn.get("tool_calls"))
    ]
    return {key: value for key, value in body.items() if key != "tools"} | {"messages": turns}


def _answer_form(values: Mapping[str, Any]) -> dict[str, Any]:
    written = values.get("json_schema")
    if not written:
        return {}
    try:
        schema = msgspec.json.decode(written)
    except msgspec.DecodeError as error:
        raise EngineError(
            tr("The JSON schema of this chat is no JSON: {error}", error=error),
            tr("Correct it in the sampling settings, or leave it empty."),
            kind=FailureKind.USAGE,
        ) from None
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


def _sent(value: Any) -> Any:
    return [_sent(item) for item in value] if isinstance(value, tuple) else value


def _lost(name: str, fields: list[str]) -> tuple[str, ...]:
    return (f"{name} does not take these settings: {', '.join(fields)}.",) if fields else ()
