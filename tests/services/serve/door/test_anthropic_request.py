"""Anthropic's requests as conversations; examples are those of docs.anthropic.com/en/api/messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.core.thinking import Thinking
from desktop.services.serve.door.anthropic.request import MessagesRequest, count_request, messages_request
from desktop.services.serve.door.failures import DoorError

WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"}},
        "required": ["location"],
    },
}
ASKS = {"role": "user", "content": "What is the weather like in San Francisco?"}
CALLS = {
    "role": "assistant",
    "content": [
        {"type": "text", "text": "I'll check."},
        {"type": "tool_use", "id": "toolu_01", "name": "get_weather", "input": {"location": "San Francisco, CA"}},
    ],
}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "15 degrees"}
SWITCH = Thinking("enable_thinking")


def body(**fields: Any) -> dict[str, Any]:
    found = {"model": "m", "max_tokens": 1024, "messages": [{"role": "user", "content": "Hello, world"}], **fields}
    return {name: value for name, value in found.items() if value is not ...}


def read(**fields: Any) -> MessagesRequest:
    return messages_request(body(**fields))


def conversation(**fields: Any) -> dict[str, Any]:
    request = read(**fields)
    return request.talk.asked(request.options, SWITCH, streams=False).conversation


def refused(**fields: Any) -> DoorError:
    with pytest.raises(DoorError) as caught:
        read(**fields)
    assert caught.value.status == 400
    return caught.value


def test_the_least_request() -> None:
    request = read()
    assert (request.model, request.stream, request.thinks) == ("m", False, False)
    assert request.options == {"n_predict": 1024}
    assert request.talk.messages == [{"role": "user", "content": "Hello, world"}]


def test_system_as_text_and_as_blocks_is_the_first_message() -> None:
    assert read(system="Be brief.").talk.messages[0] == {"role": "system", "content": "Be brief."}
    blocks = [
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be kind."},
    ]
    assert read(system=blocks).talk.messages[0]["content"] == "Be brief.\nBe kind."


@pytest.mark.parametrize(
    "system",
    [
        "x-anthropic-billing-header: cc_version=2.1.101.e51; cc_entrypoint=cli; cch=a5145;You are Claude Code.",
        [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.101.e51; cch=0f1e2;"},
            {"type": "text", "text": "You are Claude Code."},
        ],
    ],
)
def test_a_line_that_changes_with_every_request_does_not_reach_the_model(system: Any) -> None:
    assert read(system=system).talk.messages[0]["content"] == "You are Claude Code."


def test_a_tool_is_called_and_answers() -> None:
    talk = conversation(messages=[ASKS, CALLS, {"role": "user", "content": [RESULT]}], tools=[WEATHER])
    _, said, result = talk["messages"]
    assert said["content"] == "I'll check."
    call = said["tool_calls"][0]
    assert (call["id"], call["function"]["name"]) == ("toolu_01", "get_weather")
    assert json.loads(call["function"]["arguments"]) == {"location": "San Francisco, CA"}
    assert result == {"role": "tool", "tool_call_id": "toolu_01", "content": "15 degrees"}
    assert talk["tools"][0]["function"]["parameters"] == WEATHER["input_schema"]
    assert talk["tool_choice"] == "auto"


def test_words_beside_a_result_come_after_it() -> None:
    turn = {"role": "user", "content": [{"type": "text", "text": "Thanks."}, RESULT]}
    roles = [message["role"] for message in read(messages=[ASKS, CALLS, turn], tools=[WEATHER]).talk.messages]
    assert roles == ["user", "assistant", "tool", "user"]


def test_neighbours_of_one_role_are_one_turn() -> None:
    messages = [{"role": "user", "content": "One."}, {"role": "user", "content": "Two."}]
    assert read(messages=messages).talk.messages == [{"role": "user", "content": "One.\n\nTwo."}]


def test_thoughts_come_back_as_reasoning() -> None:
    thought = {"type": "thinking", "thinking": "Easy.", "signature": "c2ln"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    said = {"role": "assistant", "content": [thought, hidden, {"type": "text", "text": "Four."}]}
    messages = read(messages=[ASKS, said, ASKS]).talk.messages
    assert messages[1] == {"role": "assistant", "content": "Four.", "reasoning_content": "Easy."}


@pytest.mark.parametrize(
    ("choice", "expected"), [("auto", "auto"), ("none", "none"), ("any", "required"), ("tool", "required")]
)
def test_tool_choice(choice: str, expected: str) -> None:
    other = {**WEATHER, "name": "other"}
    chosen = {"type": choice, **({"name": "other"} if choice == "tool" else {}), "disable_parallel_tool_use": True}
    talk = conversation(tools=[WEATHER, other], tool_choice=chosen)
    assert (talk["tool_choice"], talk["parallel_tool_calls"]) == (expected, False)
    names = [tool["function"]["name"] for tool in talk["tools"]]
    assert names == (["other"] if choice == "tool" else ["get_weather", "other"])


def test_thinking_is_on_only_where_it_is_asked_for() -> None:
    assert conversation()["chat_template_kwargs"] == {"enable_thinking": False}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    talk = conversation(thinking=thinking, max_tokens=2048)
    assert talk["chat_template_kwargs"] == {"enable_thinking": True}
    assert talk["thinking_budget_tokens"] == 1024
    assert read(thinking={"type": "adaptive"}).thinks
    begun = [ASKS, {"role": "assistant", "content": "It is"}]
    assert conversation(thinking={"type": "adaptive"}, messages=begun)["chat_template_kwargs"] == {
        "enable_thinking": False
    }


def test_effort_and_a_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    config = {"effort": "max", "format": {"type": "json_schema", "schema": schema}}
    request = read(output_config=config)
    assert (request.talk.effort, request.talk.schema) == ("high", schema)
    assert request.talk.asked({}, SWITCH, streams=False).formed


def test_sampling_and_stop_sequences() -> None:
    request = read(temperature=0.5, top_p=0.9, top_k=5, stop_sequences=["END"])
    assert request.options == {"n_predict": 1024, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop": ["END"]}
    assert request.stop_sequences == ("END",)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ...}, "model"),
        ({"model": ""}, "model"),
        ({"max_tokens": ...}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": ...}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}, "messages[0].content[0].type"),
        ({"messages": [CALLS]}, "messages[0].role"),
        ({"messages": [ASKS, {"role": "user", "content": [RESULT]}]}, "messages[1].content[0].tool_use_id"),
        ({"messages": [ASKS, CALLS, ASKS]}, "messages[2]"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        ({"temperature": 1.5}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"stop_sequences": [" "]}, "stop_sequences"),
        ({"tools": [{**WEATHER, "name": "no spaces"}]}, "tools[0].name"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].name"),
        ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "adaptive"}, "tools": [WEATHER], "tool_choice": {"type": "any"}}, "thinking"),
        ({"mcp_servers": [{"url": "http://x"}]}, "mcp_servers"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    error = refused(**fields)
    assert error.param == param
    assert param in error.message


def test_tokens_are_counted_without_a_limit() -> None:
    model, talk = count_request(body(max_tokens=..., tools=[WEATHER]))
    assert model == "m"
    assert talk.tools[0]["function"]["name"] == "get_weather"


def test_only_a_first_line_of_billing_is_left_out() -> None:
    text = "Explain this header:\nx-anthropic-billing-header: cch=1;"
    assert read(system=text).talk.messages[0]["content"] == text
