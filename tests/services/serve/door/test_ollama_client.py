"""The real ollama client against the door, before llama.cpp's server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import ollama
import pytest
from support.lending import KEY, open_door, served_file
from support.talkers import SAID, THOUGHT, TOLD, WEATHER

from desktop.core.model_kind import ModelKind
from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine
ASKED: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
GREEDY = {"temperature": 0, "num_predict": 24}
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}


class Of(Protocol):
    """Makes a client of a door, which is closed with the test."""

    def __call__(self, door: Door, key: str = KEY) -> ollama.Client: ...


@pytest.fixture
def of() -> Iterator[Of]:
    with ExitStack() as stack:

        def made(door: Door, key: str = KEY) -> ollama.Client:
            client = ollama.Client(host=door.address, headers={"Authorization": f"Bearer {key}"})
            stack.enter_context(client)
            return client

        yield made


def test_lists_and_what_a_model_is(starter: Door, of: Of) -> None:
    client = of(starter)
    assert [model.model for model in client.list().models] == ["starter"]
    shown = client.show("starter:latest")
    assert shown.capabilities is not None and "completion" in shown.capabilities
    assert shown.modelinfo is not None and shown.modelinfo["general.architecture"] == "llama"
    assert "im_start" in (shown.template or "")
    assert list(client.ps().models) == []


def test_a_chat_whole_and_streamed(starter: Door, of: Of) -> None:
    client = of(starter)
    whole = client.chat("starter", ASKED, options=GREEDY)
    assert len(whole.message.content or "") > 10
    lines = list(client.chat("starter", ASKED, options=GREEDY, stream=True))
    assert "".join(line.message.content or "" for line in lines) == whole.message.content
    assert len(lines) > 3
    last = lines[-1]
    assert last.done and last.eval_count == whole.eval_count
    assert last.prompt_eval_count is not None and last.prompt_eval_count > 10
    assert last.total_duration is not None and last.eval_duration is not None
    assert last.total_duration >= last.eval_duration > 0


def test_generate_with_a_template_and_raw(starter: Door, of: Of) -> None:
    client = of(starter)
    asked = client.generate("starter", ASKED[0]["content"], options=GREEDY).response
    assert asked == client.chat("starter", ASKED, options=GREEDY).message.content
    raw = list(client.generate("starter", "The capital of France is", raw=True, stream=True, options=GREEDY))
    assert "Paris" in "".join(line.response or "" for line in raw)
    assert client.generate("starter").done_reason == "load"
    assert client.generate("starter", keep_alive=0).done_reason == "unload"


def test_an_answer_follows_a_schema(starter: Door, of: Of) -> None:
    schema: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    answer = client_json(of(starter).chat("starter", ASKED, format=schema, options={"temperature": 0}))
    assert list(answer) == ["city"]


def client_json(response: ollama.ChatResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.message.content or "")
    return found


def test_a_tool_is_called_and_its_result_told(calling: Door, of: Of) -> None:
    client = of(calling)
    first = client.chat("caller", ASKED, tools=[TOOL])
    assert first.message.tool_calls is not None
    assert first.message.tool_calls[0].function.arguments == WEATHER
    talk = [*ASKED, first.message, {"role": "tool", "tool_name": "get_weather", "content": "15 degrees"}]
    assert (client.chat("caller", talk, tools=[TOOL]).message.content or "").endswith(TOLD)
    lines = list(client.chat("caller", ASKED, tools=[TOOL], stream=True))
    assert [call.function.name for line in lines for call in line.message.tool_calls or ()] == ["get_weather"]


def test_thoughts_stand_apart(thinking: Door, of: Of) -> None:
    client = of(thinking)
    for think in (True, None):
        message = client.chat("thinker", ASKED, think=think).message
        assert ((message.thinking or "").strip(), message.content) == (THOUGHT, SAID)
    assert client.show("thinker").capabilities == ["completion", "tools", "thinking"]


def test_thinking_and_tools_are_refused_where_there_are_none(starter: Door, of: Of) -> None:
    with pytest.raises(ollama.ResponseError, match="does not support tools"):
        of(starter).chat("starter", ASKED, tools=[TOOL])
    with pytest.raises(ollama.ResponseError, match="does not support thinking"):
        of(starter).chat("starter", ASKED, think=True)


def test_embeddings(starter_model: Path, tmp_path: Path, of: Of) -> None:
    lending = served_file(
        starter_model, tmp_path, "--embeddings", "--pooling", "mean", name="vectors", kind=ModelKind.EMBEDDING
    )
    with lending as lender, open_door(lender) as door:
        client = of(door)
        found = client.embed("vectors", ["The sea is salty.", "Salt is in the sea."])
        assert len(found.embeddings) == 2
        assert found.prompt_eval_count is not None and found.prompt_eval_count > 4
        assert math.isclose(sum(value * value for value in found.embeddings[0]), 1.0, rel_tol=1e-3)
        with pytest.raises(ollama.ResponseError, match=str(len(found.embeddings[0]))):
            client.embed("vectors", "The sea is salty.", dimensions=32)
        assert len(client.embeddings("vectors", "The sea is salty.").embedding) == len(found.embeddings[0])
        assert client.show("vectors").capabilities == ["embedding"]


def test_errors_say_what_to_do(starter: Door, of: Of) -> None:
    client = of(starter)
    with pytest.raises(ollama.ResponseError) as unknown:
        client.chat("llama3", ASKED)
    assert unknown.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="heft download"):
        client.pull("llama3")
    with pytest.raises(ollama.ResponseError, match="library"):
        client.create("mine", from_="starter")
    with pytest.raises(ollama.ResponseError, match="takes no pictures"):
        client.chat("starter", [{**ASKED[0], "images": [b"x"]}])
    with pytest.raises(ollama.ResponseError) as denied:
        of(starter, "wrong").list()
    assert denied.value.status_code == 401
