"""Ollama's requests and answers; examples are those of github.com/ollama/ollama/blob/main/docs/api.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ollama
import pytest

from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef
from desktop.core.thinking import NO_THINKING
from desktop.services.serve.api import ModelState, ServedModel
from desktop.services.serve.door.answers import Step
from desktop.services.serve.door.conversation import Conversation
from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.gathered import Answer, Figures
from desktop.services.serve.door.model_facts import NOTHING_KNOWN, FactsReader, ModelFacts
from desktop.services.serve.door.ollama.answer import Lines, Times
from desktop.services.serve.door.ollama.models import listed, running, shown
from desktop.services.serve.door.ollama.request import (
    OllamaRequest,
    chat_request,
    embed_request,
    generate_request,
)

WHY = {"role": "user", "content": "why is the sky blue?"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather for a location",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}
CALLS = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"function": {"name": "get_current_weather", "arguments": {"location": "Paris"}}},
        {"function": {"name": "get_time", "arguments": {}}},
    ],
}
FIGURES = Figures(prompt=26, cached=4, generated=298)
MODEL = ServedModel(
    "smollm2-135m", ModelRef("SmolLM2", "/models/a.gguf", (Path("/models/a.gguf"),)), ModelKind.CHAT,
    quantization="Q4_1", architecture="llama", parameters=134_515_008, size_bytes=91_000_000, modified=1_700_000_000,
)  # fmt: skip


def talk(request: OllamaRequest) -> Conversation:
    assert isinstance(request.talk, Conversation)
    return request.talk


def chat(**fields: Any) -> OllamaRequest:
    return chat_request({"model": "m", "messages": [WHY], **fields})


def generate(**fields: Any) -> OllamaRequest:
    return generate_request({"model": "m", "prompt": "Why?", **fields})


def test_a_chat_streams_unless_it_is_told_not_to() -> None:
    assert chat().stream and not chat(stream=False).stream
    assert talk(chat()).messages == [WHY]


def test_options_get_the_engines_names() -> None:
    options = {
        "num_keep": 5, "seed": 42, "num_predict": 100, "top_k": 20, "top_p": 0.9, "min_p": 0.0, "typical_p": 0.7,
        "repeat_last_n": 33, "temperature": 0.8, "repeat_penalty": 1.2, "presence_penalty": 1.5,
        "frequency_penalty": 1.0, "penalize_newline": True, "stop": ["\n", "user:"], "numa": False, "num_ctx": 1024,
        "num_batch": 2, "num_gpu": 1, "main_gpu": 0, "use_mmap": True, "num_thread": 8,
    }  # fmt: skip
    found = generate(options=options).options
    assert (found["n_keep"], found["n_predict"], found["stop"]) == (5, 100, ["\n", "user:"])
    assert found["repeat_penalty"] == 1.2
    assert not {"num_ctx", "num_gpu", "num_thread", "numa", "n_ctx"} & set(found)
    assert "n_predict" not in generate(options={"num_predict": -1}).options


def test_tools_and_their_results_find_each_other() -> None:
    messages = [
        WHY, CALLS,
        {"role": "tool", "tool_name": "get_time", "content": "noon"},
        {"role": "tool", "content": "11 degrees"},
    ]  # fmt: skip
    found = talk(chat(messages=messages, tools=[WEATHER]))
    first, second = found.messages[1]["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {"location": "Paris"}
    assert [message["tool_call_id"] for message in found.messages[2:]] == [second["id"], first["id"]]
    assert found.tools[0]["function"]["name"] == "get_current_weather"


@pytest.mark.parametrize(
    ("think", "expected"), [(True, (True, "")), (False, (False, "")), ("low", (True, "low")), (None, (None, ""))]
)
def test_thinking(think: Any, expected: tuple[bool | None, str]) -> None:
    found = talk(chat(think=think))
    assert (found.thinking, found.effort) == expected


def test_forms() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    assert talk(chat(format=schema)).schema == schema
    assert talk(chat(format="json")).schema == {"type": "object"}
    assert talk(chat(format="")).schema is None
    assert generate(format=schema, raw=True).options["json_schema"] == schema


def test_generate_asks_with_a_system_prompt_or_goes_on_raw() -> None:
    assert talk(generate(system="Be brief.")).messages[0] == {"role": "system", "content": "Be brief."}
    assert generate(raw=True).talk == "Why?"


@pytest.mark.parametrize("keep_alive", [0, "0", "0s", 0.0])
def test_a_model_goes_at_once(keep_alive: Any) -> None:
    assert chat(keep_alive=keep_alive, messages=[]).unloads
    assert chat(keep_alive=keep_alive, messages=[]).talk is None


@pytest.mark.parametrize("keep_alive", [None, -1, "5m", "1h30m", "-1", 300])
def test_a_model_stays(keep_alive: Any) -> None:
    assert not chat(keep_alive=keep_alive).unloads


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{**WHY, "images": [1]}]}, "messages[0].images[0]"),
        ({"messages": [{"role": "system", "content": "x", "images": ["aGk="]}]}, "messages[0].images"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": "hello"}, "messages"),
        ({"options": {"temperature": "hot"}}, "options.temperature"),
        ({"options": {"num_predict": 1.5}}, "options.num_predict"),
        ({"format": "xml"}, "format"),
        ({"think": "hard"}, "think"),
        ({"keep_alive": "long"}, "keep_alive"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ],
)
def test_what_is_wrong_with_a_chat_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(DoorError) as caught:
        chat(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("field", ["suffix", "context", "template"])
def test_what_generate_cannot_do_is_refused_in_words(field: str) -> None:
    with pytest.raises(DoorError) as caught:
        generate(**{field: [1] if field == "context" else "x"})
    assert caught.value.param == field


def test_texts_to_embed() -> None:
    assert embed_request({"model": "m", "input": "a"}).texts == ["a"]
    assert embed_request({"model": "m", "input": ["a", "b"], "dimensions": 8}).dimensions == 8
    assert embed_request({"model": "m", "prompt": "a"}).texts == ["a"]
    with pytest.raises(DoorError):
        embed_request({"model": "m", "input": [1]})


STEPS = [
    Step(reasoning="Hm."),
    Step(text="The sky"),
    Step(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}]),
    Step(finish="tool_calls", figures=FIGURES),
]


def answered(lines: Lines) -> tuple[list[dict[str, Any]], Answer]:
    answer = Answer()
    told = [line for step in STEPS for line in lines.step(answer.take(step))]
    return [*told, *lines.calls(answer), lines.done(answer, Times(4.5, 0.5, 1.0, 3.0))], answer


def test_the_lines_of_a_chat_are_those_of_the_client() -> None:
    told, answer = answered(Lines("m", chats=True))
    found = [ollama.ChatResponse.model_validate(line) for line in told]
    assert found[0].message.thinking == "Hm."
    assert "".join(line.message.content or "" for line in found) == "The sky"
    assert found[2].message.tool_calls is not None
    assert found[2].message.tool_calls[0].function.arguments == {"x": 1}
    last = found[-1]
    assert (last.done, last.done_reason, last.eval_count, last.prompt_eval_count) == (True, "stop", 298, 26)
    assert (last.total_duration, last.load_duration) == (4_500_000_000, 500_000_000)
    assert (last.prompt_eval_duration, last.eval_duration) == (1_000_000_000, 3_000_000_000)
    whole = ollama.ChatResponse.model_validate(Lines("m", chats=True).whole(answer, Times()))
    assert (whole.message.content, whole.message.thinking) == ("The sky", "Hm.")
    assert whole.message.tool_calls is not None


def test_the_lines_of_generate() -> None:
    answer = Answer()
    lines = Lines("m", chats=False)
    (line,) = lines.step(answer.take(Step(text="Blue.")))
    assert ollama.GenerateResponse.model_validate(line).response == "Blue."
    answer.take(Step(finish="length", figures=FIGURES))
    assert lines.done(answer, Times())["done_reason"] == "length"
    assert lines.nothing("load")["done_reason"] == "load"


def test_lists_are_those_of_the_client() -> None:
    found = ollama.ListResponse.model_validate({"models": [listed(MODEL, 4096)]}).models[0]
    assert (found.model, found.size) == ("smollm2-135m", 91_000_000)
    assert found.details is not None
    assert (found.details.parameter_size, found.details.quantization_level) == ("135M", "Q4_1")
    state = ModelState(MODEL, "ready", memory_bytes=300_000_000, idle_until=1_800_000_000)
    held = ollama.ProcessResponse.model_validate({"models": [running(state, 1.0)]}).models[0]
    assert held.size == 300_000_000
    assert held.expires_at is not None and held.expires_at.year == 2027


def test_what_a_model_is() -> None:
    facts = ModelFacts(
        {"general.architecture": "llama", "llama.context_length": 8192}, "{{ messages }}", tools=True, thinks=True
    )
    found = ollama.ShowResponse.model_validate(shown(MODEL, facts, 4096))
    assert found.capabilities == ["completion", "tools", "thinking"]
    assert found.modelinfo == {"general.architecture": "llama", "llama.context_length": 4096}
    embedder = ServedModel("e", MODEL.ref, ModelKind.EMBEDDING)
    assert shown(embedder, facts, 512)["capabilities"] == ["embedding"]


def test_nothing_is_known_of_a_file_that_is_gone() -> None:
    facts = FactsReader().of(MODEL)
    assert facts is NOTHING_KNOWN
    assert facts.thinking == NO_THINKING
