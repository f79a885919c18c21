"""A request of OpenAI's Responses API as a chat completion's body.

https://platform.openai.com/docs/api-reference/responses/create. Tools that run on OpenAI's servers, files, stored
prompts and conversations are refused in words.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from desktop.services.serve.door.conversation import ANY_OBJECT, Conversation
from desktop.services.serve.door.failures import DoorError, bad_field
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.reading import MOST_TOKENS, given, model_name, refuse, required_choice, required_object
from desktop.services.serve.door.responses.items import Item, chat_messages, input_items
from desktop.services.serve.door.responses.tools import put_tools

_REFUSED = {
    "background": "Heft answers while you wait: leave it out, or use `stream`.",
    "conversation": "Heft keeps no conversations: use `previous_response_id`, or send the items.",
    "prompt": "Heft keeps no prompts: send the text.",
    "max_tool_calls": "counts tools that run at OpenAI, of which there are none here.",
}
_EFFORTS = {"none": "none", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
_LOGPROBS, _CARRIED = "message.output_text.logprobs", "reasoning.encrypted_content"
_INCLUDES_NOTHING = ("file_search_call.", "web_search_call.", "computer_call_output.", "code_interpreter_call.")
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512
_MOST_LOGPROBS = 20


class Kept(Protocol):
    """Responses that can be referred to."""

    def conversation(self, response_id: str) -> list[Item] | None:
        """All items up to and with that response, None where it is not kept."""

    def item(self, item_id: str) -> Item | None:
        """An item of a kept response or its input."""


@dataclass(frozen=True)
class ResponsesRequest:
    """What was asked. ``echo`` are the fields that an answer repeats, ``items`` the whole conversation before the
    answer, ``new_items`` how many of them came with this request. ``carries``: thoughts are sent in
    ``encrypted_content``, too.
    """

    model: str
    talk: Conversation
    options: dict[str, Any]
    echo: dict[str, Any]
    items: list[Item]
    new_items: int
    created_at: int
    stream: bool = False
    store: bool = True
    carries: bool = False


def responses_request(body: dict[str, Any], kept: Kept, clock: Callable[[], float] = time.time) -> ResponsesRequest:
    """Raises DoorError for what is wrong or cannot be done."""
    request = Fields(body)
    model = model_name(request)
    for field, why in _REFUSED.items():
        refuse(request, field, why)
    new = input_items(request)
    earlier = _earlier(request, kept)
    messages = chat_messages(earlier, new, kept.item)
    instructions = request.text("instructions")
    if instructions:
        messages.insert(0, {"role": "system", "content": instructions})
    talk = Conversation(messages)
    store = request.flag("store", True)
    echo = _echo(request) | {"instructions": instructions, "store": store}
    put_tools(request, talk, echo)
    talk.schema = _schema(request)
    reasoning = request.object("reasoning")
    effort = reasoning.choice("effort", *_EFFORTS) if reasoning is not None else None
    talk.effort = _EFFORTS[effort] if effort is not None else ""
    includes = _includes(request)
    options = _sampling(request)
    if _LOGPROBS in includes or request.body.get("top_logprobs"):
        if talk.tools:
            words = "log probabilities cannot be had together with tools."
            raise request.wrong("include", words, "unsupported_parameter")
        options["n_probs"] = request.whole("top_logprobs", 0, _MOST_LOGPROBS) or 1
    return ResponsesRequest(
        model, talk, options, echo, [*earlier, *new], len(new), int(clock()),
        stream=request.flag("stream"), store=store, carries=_CARRIED in includes,
    )  # fmt: skip


def unknown_response(response_id: str, status: int) -> DoorError:
    """Nothing is kept under that name."""
    words = "Heft keeps the latest responses in memory until it stops; send the items of the conversation."
    message = f"Previous response with id '{response_id[:80]}' not found. {words}"
    return DoorError(status, message, code="previous_response_not_found", param="previous_response_id")


def _earlier(request: Fields, kept: Kept) -> list[Item]:
    before = request.text("previous_response_id")
    if not before:
        return []
    items = kept.conversation(before)
    if items is None:
        raise unknown_response(before, 400)
    return items


def _sampling(request: Fields) -> dict[str, Any]:
    return given(
        n_predict=request.whole("max_output_tokens", 1, MOST_TOKENS),
        temperature=request.number("temperature", 0, 2),
        top_p=request.number("top_p", 0, 1),
        presence_penalty=request.number("presence_penalty", -2, 2),
        frequency_penalty=request.number("frequency_penalty", -2, 2),
    )


def _schema(request: Fields) -> dict[str, Any] | None:
    text = request.object("text")
    form = text.object("format") if text is not None else None
    if form is None:
        return None
    kind = required_choice(form, "type", "text", "json_object", "json_schema")
    if kind == "json_schema":
        form.required_text("name")
        return required_object(form, "schema").body
    return ANY_OBJECT if kind == "json_object" else None


def _includes(request: Fields) -> list[str]:
    included = request.items("include") or []
    for at, name in enumerate(included):
        if not isinstance(name, str) or not (name in (_LOGPROBS, _CARRIED) or name.startswith(_INCLUDES_NOTHING)):
            raise bad_field(f"include[{at}]", f"'include[{at}]': {str(name)[:80]!r} cannot be included.")
    return included


def _echo(request: Fields) -> dict[str, Any]:
    """The fields of an answer that repeat the request, each there, with OpenAI's defaults."""
    if request.choice("truncation", "auto", "disabled") == "auto":
        words = "Heft leaves nothing of a conversation out by itself: shorten it."
        raise request.wrong("truncation", words, "unsupported_value")
    text = request.object("text") or Fields({})
    reasoning = request.object("reasoning") or Fields({})
    return {
        "metadata": _metadata(request),
        "max_output_tokens": request.body.get("max_output_tokens"),
        "max_tool_calls": None,
        "previous_response_id": request.text("previous_response_id"),
        "temperature": _or(request.body.get("temperature"), 1.0),
        "top_p": _or(request.body.get("top_p"), 1.0),
        "presence_penalty": _or(request.body.get("presence_penalty"), 0.0),
        "frequency_penalty": _or(request.body.get("frequency_penalty"), 0.0),
        "top_logprobs": _or(request.body.get("top_logprobs"), 0),
        "truncation": "disabled",
        "text": {
            "format": text.body.get("format") or {"type": "text"},
            "verbosity": text.choice("verbosity", "low", "medium", "high") or "medium",
        },
        "reasoning": {
            "effort": reasoning.body.get("effort"),
            "summary": reasoning.choice("summary", "auto", "concise", "detailed"),
        },
        "background": False,
        "prompt": None,
        "prompt_cache_key": request.text("prompt_cache_key"),
        "safety_identifier": request.text("safety_identifier"),
        "service_tier": "default",
        "user": request.text("user"),
    }


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _metadata(request: Fields) -> dict[str, str]:
    metadata = request.object("metadata")
    if metadata is None:
        return {}
    if len(metadata.body) > _METADATA_PAIRS:
        raise request.wrong("metadata", f"is to have {_METADATA_PAIRS} pairs or fewer.", "invalid_value")
    for key in metadata.body:
        if len(key) > _METADATA_KEY or len(metadata.required_text(key)) > _METADATA_VALUE:
            words = f"a key has up to {_METADATA_KEY} characters, a value up to {_METADATA_VALUE}."
            raise metadata.wrong(key[:_METADATA_KEY], words, "invalid_value")
    return metadata.body
