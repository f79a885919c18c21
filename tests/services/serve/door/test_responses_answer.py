"""Answers as OpenAI's Responses tell them, held to the types of its own client."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.gathered import Answer, Figures
from desktop.services.serve.door.responses.answer import ResponseEvents, whole_response
from desktop.services.serve.door.responses.request import ResponsesRequest, responses_request
from desktop.services.serve.door.responses.store import ResponseStore

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
FIGURES = Figures(prompt=20, cached=8, generated=9, reasoning=2)
LOGPROB = {
    "id": 3,
    "token": "Hi",
    "bytes": [72, 105],
    "logprob": -0.5,
    "top_logprobs": [{"token": "Hi", "logprob": -0.5}],
}
STEPS = [
    Step(reasoning="Hm, "),
    Step(reasoning="yes."),
    Step(text="Hi", logprobs=[LOGPROB]),
    Step(text="."),
    Step(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]),
    Step(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
    Step(tool_calls=[{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]),
    Step(finish="tool_calls", figures=FIGURES),
]


def request(**fields: Any) -> ResponsesRequest:
    return responses_request({"model": "m", "input": "Hello", **fields}, ResponseStore(), lambda: 1000)


def streamed(asked: ResponsesRequest, steps: list[Step]) -> list[dict[str, Any]]:
    answer, events = Answer(), ResponseEvents(asked, lambda: 1005)
    found = events.start()
    for step in steps:
        found += events.step(answer, answer.take(step))
    return found + events.end(answer)


def gathered(steps: list[Step]) -> Answer:
    answer = Answer()
    for step in steps:
        answer.take(step)
    return answer


def test_the_order_of_a_stream() -> None:
    told = streamed(request(), STEPS)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta",
        "reasoning_text.done", "content_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    added = [event for event in told if event["type"] == "response.output_item.added"]
    assert [event["output_index"] for event in added] == [0, 1, 2, 3]
    assert all(event["item"]["status"] == "in_progress" for event in added)
    assert told[0]["response"]["output"] == []


def test_every_event_is_one_of_the_client() -> None:
    for event in streamed(request(include=["reasoning.encrypted_content"]), STEPS):
        EVENT.validate_python(event)


def test_thoughts_stand_where_a_summary_was_asked_for() -> None:
    told = streamed(request(reasoning={"summary": "auto"}), STEPS)
    assert [event["type"].removeprefix("response.") for event in told[2:9]] == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done",
        "output_item.done",
    ]  # fmt: skip
    for event in told:
        EVENT.validate_python(event)
    thought = told[-1]["response"]["output"][0]
    assert thought["summary"] == [{"type": "summary_text", "text": "Hm, yes."}]
    assert thought["content"] == []


def test_a_stream_ends_with_the_whole_response() -> None:
    last = streamed(request(), STEPS)[-1]["response"]
    whole = whole_response(request(), gathered(STEPS))
    response = Response.model_validate(last)
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call", "function_call"]
    assert response.output_text == "Hi."
    assert response.status == "completed"
    for document in (last, whole):
        for item in document["output"]:
            item.pop("id")
    assert whole["output"] == last["output"]
    assert set(whole) == set(last)
    assert whole["usage"] == {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 29,
    }


def test_calls_have_ids_of_their_own_kind() -> None:
    call = whole_response(request(), gathered(STEPS))["output"][2]
    assert (call["call_id"], call["name"], call["arguments"]) == ("call_a", "f", '{"x":1}')
    assert call["id"].startswith("fc_")


def test_as_many_alternatives_as_were_asked_for() -> None:
    for count in (0, 1):
        output = whole_response(request(top_logprobs=count), gathered(STEPS))["output"]
        assert len(output[1]["content"][0]["logprobs"][0]["top_logprobs"]) == count


def test_thoughts_are_carried_where_that_is_asked_for() -> None:
    assert whole_response(request(), gathered(STEPS))["output"][0].get("encrypted_content") is None
    asked = request(include=["reasoning.encrypted_content"])
    assert whole_response(asked, gathered(STEPS))["output"][0]["encrypted_content"].startswith("heft:")


def test_an_answer_that_is_cut_off_is_incomplete() -> None:
    told = streamed(request(), [Step(text="Once"), Step(finish="length", figures=FIGURES)])
    assert told[-1]["type"] == "response.incomplete"
    assert told[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert told[-1]["response"]["output"][0]["status"] == "incomplete"
    assert told[-1]["response"]["completed_at"] is None


def test_a_stream_that_breaks_off_has_failed() -> None:
    events = ResponseEvents(request())
    events.start()
    (failed,) = events.failed("The engine broke its answer off.")
    assert Response.model_validate(failed["response"]).status == "failed"
    assert EVENT.validate_python(failed).response.error.message == "The engine broke its answer off."


@pytest.mark.parametrize("steps", [[Step(finish="stop", figures=FIGURES)]])
def test_an_empty_answer_has_no_output(steps: list[Step]) -> None:
    assert whole_response(request(), gathered(steps))["output"] == []
