"""The real openai client's Responses against the door, before llama.cpp's server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import openai
import pytest
from pydantic import BaseModel
from support.lending import KEY
from support.talkers import SAID, THOUGHT, TOLD, WEATHER

from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine
ASKED = "What is the capital of France?"
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a place",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
        "additionalProperties": False,
    },
}


class Of(Protocol):
    """Makes a client of a door, which is closed with the test."""

    def __call__(self, door: Door, key: str = KEY) -> openai.OpenAI: ...


@pytest.fixture
def of() -> Iterator[Of]:
    with ExitStack() as stack:

        def made(door: Door, key: str = KEY) -> openai.OpenAI:
            return stack.enter_context(openai.OpenAI(base_url=f"{door.address}/v1", api_key=key, max_retries=0))

        yield made


def test_a_response(starter: Door, of: Of) -> None:
    response = of(starter).responses.create(model="starter", input=ASKED, max_output_tokens=24, temperature=0)
    assert len(response.output_text) > 10
    assert response.usage is not None
    assert response.usage.input_tokens > 10
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_a_stream_says_the_same(starter: Door, of: Of) -> None:
    ask: dict[str, Any] = {"model": "starter", "input": ASKED, "max_output_tokens": 24, "temperature": 0}
    whole = of(starter).responses.create(**ask)
    events = list(of(starter).responses.create(**ask, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 3
    assert "".join(deltas) == whole.output_text
    assert events[-1].type == f"response.{whole.status}"
    assert events[-1].response.output_text == whole.output_text


def test_it_says_that_it_was_cut_off(starter: Door, of: Of) -> None:
    response = of(starter).responses.create(model="starter", input=ASKED, max_output_tokens=2, temperature=0)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


def test_a_response_goes_on_from_another_and_can_be_forgotten(starter: Door, of: Of) -> None:
    client = of(starter)
    first = client.responses.create(model="starter", input=ASKED, max_output_tokens=12, temperature=0)
    second = client.responses.create(
        model="starter", input="And of Italy?", previous_response_id=first.id, max_output_tokens=12, temperature=0
    )
    assert second.previous_response_id == first.id
    assert first.usage is not None and second.usage is not None
    assert second.usage.input_tokens > first.usage.total_tokens
    assert client.responses.retrieve(first.id).output_text == first.output_text
    assert client.responses.input_items.list(second.id).data[0].content[0].text == "And of Italy?"  # type: ignore[index]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as gone:
        client.responses.create(model="starter", input="x", previous_response_id=first.id)
    assert gone.value.param == "previous_response_id"
    unkept = client.responses.create(model="starter", input=ASKED, store=False, max_output_tokens=1)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(unkept.id)


def test_tokens_are_counted(starter: Door, of: Of) -> None:
    client = of(starter)
    counted = client.responses.input_tokens.count(model="starter", input=ASKED)
    response = client.responses.create(model="starter", input=ASKED, max_output_tokens=1)
    assert response.usage is not None
    assert counted.input_tokens == response.usage.input_tokens


class Capital(BaseModel):
    """What is asked for."""

    city: str


def test_an_answer_follows_a_schema(starter: Door, of: Of) -> None:
    response = of(starter).responses.parse(
        model="starter", input=ASKED, text_format=Capital, max_output_tokens=40, temperature=0
    )
    assert isinstance(response.output_parsed, Capital)


def test_a_tool_is_called_and_its_result_told(calling: Door, of: Of) -> None:
    client = of(calling)
    first = client.responses.create(model="caller", input=ASKED, tools=[TOOL])
    call = first.output[-1]
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("get_weather", WEATHER)
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "15 degrees"}
    told = client.responses.create(model="caller", previous_response_id=first.id, input=[output], tools=[TOOL])
    assert told.output_text.endswith(TOLD)
    sent: Any = [{"role": "user", "content": ASKED}, *first.output, output]
    again = client.responses.create(model="caller", input=sent, tools=[TOOL], store=False)
    assert again.output_text == told.output_text


def test_a_call_streams(calling: Door, of: Of) -> None:
    with of(calling).responses.stream(model="caller", input=ASKED, tools=[TOOL]) as stream:
        grown = [event.delta for event in stream if event.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    assert json.loads("".join(grown)) == WEATHER
    call = final.output[-1]
    assert call.type == "function_call"
    assert json.loads(call.arguments) == WEATHER


def test_thoughts_are_an_item_and_come_back(thinking: Door, of: Of) -> None:
    client = of(thinking)
    ask: dict[str, Any] = {"model": "thinker", "include": ["reasoning.encrypted_content"], "store": False}
    first = client.responses.create(**ask, input=ASKED)
    thought, message = first.output
    assert thought.type == "reasoning" and message.type == "message"
    assert thought.content is not None
    assert (thought.content[0].text.strip(), first.output_text) == (THOUGHT, SAID)
    assert first.usage is not None
    assert 0 < first.usage.output_tokens_details.reasoning_tokens < first.usage.output_tokens
    carried = thought.model_copy(update={"content": None})
    talk: Any = [{"role": "user", "content": ASKED}, carried, message, {"role": "user", "content": "Again!"}]
    events = list(client.responses.create(**ask, input=talk, stream=True))
    told = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert "".join(told).strip() == THOUGHT


def test_tools_of_openais_own_are_refused_in_words(starter: Door, of: Of) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        of(starter).responses.create(model="starter", input=ASKED, tools=[{"type": "web_search"}])
    assert refused.value.param == "tools[0].type"
    assert "offer a function of your own" in str(refused.value)
    with pytest.raises(openai.NotFoundError):
        of(starter).responses.create(model="gpt-5", input=ASKED)
