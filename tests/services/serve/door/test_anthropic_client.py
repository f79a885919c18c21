"""The real anthropic client against the door, before llama.cpp's server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import anthropic
import pytest
from support.lending import KEY
from support.talkers import SAID, THOUGHT, TOLD, WEATHER

from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine
ASKED: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
GREEDY = {"temperature": 0}
TOOL: Any = {
    "name": "get_weather",
    "description": "The weather of a place",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}


class Of(Protocol):
    """Makes a client of a door, which is closed with the test."""

    def __call__(self, door: Door, key: str = KEY) -> anthropic.Anthropic: ...


@pytest.fixture
def of() -> Iterator[Of]:
    with ExitStack() as stack:

        def made(door: Door, key: str = KEY) -> anthropic.Anthropic:
            return stack.enter_context(anthropic.Anthropic(base_url=door.address, api_key=key, max_retries=0))

        yield made


def test_a_message(starter: Door, of: Of) -> None:
    message = of(starter).messages.create(model="starter", max_tokens=24, messages=ASKED, extra_body=GREEDY)
    assert [block.type for block in message.content] == ["text"]
    assert len(message.content[0].text) > 10
    assert (message.model, message.role, message.type) == ("starter", "assistant", "message")
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 10
    assert message.usage.output_tokens > 3


def test_a_stream_says_the_same(starter: Door, of: Of) -> None:
    whole = of(starter).messages.create(model="starter", max_tokens=24, messages=ASKED, extra_body=GREEDY)
    with of(starter).messages.stream(model="starter", max_tokens=24, messages=ASKED, extra_body=GREEDY) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(texts) > 3
    assert "".join(texts) == whole.content[0].text == final.content[0].text
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens + (final.usage.cache_read_input_tokens or 0) > 10


def test_it_says_why_it_stopped(starter: Door, of: Of) -> None:
    ask: dict[str, Any] = {"model": "starter", "messages": ASKED, "extra_body": GREEDY}
    client = of(starter)
    assert client.messages.create(**ask, max_tokens=2).stop_reason == "max_tokens"
    word = client.messages.create(**ask, max_tokens=24).content[0].text.split()[3]
    stopped = client.messages.create(**ask, max_tokens=24, stop_sequences=["nowhere", word])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", word)
    assert word not in stopped.content[0].text


def test_what_was_begun_is_continued(starter: Door, of: Of) -> None:
    begun = [*ASKED, {"role": "assistant", "content": "The capital of France is"}]
    message = of(starter).messages.create(model="starter", max_tokens=8, messages=begun, extra_body=GREEDY)
    assert "Paris" in message.content[0].text
    assert "capital of France is" not in message.content[0].text


def test_tokens_are_counted(starter: Door, of: Of) -> None:
    client = of(starter)
    counted = client.messages.count_tokens(model="starter", messages=ASKED, system="Be brief.")
    message = client.messages.create(model="starter", max_tokens=1, messages=ASKED, system="Be brief.")
    assert counted.input_tokens == message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0)


def test_models(starter: Door, of: Of) -> None:
    client = of(starter)
    assert [model.id for model in client.models.list()] == ["starter"]
    assert client.models.retrieve("starter:latest").type == "model"


def test_a_tool_is_called_and_its_result_told(calling: Door, of: Of) -> None:
    client = of(calling)
    first = client.messages.create(model="caller", max_tokens=200, messages=ASKED, tools=[TOOL])
    assert first.stop_reason == "tool_use"
    used = first.content[-1]
    assert (used.type, used.name, used.input) == ("tool_use", "get_weather", WEATHER)
    result: Any = {"type": "tool_result", "tool_use_id": used.id, "content": "15 degrees"}
    talk = [*ASKED, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(model="caller", max_tokens=200, messages=talk, tools=[TOOL])
    assert second.content[0].text.endswith(TOLD)
    assert second.stop_reason == "end_turn"


def test_a_call_streams(calling: Door, of: Of) -> None:
    with of(calling).messages.stream(model="caller", max_tokens=200, messages=ASKED, tools=[TOOL]) as stream:
        parts = [event.delta.partial_json for event in stream if event.type == "content_block_delta"]
        final = stream.get_final_message()
    assert len(parts) > 1
    assert (final.content[-1].input, final.stop_reason) == (WEATHER, "tool_use")


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
def test_a_tool_is_called_when_it_has_to_be(calling: Door, choice: Any, of: Of) -> None:
    other: Any = {**TOOL, "name": "other"}
    client = of(calling)
    message = client.messages.create(
        model="caller", max_tokens=200, messages=ASKED, tools=[other, TOOL], tool_choice=choice
    )
    assert message.content[-1].name == "get_weather"


def test_thoughts_have_a_block_and_come_back(thinking: Door, of: Of) -> None:
    client = of(thinking)
    ask: dict[str, Any] = {
        "model": "thinker",
        "max_tokens": 2000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    first = client.messages.create(**ask, messages=ASKED)
    assert [block.type for block in first.content] == ["thinking", "text"]
    assert (first.content[0].thinking.strip(), first.content[1].text) == (THOUGHT, SAID)
    assert first.content[0].signature
    talk = [*ASKED, {"role": "assistant", "content": first.content}, *ASKED]
    with client.messages.stream(**ask, messages=talk) as stream:
        final = stream.get_final_message()
    assert (final.content[0].thinking.strip(), final.content[1].text) == (THOUGHT, SAID)
    assert final.content[0].signature == first.content[0].signature


def test_without_thinking_the_answer_comes_first(thinking: Door, of: Of) -> None:
    message = of(thinking).messages.create(model="thinker", max_tokens=200, messages=ASKED)
    assert [(block.type, block.text) for block in message.content] == [("text", SAID)]


def test_errors_are_the_clients_own_classes(starter: Door, of: Of) -> None:
    ask: dict[str, Any] = {"max_tokens": 5, "messages": ASKED}
    with pytest.raises(anthropic.NotFoundError) as unknown:
        of(starter).messages.create(model="claude-x", **ask)
    assert unknown.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]
    with pytest.raises(anthropic.AuthenticationError):
        of(starter, "wrong").messages.create(model="starter", **ask)
    with pytest.raises(anthropic.BadRequestError) as wrong:
        of(starter).messages.create(model="starter", max_tokens=5, messages=[])
    assert "messages" in str(wrong.value)
    with pytest.raises(anthropic.BadRequestError) as long:
        of(starter).messages.create(
            model="starter", max_tokens=5, messages=[{"role": "user", "content": "word " * 9000}]
        )
    assert "> 2048 maximum" in str(long.value)
    with pytest.raises(anthropic.BadRequestError, match="knows no tools"):
        of(starter).messages.create(model="starter", **ask, tools=[TOOL], tool_choice={"type": "any"})
    with pytest.raises(anthropic.NotFoundError):
        of(starter).models.retrieve("claude")
