"""llama.cpp's own server as another computer's: over TCP, with a key, asked as any other is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.endpoint_client import Client
from support.stock_server import stock_server

from desktop.core.failures import FailureKind
from desktop.engine.api import (
    ChatMessage,
    Count,
    Counted,
    Failed,
    Finished,
    Generate,
    PromptProgress,
    Sampling,
    Text,
)
from desktop.engine.endpoint.http import Address
from desktop.engine.endpoint.models import offer_of

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def address(starter_model: Path) -> Iterator[Address]:
    with stock_server(starter_model, "the-secret-key") as found:
        yield found


@pytest.fixture
def client(address: Address) -> Iterator[Client]:
    made = Client(address)
    (model,) = offer_of(address).models
    try:
        loaded = made.connect(f"endpoint:studio/{model.id}")
        assert (loaded.context_length, loaded.trained_context_length) == (1024, 8192)
        yield made
    finally:
        made.client.close()


def test_it_says_what_it_is(address: Address) -> None:
    offer = offer_of(address)
    (model,) = offer.models
    assert offer.kind == "llama.cpp"
    assert (model.context_length, model.trained_context, model.loaded) == (1024, 8192, True)


def test_it_answers_with_progress_and_its_own_figures(client: Client) -> None:
    client.send("What is the Moon?", sampling=Sampling(temperature=0.0), chosen=("temperature",), max_tokens=24)
    client.wait(PromptProgress)
    text, _, ended = client.ended()
    assert isinstance(ended, Finished) and ended.reason == "length", ended
    figures = ended.statistics
    assert len(text) > 20 and figures.generated_tokens == 24
    assert figures.prompt_tokens > 10 and figures.tokens_per_second > 0 and figures.prompt_tokens_per_second > 0
    client.client.send(Count(4, Generate(4, (ChatMessage("user", "What is the Moon?"),))))
    assert client.wait(Counted).tokens == figures.prompt_tokens


def test_it_is_stopped_in_the_middle_and_asked_again(client: Client) -> None:
    client.send("Tell me a very long story.", max_tokens=600)
    client.wait(Text)
    client.client.cancel()
    _, _, ended = client.ended()
    assert isinstance(ended, Finished) and ended.reason == "cancelled"
    text, _, ended = client.ask("Say yes.", max_tokens=4)
    assert text and isinstance(ended, Finished)


def test_an_answer_that_was_cut_goes_on(client: Client) -> None:
    turns = (ChatMessage("user", "Count to five."), ChatMessage("assistant", "One, two, three,"))
    text, _, ended = client.ask(
        messages=turns, sampling=Sampling(temperature=0.0), chosen=("temperature",), max_tokens=6
    )
    assert isinstance(ended, Finished) and text and "One, two" not in text


def test_a_conversation_that_is_too_long_is_refused_with_both_figures(client: Client) -> None:
    _, _, ended = client.ask("word " * 2000)
    assert isinstance(ended, Failed) and ended.kind == FailureKind.CONTEXT_FULL
    assert ended.context_length == 1024 and ended.needed_tokens > 2000


def test_without_its_key_it_refuses(client: Client) -> None:
    client.address = replace(client.address, key="another-key")
    _, _, ended = client.ask()
    assert isinstance(ended, Failed) and ended.kind == FailureKind.KEY_WRONG
