"""The real openai client against the door, before the starter in llama.cpp's server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from support.lending import KEY, OneAddress, open_door, served_file

from desktop.engine.endpoint.http import Endpoint
from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def lender(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneAddress]:
    with served_file(starter_model, tmp_path_factory.mktemp("serve"), context_length=8192) as lending:
        yield lending


@pytest.fixture(scope="module")
def door(lender: OneAddress) -> Iterator[Door]:
    with open_door(lender) as opened:
        yield opened


@pytest.fixture
def client(door: Door) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{door.address}/v1", api_key=KEY, max_retries=0) as made:
        yield made


def directly(lender: OneAddress, messages: Any, tokens: int) -> str:
    """What llama.cpp's server answers by itself."""
    body = {"messages": messages, "temperature": 0, "max_tokens": tokens}
    answer = Endpoint(lender.address).post("/v1/chat/completions", body, deadline_seconds=60)
    return str(answer["choices"][0]["message"]["content"])


def test_the_models_are_listed_and_one_is_found_by_its_alias(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["starter"]
    assert client.models.retrieve("starter:latest").id == "starter"


def test_an_answer_streams_with_its_usage_and_is_llama_cpps_own(client: openai.OpenAI, lender: OneAddress) -> None:
    stream = client.chat.completions.create(
        model="starter", messages=ASKED, stream=True, temperature=0, max_tokens=24,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = list(stream)
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(said) == directly(lender, ASKED, 24)
    assert len([each for each in said if each]) > 10  # it came in pieces
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 24
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_the_same_answer_comes_whole(client: openai.OpenAI, lender: OneAddress) -> None:
    answer = client.chat.completions.create(model="starter", messages=ASKED, temperature=0, max_tokens=24)
    assert answer.choices[0].message.content == directly(lender, ASKED, 24)
    assert answer.choices[0].message.refusal is None
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 10
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 24


def test_an_async_client_streams(door: Door) -> None:
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{door.address}/v1", api_key=KEY, max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="starter", messages=ASKED, stream=True, temperature=0, max_tokens=8
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask())


def test_a_second_turn_takes_its_prompt_from_the_cache(client: openai.OpenAI) -> None:
    long: list[ChatCompletionMessageParam] = [{"role": "user", "content": "The tide comes in and goes out. " * 60}]
    first = client.chat.completions.create(model="starter", messages=long, temperature=0, max_tokens=8)
    said = first.choices[0].message.content
    turns: list[ChatCompletionMessageParam] = [
        *long,
        {"role": "assistant", "content": said},
        {"role": "user", "content": "Why?"},
    ]
    second = client.chat.completions.create(model="starter", messages=turns, temperature=0, max_tokens=8)
    assert second.usage is not None
    assert second.usage.prompt_tokens_details is not None
    assert (second.usage.prompt_tokens_details.cached_tokens or 0) > 0.8 * second.usage.prompt_tokens


def test_several_choices_differ_by_their_seeds_and_come_again(client: openai.OpenAI) -> None:
    def texts() -> list[str | None]:
        answer = client.chat.completions.create(
            model="starter", messages=ASKED, n=3, seed=7, temperature=1.5, max_tokens=12
        )
        assert [choice.index for choice in answer.choices] == [0, 1, 2]
        return [choice.message.content for choice in answer.choices]

    found = texts()
    assert len(set(found)) == 3


def test_logprobs(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="starter", messages=ASKED, logprobs=True, top_logprobs=3, max_tokens=4, temperature=0
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(each.token for each in logprobs.content) == answer.choices[0].message.content
    assert all(len(each.top_logprobs) == 3 and each.logprob <= 0 for each in logprobs.content)


def test_stop_words_end_an_answer(client: openai.OpenAI, lender: OneAddress) -> None:
    word = directly(lender, ASKED, 24).split()[3]
    answer = client.chat.completions.create(
        model="starter", messages=ASKED, stop=[word], temperature=0, max_completion_tokens=24
    )
    assert answer.choices[0].finish_reason == "stop"
    assert word not in (answer.choices[0].message.content or "")


def test_a_json_schema_is_kept(client: openai.OpenAI) -> None:
    schema = {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 12}, "size": {"enum": [1, 2]}},
        "required": ["city", "size"], "additionalProperties": False,
    }  # fmt: skip
    answer = client.chat.completions.create(
        model="starter", messages=ASKED, temperature=0, max_tokens=80,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": True}},
    )  # fmt: skip
    found = json.loads(answer.choices[0].message.content or "")
    assert set(found) == {"city", "size"}
    assert found["size"] in (1, 2)


def test_a_grammar_that_is_none_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="starter", messages=ASKED, extra_body={"grammar": "root ::= ("})


def test_a_prompt_is_continued(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="starter", prompt="1 2 3 4 5", max_tokens=6, temperature=0, logprobs=2)
    choice = answer.choices[0]
    assert choice.text
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or ()) == choice.text
    streamed = client.completions.create(model="starter", prompt="1 2 3 4 5", max_tokens=6, temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == choice.text


def test_what_the_context_does_not_hold_is_refused_with_figures(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="starter", messages=[{"role": "user", "content": "word " * 9000}])
    assert refused.value.code == "context_length_exceeded"
    assert "9" in refused.value.message


def test_another_model_is_never_meant(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert refused.value.code == "model_not_found"


def test_without_the_key_nobody_is_answered(door: Door) -> None:
    wrong = openai.OpenAI(base_url=f"{door.address}/v1", api_key="wrong", max_retries=0)
    with wrong as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
