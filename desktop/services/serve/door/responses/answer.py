"""A chat completion told as OpenAI's Responses API tells it: one response, or the events of its stream.

https://platform.openai.com/docs/api-reference/responses-streaming: every event has a type and a number, each item of
the output is added, grows and is done, and the last event has the whole response.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from desktop.services.serve.door.gathered import Answer, Figures, Piece
from desktop.services.serve.door.openai.shapes import logprobs
from desktop.services.serve.door.responses.items import carried
from desktop.services.serve.door.responses.request import ResponsesRequest

Event = dict[str, Any]


class ResponseEvents:
    """The events of one answer's stream: :meth:`start`, :meth:`step` for each piece, then :meth:`end` or
    :meth:`failed`. ``response`` is the document as it stands.

    Where a summary of what is thought was asked for, the thoughts themselves stand in its place: nothing is hidden.
    """

    def __init__(self, request: ResponsesRequest, clock: Callable[[], float] = time.time) -> None:
        self._request = request
        self._clock = clock
        self._number = -1
        self._open: dict[str, Any] | None = None  # the item that grows
        self._text = ""  # of the item that grows
        self._logprobs: list[dict[str, Any]] = []
        self._tool = -1
        self._summary = request.echo["reasoning"]["summary"] is not None
        self.response: dict[str, Any] = {
            "id": f"resp_{secrets.token_hex(24)}",
            "object": "response",
            "created_at": request.created_at,
            "completed_at": None,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            **request.echo,
            "model": request.model,
            "output": [],
            "usage": None,
        }

    def start(self) -> list[Event]:
        """The response without output."""
        return [
            self._event("response.created", response=self._snapshot()),
            self._event("response.in_progress", response=self._snapshot()),
        ]

    def step(self, answer: Answer, piece: Piece) -> list[Event]:
        """What one piece adds."""
        events: list[Event] = []
        if piece.reasoning:
            events += self._grow("reasoning", piece.reasoning)
        if piece.text:
            measured = logprobs(piece.steps, self._request.echo["top_logprobs"])
            events += self._grow("message", piece.text, measured)
        for number, grown in piece.tools:
            call = answer.tools[number]
            if self._tool != number or self._open is None:
                events += self._opened("function_call", {"name": call.name, "call_id": _call_id(call.id)})
                self._tool = number
            if grown:
                self._text += grown
                events.append(self._grown("response.function_call_arguments.delta", delta=grown))
        return events

    def end(self, answer: Answer) -> list[Event]:
        """What closes the stream."""
        cut = answer.finish == "length"
        events = self._close("incomplete" if cut else "completed")
        if cut:
            self.response |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        else:
            self.response |= {"status": "completed", "completed_at": int(self._clock())}
        self.response["usage"] = _usage(answer.figures)
        return [*events, self._event(f"response.{self.response['status']}", response=self._snapshot())]

    def failed(self, message: str) -> list[Event]:
        """The end of a stream that broke off."""
        self.response |= {"status": "failed", "error": {"code": "server_error", "message": message}}
        return [self._event("response.failed", response=self._snapshot())]

    def _grow(self, kind: str, text: str, measured: Sequence[dict[str, Any]] = ()) -> list[Event]:
        events = [] if self._open is not None and self._open["type"] == kind else self._opened(kind, {})
        self._text += text
        self._logprobs += measured
        name, index = self._names(kind)
        further = {"logprobs": list(measured)} if kind == "message" else {}
        return [*events, self._grown(f"response.{name}.delta", **index, delta=text, **further)]

    def _names(self, kind: str) -> tuple[str, dict[str, int]]:
        """How the text of an item is called in events, and which of its parts it is."""
        if kind == "message":
            return "output_text", {"content_index": 0}
        return (
            ("reasoning_summary_text", {"summary_index": 0})
            if self._summary
            else ("reasoning_text", {"content_index": 0})
        )

    def _part_event(self, kind: str, what: str, text: str) -> Event:
        part = "reasoning_summary_part" if kind == "reasoning" and self._summary else "content_part"
        return self._grown(f"response.{part}.{what}", **self._names(kind)[1], part=self._part(kind, text))

    def _opened(self, kind: str, fields: dict[str, Any]) -> list[Event]:
        events = self._close("completed")
        item: dict[str, Any] = {"type": kind, "id": f"{_PREFIXES[kind]}_{secrets.token_hex(24)}"} | fields
        item["status"] = "in_progress"
        item |= _EMPTY[kind]()
        self._open, self._text, self._logprobs = item, "", []
        self.response["output"].append(item)
        events.append(self._event("response.output_item.added", output_index=self._at, item=dict(item)))
        if kind != "function_call":
            events.append(self._part_event(kind, "added", ""))
        return events

    def _close(self, status: str) -> list[Event]:
        item = self._open
        if item is None:
            return []
        events = list(self._finished(item))
        item["status"] = status
        if item["type"] == "function_call":
            item["arguments"] = self._text
        else:
            place = "summary" if item["type"] == "reasoning" and self._summary else "content"
            item[place] = [self._part(item["type"], self._text)]
        if item["type"] == "reasoning" and self._request.carries:
            item["encrypted_content"] = carried(self._text)
        self._open = None
        self._tool = -1
        return [*events, self._event("response.output_item.done", output_index=self._at, item=dict(item))]

    def _finished(self, item: dict[str, Any]) -> Iterator[Event]:
        if item["type"] == "function_call":
            yield self._grown("response.function_call_arguments.done", name=item["name"], arguments=self._text)
            return
        name, index = self._names(item["type"])
        further = {"logprobs": self._logprobs} if item["type"] == "message" else {}
        yield self._grown(f"response.{name}.done", **index, text=self._text, **further)
        yield self._part_event(item["type"], "done", self._text)

    def _part(self, kind: str, text: str) -> dict[str, Any]:
        if kind == "reasoning":
            return {"type": "summary_text" if self._summary else "reasoning_text", "text": text}
        return {
            "type": "output_text",
            "text": text,
            "annotations": [],
            "logprobs": list(self._logprobs) if text else [],
        }

    @property
    def _at(self) -> int:
        return len(self.response["output"]) - 1

    def _grown(self, kind: str, **fields: Any) -> Event:
        assert self._open is not None
        return self._event(kind, item_id=self._open["id"], output_index=self._at, **fields)

    def _event(self, kind: str, **fields: Any) -> Event:
        self._number += 1
        return {"type": kind, "sequence_number": self._number, **fields}

    def _snapshot(self) -> dict[str, Any]:
        return self.response | {"output": [dict(item) for item in self.response["output"]]}


_PREFIXES = {"reasoning": "rs", "message": "msg", "function_call": "fc"}
_EMPTY: dict[str, Callable[[], dict[str, Any]]] = {
    "reasoning": lambda: {"summary": [], "content": []},
    "message": lambda: {"role": "assistant", "content": []},
    "function_call": lambda: {"arguments": ""},
}


def whole_response(request: ResponsesRequest, answer: Answer) -> dict[str, Any]:
    """The answer in one piece."""
    events = ResponseEvents(request)
    events.step(answer, answer.whole)
    events.end(answer)
    return events.response


def _call_id(given: str) -> str:
    return given if given.startswith("call_") else f"call_{given or secrets.token_hex(12)}"


def _usage(figures: Figures) -> dict[str, Any]:
    return {
        "input_tokens": figures.prompt,
        "input_tokens_details": {"cached_tokens": figures.cached, "cache_write_tokens": 0},
        "output_tokens": figures.generated,
        "output_tokens_details": {"reasoning_tokens": min(figures.reasoning, figures.generated)},
        "total_tokens": figures.prompt + figures.generated,
    }
