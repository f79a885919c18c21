"""What a chat completion asks for, checked field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop.services.serve.door.answers import Asked
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.openai.formats import form
from desktop.services.serve.door.openai.messages import messages, tools
from desktop.services.serve.door.openai.sampling import limit, options

_MOST_CHOICES = 32
_MOST_LOGPROBS = 20
_SWITCHES = ("enable_thinking", "thinking")  # a template looks at its own
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True)
class ChatRequest:
    """What was asked, checked."""

    model: str
    asked: Asked
    choices: int = 1
    streams: bool = False
    counts: bool = False
    top_logprobs: int | None = None


def read(body: dict[str, Any]) -> ChatRequest:
    """Raises DoorError (400) with the field that is wrong."""
    fields = Fields(body)
    model = fields.required_text("model")
    streams = fields.flag("stream")
    conversation = {"messages": messages(fields), **tools(fields)}
    chosen = options(fields)
    most = limit(fields)
    chosen["n_predict"] = most if most is not None else -1
    top = _logprobs(fields)
    if top is not None:
        chosen["n_probs"] = max(1, top)
    shape = form(fields)
    calls = "tools" in conversation and conversation.get("tool_choice") != "none"
    if calls and "grammar" in shape:
        raise fields.wrong("grammar", "is not taken together with 'tools'.", "invalid_value")
    if calls and top is not None:
        raise fields.wrong("logprobs", "is not taken together with 'tools'.", "unsupported_parameter")
    _thinking(fields, conversation)
    _refuse_others(fields)
    return ChatRequest(
        model,
        Asked({**conversation, **shape}, chosen, formed=bool(calls or shape), streams=streams),
        fields.whole("n", 1, _MOST_CHOICES) or 1,
        streams,
        _counts(fields, streams),
        top,
    )


def _logprobs(fields: Fields) -> int | None:
    top = fields.whole("top_logprobs", 0, _MOST_LOGPROBS)
    if fields.flag("logprobs"):
        return top or 0
    if top is not None:
        raise fields.wrong("top_logprobs", "is only taken with 'logprobs': true.", "invalid_value")
    return None


def _thinking(fields: Fields, conversation: dict[str, Any]) -> None:
    """How much the model thinks, as its template knows it."""
    given = fields.nested("chat_template_kwargs")
    arguments: dict[str, Any] = dict(given.body) if given is not None else {}
    effort = fields.choice("reasoning_effort", *_EFFORTS)
    if effort == "none":
        for switch in _SWITCHES:
            arguments.setdefault(switch, False)
    elif effort is not None:
        arguments.setdefault("reasoning_effort", effort)
    if arguments:
        conversation["chat_template_kwargs"] = arguments


def _refuse_others(fields: Fields) -> None:
    """What would change the answer and cannot be done."""
    for modality in fields.items("modalities") or ():
        if modality != "text":
            raise fields.wrong("modalities", "only ['text'] is taken.", "unsupported_value")
    for name in ("audio", "web_search_options"):
        if fields.has(name):
            raise fields.wrong(name, "is not taken.", "unsupported_parameter")


def _counts(fields: Fields, streams: bool) -> bool:
    given = fields.nested("stream_options")
    if given is None:
        return False
    if not streams:
        raise fields.wrong("stream_options", "is only taken with 'stream': true.", "invalid_value")
    return given.flag("include_usage")
