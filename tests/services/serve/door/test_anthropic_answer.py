"""Answers as Anthropic's API tells them, held to the types of its own client."""

from __future__ import annotations

from typing import Any

import anthropic.types as types
import pytest
from pydantic import TypeAdapter

from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.anthropic.answer import MessageEvents, stop_reason, whole_message
from desktop.services.serve.door.anthropic.errors import error
from desktop.services.serve.door.anthropic.request import MessagesRequest
from desktop.services.serve.door.conversation import Conversation
from desktop.services.serve.door.failures import TOO_LONG, DoorError, too_long
from desktop.services.serve.door.gathered import Answer, Figures

EVENT: TypeAdapter[Any] = TypeAdapter(types.RawMessageStreamEvent)
FIGURES = Figures(prompt=20, cached=8, generated=5, reasoning=2)


def request(**fields: Any) -> MessagesRequest:
    return MessagesRequest("m", Conversation([]), {}, **fields)


def call(index: int, arguments: str, **named: str) -> Step:
    function = {"arguments": arguments, **({"name": named["name"]} if named else {})}
    return Step(tool_calls=[{"index": index, "function": function, **({"id": named["id"]} if named else {})}])


STEPS = [
    Step(reasoning="Let me "),
    Step(reasoning="think."),
    Step(text="The weather"),
    Step(text=": "),
    call(0, "", name="get_weather", id="a1"),
    call(0, '{"location":'),
    call(0, '"Paris"}'),
    call(1, "{}", name="get_time", id="a2"),
    Step(finish="tool_calls", figures=FIGURES),
]


def streamed(asked: MessagesRequest, steps: list[Step]) -> list[dict[str, Any]]:
    answer, events = Answer(), MessageEvents(asked)
    found = [events.start(answer)]
    for step in steps:
        found += events.step(answer, answer.take(step))
    return found + events.end(answer)


def gathered(steps: list[Step]) -> Answer:
    answer = Answer()
    for step in steps:
        answer.take(step)
    return answer


def test_the_order_of_a_stream() -> None:
    told = streamed(request(thinks=True), STEPS)
    kinds = [event["type"] for event in told]
    assert kinds == [
        "message_start",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_delta",
        "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert [event["index"] for event in told if event["type"] == "content_block_start"] == [0, 1, 2, 3]
    deltas = [event["delta"]["type"] for event in told if event["type"] == "content_block_delta"]
    assert deltas[:3] == ["thinking_delta", "thinking_delta", "signature_delta"]
    assert told[4]["delta"]["signature"]
    parts = [
        event["delta"]["partial_json"] for event in told if event.get("delta", {}).get("type") == "input_json_delta"
    ]
    assert "".join(parts[:2]) == '{"location":"Paris"}'
    assert told[-2]["usage"] == {
        "input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8, "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2}, "server_tool_use": None,
    }  # fmt: skip
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_stream_begins_with_what_is_known_of_the_prompt() -> None:
    answer, events = Answer(), MessageEvents(request())
    answer.begin(20, 8)
    usage = events.start(answer)["message"]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (12, 8, 0)


def test_every_event_is_one_of_the_client() -> None:
    for event in streamed(request(thinks=True), STEPS):
        EVENT.validate_python(event)


def test_the_whole_message_is_one_of_the_client() -> None:
    message = types.Message.model_validate(whole_message(request(thinks=True), gathered(STEPS)), strict=True)
    kinds = [block.type for block in message.content]
    assert kinds == ["thinking", "text", "tool_use", "tool_use"]
    used = message.content[2]
    assert isinstance(used, types.ToolUseBlock)
    assert (used.name, used.input, used.id) == ("get_weather", {"location": "Paris"}, "toolu_a1")
    assert message.usage.cache_read_input_tokens == 8


def test_thoughts_that_nobody_asked_for_stay_away() -> None:
    message = whole_message(request(), gathered(STEPS))
    assert [block["type"] for block in message["content"]] == ["text", "tool_use", "tool_use"]
    kinds = {event["content_block"]["type"] for event in streamed(request(), STEPS) if "content_block" in event}
    assert kinds == {"text", "tool_use"}


def test_thoughts_that_are_all_there_is_are_the_text() -> None:
    steps = [Step(reasoning="Four."), Step(finish="stop", figures=FIGURES)]
    assert whole_message(request(), gathered(steps))["content"] == [
        {"type": "text", "text": "Four.", "citations": None}
    ]
    texts = [event["delta"]["text"] for event in streamed(request(), steps) if "text" in event.get("delta", {})]
    assert texts == ["Four."]


@pytest.mark.parametrize(
    ("finish", "word", "expected"),
    [
        ("stop", "", ("end_turn", None)),
        ("stop", "END", ("stop_sequence", "END")),
        ("stop", "<|im_end|>", ("end_turn", None)),
        ("length", "", ("max_tokens", None)),
    ],
)
def test_why_it_ended(finish: str, word: str, expected: tuple[str, str | None]) -> None:
    answer = gathered([Step(text="x"), Step(finish=finish, stop_word=word, figures=FIGURES)])
    assert stop_reason(request(stop_sequences=("END",)), answer) == expected


def test_arguments_that_were_cut_off_are_an_empty_object() -> None:
    answer = gathered([call(0, '{"loc', name="f", id="a"), Step(finish="length", figures=FIGURES)])
    message = whole_message(request(), answer)
    assert message["content"][0]["input"] == {}
    assert message["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
    ],
)
def test_kinds_of_errors(status: int, kind: str) -> None:
    told = error(DoorError(status, "No."))
    assert (told["type"], told["error"]) == ("error", {"type": kind, "message": "No."})


def test_a_prompt_that_does_not_fit_is_told_in_anthropics_words() -> None:
    assert error(too_long(210_000, 200_000))["error"] == {
        "type": "invalid_request_error",
        "message": "prompt is too long: 210000 tokens > 200000 maximum",
    }
    other = error(DoorError(400, "Too much.", code=TOO_LONG))
    assert other["error"]["message"] == "prompt is too long: Too much."
