"""A chat completion told as Anthropic's Messages API tells it: one message, or the events of its stream.

https://docs.anthropic.com/en/api/messages-streaming: message_start, then for each block content_block_start, its deltas
and content_block_stop, then message_delta with the reason and the usage, and message_stop.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from desktop.services.serve.door.anthropic.request import MessagesRequest
from desktop.services.serve.door.gathered import Answer, Piece

Event = dict[str, Any]

PING: Event = {"type": "ping"}
_DIRECT = {"type": "direct"}  # the model itself called the tool


def signature(thought: str) -> str:
    """What stands for Anthropic's signature of a thought: clients keep it and send it back; Heft asks for none."""
    return base64.b64encode(hashlib.sha256(thought.encode("utf-8", "replace")).digest()).decode()


def tool_id(given: str) -> str:
    """A call's id in Anthropic's form, the engine's own where it has one."""
    return given if given.startswith("toolu_") else f"toolu_{given or secrets.token_hex(12)}"


def whole_message(request: MessagesRequest, answer: Answer) -> dict[str, Any]:
    """The answer in one piece."""
    reader = MessageEvents(request)
    blocks: list[dict[str, Any]] = []
    if answer.reasoning and request.thinks:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": signature(answer.reasoning)})
    text = answer.text or _unasked_thought(request, answer)
    if text:
        blocks.append({"type": "text", "text": text, "citations": None})
    blocks += [
        {"type": "tool_use", "id": tool_id(call.id), "name": call.name, "input": call.given, "caller": _DIRECT}
        for call in answer.tools
    ]
    reason, sequence = stop_reason(request, answer)
    message: dict[str, Any] = reader.start(answer)["message"]
    return message | {
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": _usage(answer) | _TIER,
    }


class MessageEvents:
    """The events of one answer's stream: :meth:`start` once, :meth:`step` for each piece, :meth:`end` once."""

    def __init__(self, request: MessagesRequest) -> None:
        self._request = request
        self._id = f"msg_{secrets.token_hex(12)}"
        self._index = -1
        self._open = ""  # the kind of the block that is open; that of a tool with its index
        self._ids: dict[int, str] = {}

    def start(self, answer: Answer) -> Event:
        """The message without content; of a stream's usage only the prompt's is known, and that not always."""
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "container": None,
            "usage": _usage(answer) | _TIER,
        }
        return {"type": "message_start", "message": message}

    def step(self, answer: Answer, piece: Piece) -> list[Event]:
        """What one piece adds."""
        events: list[Event] = []
        if piece.reasoning and self._request.thinks:
            thought = {"type": "thinking", "thinking": "", "signature": ""}
            events += self._block("thinking", thought, answer)
            events.append(self._delta({"type": "thinking_delta", "thinking": piece.reasoning}))
        if piece.text:
            events += self._text(piece.text, answer)
        for number, grown in piece.tools:
            call = answer.tools[number]
            self._ids.setdefault(number, tool_id(call.id))
            used = {"type": "tool_use", "id": self._ids[number], "name": call.name, "input": {}, "caller": _DIRECT}
            events += self._block(f"tool {number}", used, answer)
            if grown:
                events.append(self._delta({"type": "input_json_delta", "partial_json": grown}))
        return events

    def end(self, answer: Answer) -> list[Event]:
        """What closes the stream."""
        unasked = _unasked_thought(self._request, answer)
        events = self._text(unasked, answer) if unasked else []
        events += self._close(answer)
        reason, sequence = stop_reason(self._request, answer)
        delta = {"stop_reason": reason, "stop_sequence": sequence, "stop_details": None, "container": None}
        events.append({"type": "message_delta", "delta": delta, "usage": _usage(answer)})
        events.append({"type": "message_stop"})
        return events

    def _text(self, text: str, answer: Answer) -> list[Event]:
        opened = self._block("text", {"type": "text", "text": "", "citations": None}, answer)
        return [*opened, self._delta({"type": "text_delta", "text": text})]

    def _block(self, kind: str, block: dict[str, Any], answer: Answer) -> list[Event]:
        if self._open == kind:
            return []
        events = self._close(answer)
        self._open = kind
        self._index += 1
        return [*events, {"type": "content_block_start", "index": self._index, "content_block": block}]

    def _close(self, answer: Answer) -> list[Event]:
        if not self._open:
            return []
        events = []
        if self._open == "thinking":
            events.append(self._delta({"type": "signature_delta", "signature": signature(answer.reasoning)}))
        self._open = ""
        return [*events, {"type": "content_block_stop", "index": self._index}]

    def _delta(self, delta: dict[str, Any]) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def stop_reason(request: MessagesRequest, answer: Answer) -> tuple[str, str | None]:
    """Why it ended, and the stop sequence where one did."""
    if answer.tools and answer.finish != "length":
        return "tool_use", None
    if answer.finish == "length":
        return "max_tokens", None
    if answer.stop_word in request.stop_sequences:
        return "stop_sequence", answer.stop_word
    return "end_turn", None


_TIER = {
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "service_tier": "standard",
    "inference_geo": None,
}


def _usage(answer: Answer) -> dict[str, Any]:
    """Tokens; what came out of the engine's cache is no part of ``input_tokens``."""
    return {
        "input_tokens": answer.figures.prompt - answer.figures.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.figures.cached,
        "output_tokens": answer.figures.generated,
        "output_tokens_details": {"thinking_tokens": min(answer.figures.reasoning, answer.figures.generated)},
        "server_tool_use": None,
    }


def _unasked_thought(request: MessagesRequest, answer: Answer) -> str:
    """What a model thought where nobody asked for it and it said nothing else: no word is lost."""
    silent = not (answer.text or answer.tools) and answer.finish != "length"
    return answer.reasoning if silent and not request.thinks else ""
