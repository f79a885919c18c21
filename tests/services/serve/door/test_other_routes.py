"""Models, completions, embeddings and rerank before a scripted engine."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from support import scripted_answers as said
from support.lending import KEY, OneAddress, open_door, served
from support.raw_http import Answered, request
from support.scripted_server import END, STREAM, ScriptedServer, document, event

from desktop.services.serve.door.door import Door


def ask(door: Door, path: str, **fields: Any) -> Answered:
    return request(door.address, path, fields, key=KEY)


def test_models(door: Door) -> None:
    listed = request(door.address, "/v1/models", key=KEY).json
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["talker", "vectors", "ranker", "t5"]
    for path in ("/v1/models/talker", "/models/talker:latest"):
        model = request(door.address, path, key=KEY).json
        assert (model["id"], model["object"], model["created"], model["owned_by"]) == (
            "talker", "model", 1_700_000_000, "heft",
        )  # fmt: skip
        assert model["context_length"] == 2048
    refused = request(door.address, "/v1/models/nobody", key=KEY)
    assert (refused.status, refused.code) == (404, "model_not_found")


def test_every_dialect_announces_the_context_that_a_request_gets(engine: ScriptedServer) -> None:
    model = served("talker", architecture="llama", context_length=8192)
    with open_door(OneAddress(engine.address, (model,), contexts={"talker": 4096})) as door:

        def get(path: str, **headers: str) -> Any:
            return request(door.address, path, key=KEY, **headers).json

        entries = [get("/v1/models/talker"), *get("/v1/models")["data"]]
        assert [entry["context_length"] for entry in entries] == [4096] * 2
        assert [entry["meta"]["n_ctx_train"] for entry in entries] == [8192] * 2
        anthropic = {"anthropic_version": "2023-06-01"}
        entries = [get("/v1/models/talker", **anthropic), *get("/v1/models", **anthropic)["data"]]
        assert [(entry["max_input_tokens"], entry["max_tokens"]) for entry in entries] == [(4096, 4096)] * 2
        assert [entry["context_length"] for entry in get("/api/tags")["models"]] == [4096]
        shown = ask(door, "/api/show", model="talker").json
        assert shown["model_info"]["llama.context_length"] == 4096 and shown["parameters"] == "num_ctx 4096"


def test_a_completion_is_no_chat(door: Door, engine: ScriptedServer) -> None:
    engine.answers.append(said.completion(["Once", " upon"], stop="limit"))
    answer = ask(door, "/v1/completions", model="talker", prompt="Tell:", echo=True, temperature=0).json
    assert (answer["object"], answer["model"]) == ("text_completion", "talker")
    assert answer["choices"] == [
        {"text": "Tell:Once upon", "index": 0, "logprobs": None, "finish_reason": "length"}
    ]  # fmt: skip
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (9, 2)
    path, _, asked = engine.requests[0]
    assert (path, asked["prompt"], asked["n_predict"]) == ("/completion", "Tell:", 16)


def test_prompts_and_choices_of_a_completion(door: Door, engine: ScriptedServer) -> None:
    engine.answers += [said.completion(["a"])] * 4
    answer = ask(door, "/completions", model="talker", prompt=["x", "y"], n=2, best_of=2, max_tokens=3).json
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert answer["usage"]["prompt_tokens"] == 18
    assert sorted(body["prompt"] for _, _, body in engine.requests) == ["x", "x", "y", "y"]
    engine.answers += [said.completion(["a"])]
    assert ask(door, "/completions", model="talker", prompt=[1, 2, 3]).status == 200
    assert engine.requests[-1][2]["prompt"] == [1, 2, 3]


def test_a_completion_streams_with_logprobs(door: Door, engine: ScriptedServer) -> None:
    def entry(text: str) -> dict[str, Any]:
        plain = {"id": 1, "token": text, "bytes": [], "logprob": -0.5}
        return {**plain, "top_logprobs": [plain, {**plain, "token": "other", "logprob": -3.4e38}]}

    words = [
        event(said.token(text, number, completion_probabilities=[entry(text)]))
        for number, text in enumerate(["ab", "c"], 1)
    ]
    engine.answers.append((STREAM, *words, event(said.last(2)), END))
    answered = ask(
        door, "/v1/completions", model="talker", prompt="x", logprobs=1, stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    text = b"".join(answered.body.split(b"\r\n")[1::2]).decode()
    *found, done = [each.removeprefix("data: ") for each in text.split("\n\n") if each]
    assert done == "[DONE]"
    chunks = [json.loads(each) for each in found]
    assert [chunk["choices"][0]["text"] for chunk in chunks[:-1]] == ["ab", "c", ""]
    assert chunks[1]["choices"][0]["logprobs"] == {
        "tokens": ["c"], "token_logprobs": [-0.5], "top_logprobs": [{"c": -0.5}], "text_offset": [2],
    }  # fmt: skip
    assert chunks[-1]["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [""]}, "prompt"),
        ({"prompt": ["a", ""]}, "prompt[1]"),
        ({"prompt": [1, "a"]}, "prompt[0]"),
        ({"prompt": [-1]}, "prompt[0]"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"prompt": ["a"] * 100}, "prompt"),
        ({"prompt": "a", "logprobs": 6}, "logprobs"),
        ({"prompt": "a", "best_of": 3}, "best_of"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "echo": True, "logprobs": 1}, "echo"),
        ({"prompt": "a", "stream_options": {}}, "stream_options"),
    ],
)
def test_wrong_fields_of_a_completion(door: Door, fields: dict[str, Any], param: str) -> None:
    refused = ask(door, "/v1/completions", model="talker", **fields)
    assert (refused.status, refused.json["error"]["param"]) == (400, param)


VECTORS = document(
    {
        "data": [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}],
        "usage": {"prompt_tokens": 7},
    }
)  # fmt: skip


def test_embeddings_as_numbers_and_packed(door: Door, lender: OneAddress, engine: ScriptedServer) -> None:
    engine.answers += [(VECTORS,), (VECTORS,)]
    answer = ask(door, "/v1/embeddings", model="vectors", input=["a", "b"], dimensions=2).json
    assert answer["data"] == [
        {"object": "embedding", "index": 0, "embedding": [1.0, 2.0]},
        {"object": "embedding", "index": 1, "embedding": [3.0, 4.0]},
    ]
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    packed = ask(door, "/embeddings", model="vectors", input=["a", "b"], encoding_format="base64").json
    assert struct.unpack("<2f", base64.b64decode(packed["data"][1]["embedding"])) == (3.0, 4.0)
    assert lender.purposes == ["embedding", "embedding"]
    assert door.requests()[0].prompt_tokens == 7


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"), ({"input": ""}, "input"), ({"input": {}}, "input"), ({"input": ["a", ""]}, "input[1]"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"), ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "model": "t5"}, "model"), ({"input": "a", "model": "ranker"}, "model"),
        ({"input": "a", "model": "talker"}, "model"),
    ],
)  # fmt: skip
def test_wrong_fields_of_embeddings(door: Door, fields: dict[str, Any], param: str) -> None:
    refused = ask(door, "/v1/embeddings", **{"model": "vectors", **fields})
    assert (refused.status, refused.json["error"]["param"]) == (400, param)


def test_dimensions_that_a_model_has_not_are_refused(door: Door, engine: ScriptedServer) -> None:
    engine.answers.append((VECTORS,))
    refused = ask(door, "/v1/embeddings", model="vectors", input=["a", "b"], dimensions=1)
    assert (refused.status, refused.json["error"]["param"]) == (400, "dimensions")


def test_rerank(door: Door, lender: OneAddress, engine: ScriptedServer) -> None:
    found = {
        "results": [{"index": 1, "relevance_score": 2.5}, {"index": 0, "relevance_score": -1.0}],
        "usage": {"prompt_tokens": 8},
    }
    engine.answers += [(document(found),), (document(found),)]
    answer = ask(door, "/v1/rerank", model="ranker", query="q", documents=["a", {"text": "b"}]).json
    assert answer["results"] == [{"index": 1, "relevance_score": 2.5}, {"index": 0, "relevance_score": -1.0}]
    assert (answer["model"], answer["usage"]["total_tokens"]) == ("ranker", 8)
    answer = ask(door, "/rerank", model="ranker", query="q", documents=["a", "b"], top_n=1, return_documents=True).json
    assert answer["results"][0]["document"] == {"text": "b"}
    assert engine.requests[1][2] == {"query": "q", "documents": ["a", "b"], "top_n": 1}
    assert lender.purposes == ["rerank", "rerank"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"documents": ["a"]}, "query"), ({"query": "q"}, "documents"), ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": [1]}, "documents[0]"), ({"query": "q", "documents": [{}]}, "documents[0].text"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": "q", "documents": ["a"], "model": "talker"}, "model"),
    ],
)  # fmt: skip
def test_wrong_fields_of_rerank(door: Door, fields: dict[str, Any], param: str) -> None:
    refused = ask(door, "/v1/rerank", **{"model": "ranker", **fields})
    assert (refused.status, refused.json["error"]["param"]) == (400, param)
