"""The real openai client against the door, before the starter in llama.cpp's server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from support.lending import KEY, open_door, served_file

from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine
ASKED = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def door(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("serve")
    with served_file(starter_model, folder, context_length=4096) as lender, open_door(lender) as opened:
        yield opened


@pytest.fixture
def client(door: Door) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{door.address}/v1", api_key=KEY, max_retries=0) as made:
        yield made


def test_the_models_are_listed_and_one_is_found_by_its_alias(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["starter"]
    assert client.models.retrieve("starter:latest").id == "starter"


def test_an_answer_streams_with_its_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="starter", messages=ASKED, stream=True, temperature=0, max_tokens=24,  # type: ignore[arg-type]
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = list(stream)
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "Paris" in "".join(said)
    assert len([each for each in said if each]) > 3  # it came in pieces
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 3
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_the_same_answer_comes_whole(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="starter", messages=ASKED, temperature=0, max_tokens=24)  # type: ignore[arg-type]
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.choices[0].message.refusal is None
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 10
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_another_model_is_never_meant(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-4o", messages=ASKED)  # type: ignore[arg-type]
    assert refused.value.code == "model_not_found"
