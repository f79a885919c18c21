"""Requests of OpenAI's Responses as conversations; examples are those of platform.openai.com/docs/api-reference."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.core.thinking import NO_THINKING, Thinking
from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.responses.items import carried
from desktop.services.serve.door.responses.request import ResponsesRequest, responses_request
from desktop.services.serve.door.responses.store import ResponseStore

WEATHER = {
    "type": "function",
    "name": "get_current_weather",
    "description": "Get the current weather in a given location",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
OTHER = {"type": "function", "name": "other", "parameters": None}
ASKS = {"role": "user", "content": "What is the weather like in Boston today?"}
CALL = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_current_weather",
    "arguments": '{"location":"Boston"}',
}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "15 degrees"}


def read(kept: ResponseStore | None = None, **fields: Any) -> ResponsesRequest:
    found = {"model": "m", "input": "Tell me a story.", **fields}
    given = {name: value for name, value in found.items() if value is not ...}
    return responses_request(given, kept or ResponseStore(), lambda: 1000.5)


def conversation(**fields: Any) -> dict[str, Any]:
    request = read(**fields)
    return request.talk.asked(request.options, NO_THINKING, streams=False).conversation


def test_text_is_one_message_and_instructions_come_first() -> None:
    request = read(instructions="Be brief.", max_output_tokens=5)
    assert request.talk.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Tell me a story."},
    ]
    assert request.options == {"n_predict": 5}
    assert (request.store, request.created_at) == (True, 1000)


def test_items_of_an_answer_are_one_message_again() -> None:
    items = [
        ASKS,
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I'll look."}]},
        CALL,
        OUTPUT,
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
    ]
    _, said, result, told = read(input=items).talk.messages
    assert (said["reasoning_content"], said["content"]) == ("Hm.", "I'll look.")
    assert said["tool_calls"][0]["function"] == {"name": CALL["name"], "arguments": CALL["arguments"]}
    assert result == {"role": "tool", "tool_call_id": "call_1", "content": "15 degrees"}
    assert told == {"role": "system", "content": "Be kind."}


def test_two_answers_in_a_row_stay_two() -> None:
    said = {"role": "assistant", "content": "One."}
    messages = read(input=[ASKS, said, {**said, "content": "Two."}]).talk.messages
    assert [message["content"] for message in messages[1:]] == ["One.", "Two."]


@pytest.mark.parametrize(
    "fields",
    [
        {"encrypted_content": carried("Hm.")},
        {"summary": [{"type": "summary_text", "text": "Hm."}]},
        {"content": [{"type": "reasoning_text", "text": "Hm."}], "encrypted_content": carried("Other.")},
    ],
)
def test_a_thought_comes_back_in_each_way_that_clients_send_it(fields: dict[str, Any]) -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], **fields}
    assert read(input=[ASKS, item, CALL, OUTPUT]).talk.messages[1]["reasoning_content"] == "Hm."


@pytest.mark.parametrize(
    ("choice", "expected", "names"),
    [
        ("auto", "auto", ["get_current_weather", "other"]),
        ("none", "none", ["get_current_weather", "other"]),
        ("required", "required", ["get_current_weather", "other"]),
        ({"type": "function", "name": "other"}, "required", ["other"]),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "other"}]},
            "auto",
            ["other"],
        ),
    ],
)
def test_tool_choice(choice: Any, expected: str, names: list[str]) -> None:
    talk = conversation(tools=[WEATHER, OTHER], tool_choice=choice)
    assert talk["tool_choice"] == expected
    assert [tool["function"]["name"] for tool in talk["tools"]] == names
    assert read(tools=[WEATHER, OTHER], tool_choice=choice).echo["tool_choice"] == choice


def test_tools_that_openai_runs_are_left_out_beside_functions() -> None:
    request = read(tools=[{"type": "web_search"}, WEATHER, {"type": "namespace", "name": "x", "tools": []}])
    assert [tool["function"]["name"] for tool in request.talk.tools] == ["get_current_weather"]
    assert [tool["name"] for tool in request.echo["tools"]] == ["get_current_weather"]


def test_what_an_answer_repeats_has_every_field() -> None:
    echo = read(tools=[OTHER], text={"format": {"type": "json_object"}}, metadata={"a": "b"}, temperature=0.2).echo
    assert echo["tools"] == [
        {"type": "function", "name": "other", "description": None, "parameters": None, "strict": True}
    ]
    assert (echo["temperature"], echo["top_p"], echo["truncation"]) == (0.2, 1.0, "disabled")
    assert echo["text"] == {"format": {"type": "json_object"}, "verbosity": "medium"}
    assert echo["metadata"] == {"a": "b"}


def test_forms_effort_and_log_probabilities() -> None:
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "name": "f", "schema": schema, "strict": True}
    request = read(text={"format": form}, reasoning={"effort": "minimal"}, include=["message.output_text.logprobs"])
    assert (request.talk.schema, request.talk.effort) == (schema, "low")
    assert request.options["n_probs"] == 1
    assert read(text={"format": {"type": "json_object"}}).talk.schema == {"type": "object"}
    off = read(reasoning={"effort": "none"})
    asked = off.talk.asked({}, Thinking("enable_thinking"), streams=False)
    assert asked.conversation["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_request_goes_on_from_an_earlier_response() -> None:
    kept = ResponseStore()
    first = read(kept, input="My name is Ada.")
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}
    kept.keep({"id": "resp_1", "output": [said]}, first.items, first.new_items)
    request = read(kept, previous_response_id="resp_1", input=[{"type": "item_reference", "id": "msg_1"}, ASKS])
    contents = [message["content"] for message in request.talk.messages]
    assert contents == ["My name is Ada.", "Hi.", "Hi.", ASKS["content"]]
    assert request.new_items == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ...}, "model"),
        ({"input": ...}, "input"),
        ({"input": 7}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0]"),
        ({"input": [OUTPUT]}, "input[0].call_id"),
        ({"input": [{"type": "web_search_call"}]}, "input[0].type"),
        ({"input": [{"type": "item_reference", "id": "msg_9"}]}, "input[0].id"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [WEATHER], "tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "name": "x"}}, "tool_choice.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"temperature": 3}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"truncation": "auto"}, "truncation"),
        ({"include": ["everything"]}, "include[0]"),
        ({"include": ["message.output_text.logprobs"], "tools": [WEATHER]}, "include"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
        ({"previous_response_id": "resp_0"}, "previous_response_id"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(DoorError) as caught:
        read(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_the_store_keeps_the_latest_within_its_room() -> None:
    kept = ResponseStore(most_bytes=3000)
    for number in range(5):
        kept.keep({"id": f"resp_{number}", "output": [{"id": f"msg_{number}", "text": "x" * 900}]}, [], 0)
    assert kept.response("resp_0") is None and kept.item("msg_0") is None
    assert kept.response("resp_4") is not None and kept.item("msg_4") is not None
    kept.keep({"id": "resp_large", "output": [{"text": "x" * 4000}]}, [], 0)
    assert kept.response("resp_large") is None and kept.response("resp_4") is not None
    assert kept.forget("resp_4") and not kept.forget("resp_4")
