"""Requests of Ollama's /api/chat, /api/generate and /api/embed as bodies for the engine.

https://github.com/ollama/ollama/blob/main/docs/api.md. What Heft cannot do is refused in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from desktop.services.serve.door.conversation import Conversation, function_tool, tool_call
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.ollama.options import sampling, schema, thinking, top_logprobs, unloads
from desktop.services.serve.door.pictures import base64_part, picture_part, with_text
from desktop.services.serve.door.reading import model_name, objects, refuse, required_choice, required_object

_REFUSED = {
    "suffix": "Heft does not fill in the middle of a text: leave `suffix` out.",
    "context": "Heft keeps no state between requests: send the conversation to /api/chat.",
    "template": "the chat template is the model's own, or the one set in Heft's Library.",
}


@dataclass(frozen=True)
class OllamaRequest:
    """What was asked: a conversation, or a text to continue as it is; None where the model is only to be loaded or,
    with ``unloads``, to go. ``top_logprobs`` is how many alternatives each token is to have, None: no log
    probabilities.
    """

    model: str
    talk: Conversation | str | None
    options: dict[str, Any]
    stream: bool = True
    unloads: bool = False
    top_logprobs: int | None = None


@dataclass(frozen=True)
class EmbedRequest:
    """Texts to embed."""

    model: str
    texts: list[str]
    dimensions: int | None = None
    unloads: bool = False


def chat_request(body: dict[str, Any]) -> OllamaRequest:
    """POST /api/chat. Raises DoorError."""
    request = Fields(body)
    messages = _messages(request)
    tools = [_tool(tool) for tool in objects(request, "tools")]
    return _asked(request, Conversation(messages, tools) if messages else None)


def generate_request(body: dict[str, Any]) -> OllamaRequest:
    """POST /api/generate. Raises DoorError."""
    request = Fields(body)
    for name, why in _REFUSED.items():
        refuse(request, name, why)
    prompt, system = request.text("prompt") or "", request.text("system") or ""
    pictures = _pictures(request)
    if request.flag("raw"):
        refuse(request, "images", "pictures go through the model's template: leave `raw` out.")
    if not (prompt or pictures) or request.flag("raw"):
        return _asked(request, prompt or None)
    messages = [{"role": "system", "content": system}] if system else []
    return _asked(request, Conversation([*messages, {"role": "user", "content": with_text(pictures, prompt)}]))


def _asked(request: Fields, talk: Conversation | str | None) -> OllamaRequest:
    """What both have in common; a text is continued as it is."""
    model = model_name(request)
    stream, goes = request.flag("stream", True), unloads(request)
    options, form, (think, effort) = sampling(request), schema(request), thinking(request)
    top = top_logprobs(request)
    if top is not None:
        options["n_probs"] = max(1, top)
    if isinstance(talk, Conversation):
        talk.schema, talk.thinking, talk.effort = form, think, effort
    elif form is not None:
        options["json_schema"] = form
    return OllamaRequest(model, talk, options, stream, goes, top)


def embed_request(body: dict[str, Any]) -> EmbedRequest:
    """POST /api/embed; of /api/embeddings too, whose one text is ``prompt``. Raises DoorError."""
    request = Fields(body)
    model = model_name(request)
    name = "prompt" if "prompt" in body and "input" not in body else "input"
    value = request.required(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise request.wrong(name, "is to be a string or an array of strings.", "invalid_type")
    return EmbedRequest(model, texts, request.whole("dimensions", 1, 1 << 20), unloads(request))


def _messages(request: Fields) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []  # without a result yet
    for turn in objects(request, "messages"):
        role = required_choice(turn, "role", "system", "user", "assistant", "tool")
        if role != "user":
            refuse(turn, "images", "pictures are taken of a user alone.")
        content = with_text(_pictures(turn), turn.text("content") or "")
        message: dict[str, Any] = {"role": role, "content": content}
        if role == "assistant":
            thought = turn.text("thinking")
            calls = [_call(call, f"call_{len(messages)}_{at}") for at, call in enumerate(objects(turn, "tool_calls"))]
            message |= {"reasoning_content": thought} if thought else {}
            message |= {"tool_calls": list(calls)} if calls else {}
        elif role == "tool":
            message["tool_call_id"] = _answered(turn, calls)
        messages.append(message)
    return messages


def _pictures(fields: Fields) -> list[dict[str, Any]]:
    """``images``: base64, or data URLs as some clients send them."""
    found = fields.items("images") or []
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise fields.wrong(f"images[{number}]", "is to be a string.", "invalid_type")
    takes = ((picture_part if text.startswith(("data:", "http")) else base64_part, text) for text in found)
    return [take(fields, f"images[{number}]", text) for number, (take, text) in enumerate(takes)]


def _call(call: Fields, name: str) -> dict[str, Any]:
    function = required_object(call, "function")
    arguments = msgspec.json.encode(required_object(function, "arguments").body).decode()
    return tool_call(call.text("id") or name, function.required_text("name"), arguments)


def _answered(turn: Fields, calls: list[dict[str, Any]]) -> str:
    """The id of the call that a tool's message answers: by its id, by the tool's name, else the next one."""
    wanted = turn.text("tool_call_id")
    name = turn.text("tool_name") or turn.text("name")
    if not calls:
        raise turn.wrong("role", "no call of a tool comes before this result.", "invalid_value")
    by_id = (call for call in calls if call["id"] == wanted)
    by_name = (call for call in calls if call["function"]["name"] == name)
    found = next(by_id, None) or next(by_name, None) or calls[0]
    calls.remove(found)
    call_id: str = found["id"]
    return call_id


def _tool(tool: Fields) -> dict[str, Any]:
    if tool.has("type"):
        required_choice(tool, "type", "function")
    function = required_object(tool, "function")
    parameters = function.nested("parameters")
    given = parameters.body if parameters is not None else None
    return function_tool(function.required_text("name"), function.text("description") or "", given)
