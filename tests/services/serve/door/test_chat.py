"""Chat completions before a scripted engine: what is asked of it, and what clients get."""

from __future__ import annotations

from typing import Any

import pytest
from support import scripted_answers as said
from support.chat_requests import HELLO, TOOL, ask, chunks, plain
from support.lending import KEY, OneAddress, loaded_as, open_door
from support.raw_http import request
from support.scripted_server import END, STREAM, ScriptedServer, event

from desktop.services.serve.door.door import Door


def test_a_whole_answer_has_every_field_that_openai_has(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you")
    answer = ask(door).json
    assert set(answer) == {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
    assert (answer["object"], answer["model"]) == ("chat.completion", "talker")
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello you", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert answer["usage"] == {
        "prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip


def test_a_stream_begins_with_the_role_and_ends_with_the_usage(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you")
    found = chunks(ask(door, stream=True, stream_options={"include_usage": True}))
    assert {chunk["id"] for chunk in found} == {found[0]["id"]}
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}
    assert [chunk["choices"][0]["delta"] for chunk in found[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None}, {"content": "Hello"}, {"content": " you"}, {},
    ]  # fmt: skip
    assert [chunk["choices"][0]["finish_reason"] for chunk in found[:-1]] == [None, None, None, "stop"]
    assert all(chunk["usage"] is None for chunk in found[:-1])
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["total_tokens"] == 11


def test_without_include_usage_no_chunk_speaks_of_it(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello")
    assert not any("usage" in chunk for chunk in chunks(ask(door, stream=True)))


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_is_told_apart(door: Door, engine: ScriptedServer, stream: bool) -> None:
    plain(engine, "I", " think", "</think>", "\n\n", "Paris", prompt="<|im_start|>assistant\n<think>\n")
    answered = ask(door, stream=stream)
    if stream:
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks(answered)]
        assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "I think"
        assert "".join(delta.get("content", "") for delta in deltas).strip() == "Paris"
    else:
        message = answered.json["choices"][0]["message"]
        assert (message["reasoning_content"], message["content"].strip()) == ("I think", "Paris")
        assert answered.json["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


@pytest.mark.parametrize(("stop", "finish"), [("eos", "stop"), ("word", "stop"), ("limit", "length")])
def test_how_it_ended_is_said(door: Door, engine: ScriptedServer, stop: str, finish: str) -> None:
    plain(engine, "Hello", stop=stop, word="!" if stop == "word" else "")
    assert ask(door).json["choices"][0]["finish_reason"] == finish


def test_what_was_asked_for_reaches_the_engine(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello")
    fields: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "seed": -3, "stop": "END", "presence_penalty": 1, "frequency_penalty": -1,
        "logit_bias": {"12": -100}, "max_tokens": 7, "max_completion_tokens": 5, "top_k": 3, "min_p": 0.1,
        "user": "me", "metadata": {"a": "b"}, "store": True, "unknown": {"of": ["nobody"]}, "top_logprobs": None,
    }  # fmt: skip
    assert ask(door, **fields).status == 200
    (_, _, rendered), (path, _, asked) = engine.requests
    assert rendered == {"messages": HELLO}
    assert path == "/completion"
    assert asked["prompt"] == "<|im_start|>assistant\n"
    expected = {
        "temperature": 0.5, "top_p": 0.9, "seed": 2**31 - 3, "stop": ["END"], "presence_penalty": 1,
        "frequency_penalty": -1, "logit_bias": [[12, -100]], "n_predict": 5, "top_k": 3, "min_p": 0.1,
        "cache_prompt": True,
    }  # fmt: skip
    assert {name: asked[name] for name in expected} == expected
    assert not {"user", "metadata", "store", "unknown", "max_tokens"} & set(asked)


def test_roles_and_parts_reach_the_engine(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello")
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}],
            "name": "ann",
        },
        {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": "It rains.", "reasoning_content": "rain"},
        {"role": "user", "content": "And now?"},
    ]
    assert ask(door, messages=messages).status == 200
    sent = engine.requests[0][2]["messages"]
    assert sent[0] == {"role": "system", "content": "Be brief."}
    assert sent[1] == {
        "role": "user", "name": "ann", "content": messages[1]["content"],
    }  # fmt: skip
    assert sent[2] == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert sent[3:] == [*messages[3:]]


@pytest.mark.parametrize(
    ("effort", "arguments"),
    [("none", {"enable_thinking": False, "thinking": False}), ("high", {"reasoning_effort": "high"})],
)
def test_how_much_it_thinks(door: Door, engine: ScriptedServer, effort: str, arguments: dict[str, Any]) -> None:
    plain(engine, "Hello")
    assert ask(door, reasoning_effort=effort, chat_template_kwargs={"x": 1}).status == 200
    assert engine.requests[0][2]["chat_template_kwargs"] == {"x": 1, **arguments}


def test_a_model_without_a_template_ends_where_chatml_does(lender: OneAddress, engine: ScriptedServer) -> None:
    lender.loaded = loaded_as("chatml")
    with open_door(lender) as door:
        plain(engine, "Hello")
        assert ask(door, stop=["END"]).status == 200
    assert engine.requests[1][2]["stop"] == ["END", "<|im_end|>"]


def test_logprobs(door: Door, engine: ScriptedServer) -> None:
    alternatives = [
        {"id": 1, "token": "Hi", "bytes": [72, 105], "logprob": -0.1},
        {"id": 2, "token": "No", "bytes": [78, 111], "logprob": -3.4e38},
    ]
    entry = {**alternatives[0], "top_logprobs": alternatives}
    engine.answers += [
        said.prompt("p"),
        (STREAM, event(said.token("Hi", 1, completion_probabilities=[entry])), event(said.last(1)), END),
    ]
    answer = ask(door, logprobs=True, top_logprobs=2).json
    assert answer["choices"][0]["logprobs"] == {
        "content": [
            {
                "token": "Hi", "logprob": -0.1, "bytes": [72, 105],
                "top_logprobs": [
                    {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]},
                    {"token": "No", "logprob": -9999.0, "bytes": [78, 111]},
                ],
            }
        ],
        "refusal": None,
    }  # fmt: skip
    assert engine.requests[1][2]["n_probs"] == 2


@pytest.mark.parametrize("stream", [False, True])
def test_several_choices(door: Door, engine: ScriptedServer, stream: bool) -> None:
    engine.answers += [said.prompt("p"), *(said.completion(["Hello"]) for _ in range(3))]
    answered = ask(door, n=3, seed=5, stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
    if stream:
        found = chunks(answered)
        words: dict[int, str] = {}
        for chunk in found[:-1]:
            choice = chunk["choices"][0]
            words[choice["index"]] = words.get(choice["index"], "") + choice["delta"].get("content", "")
        assert words == {0: "Hello", 1: "Hello", 2: "Hello"}
        usage = found[-1]["usage"]
    else:
        assert [choice["index"] for choice in answered.json["choices"]] == [0, 1, 2]
        usage = answered.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (9, 3)
    assert sorted(body["seed"] for path, _, body in engine.requests if path == "/completion") == [5, 6, 7]


def test_a_call_of_a_tool(door: Door, engine: ScriptedServer) -> None:
    calls: list[dict[str, Any]] = [
        {
            "tool_calls": [
                {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
    ]
    script = (
        STREAM,
        *(said.chat_event(call) for call in calls),
        said.chat_event({}, "tool_calls"),
        said.chat_usage(20, 8, 3),
        END,
    )
    engine.answers += [script, script]
    choice = ask(door, tools=[TOOL]).json["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"a":1}'}}
    ]
    found = chunks(ask(door, tools=[TOOL], stream=True))
    assert [call for chunk in found for call in chunk["choices"][0]["delta"].get("tool_calls", [])] == [
        each["tool_calls"][0] for each in calls
    ]
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
    path, _, asked = engine.requests[0]
    assert path == "/v1/chat/completions"
    assert asked["tools"][0]["function"]["name"] == "weather"


def test_a_named_tool_is_the_only_one_that_the_engine_gets(door: Door, engine: ScriptedServer) -> None:
    other = {"type": "function", "function": {"name": "other"}}
    script = (STREAM, said.chat_event({"content": "x"}), said.chat_event({}, "stop"), said.chat_usage(1, 1), END)
    engine.answers += [script, script]
    named = {"type": "function", "function": {"name": "weather"}}
    assert ask(door, tools=[other, TOOL], tool_choice=named, parallel_tool_calls=False).status == 200
    asked = engine.requests[0][2]
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["weather"]
    assert (asked["tool_choice"], asked["parallel_tool_calls"]) == ("required", False)
    engine.answers[:] = [said.prompt("p"), said.completion(["Hello"])]
    assert ask(door, tools=[TOOL], tool_choice="none").json["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize(
    ("format", "schema"),
    [
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array"}}}, {"type": "array"}),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}, {"type": "object"}),
    ],
)
def test_a_form_reaches_the_engine(
    door: Door, engine: ScriptedServer, format: dict[str, Any], schema: dict[str, Any]
) -> None:
    engine.answers.append(
        (STREAM, said.chat_event({"content": "{}"}), said.chat_event({}, "stop"), said.chat_usage(5, 1), END)
    )
    assert ask(door, response_format=format).json["choices"][0]["message"]["content"] == "{}"
    assert engine.requests[0][2]["json_schema"] == schema


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_the_engine_cannot_take_apart_comes_as_text(
    door: Door, engine: ScriptedServer, stream: bool
) -> None:
    engine.answers += [
        (STREAM, said.OFF_FORM, END), said.prompt("p"), said.completion(["No", " tool", " here"]),
    ]  # fmt: skip
    answered = ask(door, tools=[TOOL], stream=stream)
    if stream:
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks(answered))
    else:
        text = answered.json["choices"][0]["message"]["content"]
    assert text == "No tool here"


def test_words_that_were_sent_on_stay_where_the_end_has_no_form(door: Door, engine: ScriptedServer) -> None:
    engine.answers.append((STREAM, said.chat_event({"content": "Almost"}), said.OFF_FORM, END))
    found = chunks(ask(door, tools=[TOOL], stream=True))
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in found) == "Almost"
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_whole_answer_is_asked_for_again_where_its_end_has_no_form(door: Door, engine: ScriptedServer) -> None:
    engine.answers += [
        (STREAM, said.chat_event({"content": "Almost"}), said.OFF_FORM, END), said.prompt("p"),
        said.completion(["All", " of", " it"]),
    ]  # fmt: skip
    assert ask(door, tools=[TOOL]).json["choices"][0]["message"]["content"] == "All of it"


def test_slashes_and_the_prefix_do_not_matter(door: Door, engine: ScriptedServer) -> None:
    for path in ("/chat/completions", "//v1//chat/completions", "/v1/chat/completions/"):
        plain(engine, "Hello")
        assert request(door.address, path, {"model": "talker", "messages": HELLO}, key=KEY).status == 200, path


def test_a_long_conversation_reaches_the_engine_whole(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello")
    messages = [{"role": "user", "content": "word " * 200_000}]
    assert ask(door, messages=messages).status == 200
    assert engine.requests[0][2]["messages"] == messages
