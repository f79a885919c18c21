"""Malformed requests of many kinds to the door, seeded and bounded: all refused, and a good one is answered afterwards.

HEFT_FUZZ_CASES and HEFT_FUZZ_SEED widen it.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support import scripted_answers as said
from support.lending import KEY, OneAddress, open_door, served
from support.mutations import mutated
from support.raw_http import Answered, request, sent, written
from support.scripted_server import END, STREAM, document, scripted_server

from desktop.core.model_kind import ModelKind

CASES = int(os.environ.get("HEFT_FUZZ_CASES", "10000"))
SEED = int(os.environ.get("HEFT_FUZZ_SEED", "20261128"))
REFUSALS = {0, 400, 401, 403, 404, 405, 408, 413, 415, 431}  # 0: closed without a word
AT_ONCE = 48
CHAT: dict[str, Any] = {
    "model": "talker",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": "auto", "temperature": 0.5, "top_p": 0.9, "max_tokens": 5, "n": 1, "stop": ["a"], "seed": 1,
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    "stream": True, "stream_options": {"include_usage": True}, "logit_bias": {"1": 1}, "reasoning_effort": "low",
    "chat_template_kwargs": {"a": 1},
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"model": "talker", "prompt": ["a", [1, 2]], "logprobs": 1, "n": 1, "stream": False},
    "/v1/embeddings": {"model": "vectors", "input": ["a", "b"], "encoding_format": "float", "dimensions": 2},
    "/v1/rerank": {"model": "ranker", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1},
}
VALUES: list[Any] = [
    None, True, 0, -1, 1, 2**31, -(2**63), 10**18, 1.5, -0.0, 1e308, "", "a", "\x00", "é" * 50, "\ud7ff", [], {}, [[]],
    [None], {"a": {"b": []}}, ["a"] * 40, "x" * 5000, [{"type": "text"}], {"type": "function"}, {"role": "user"},
]  # fmt: skip
LINES = [
    b"transfer-encoding: chunked", b"transfer-encoding: identity", b"content-length: 3", b"content-length: x",
    b"expect: 100-continue", b"expect: x", b"connection: upgrade\r\nupgrade: websocket", b"connection: \xff",
    b"origin: http://evil", b"origin: null", b"host: evil", b"host: ", b"cookie: a=b", b"content-encoding: gzip",
    b"content-type: text/html", b"content-type: ", b"x: " + b"y" * 9000, b"authorization: ", b"x-api-key: \x80",
    b"te: trailers", b"range: bytes=0-1", b" folded", b"\x00: x", b"x\x00: y", b"upgrade: h2c",
    b"sec-fetch-site: cross-site",
]  # fmt: skip
PATHS = [
    "/", "/v1", "/v1/", "/..", "/v1/../v1/models", "/%2e%2e/models", "/v1/models/%00", "/v1/models/" + "a" * 3000,
    "/v1/chat/completions?" + "a" * 2000, "//", "/v1/\xff", "/v1/models/%ff%fe", "*", "http://x/", "/v1/chat", "/\\v1",
]  # fmt: skip
METHODS = ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "POST", "get", "\x01", "X" * 300]


def _answer(path: str) -> tuple[bytes | None, ...]:
    """What the engine says to whatever gets through to it."""
    match path:
        case "/apply-template":
            return said.prompt("p")
        case "/completion":
            return said.completion(["Hello"])
        case "/v1/chat/completions":
            return (STREAM, said.chat_event({"content": "{}"}, "stop"), said.chat_usage(1, 1), END)
        case "/v1/embeddings":
            return (document({"data": [{"index": 0, "embedding": [1.0, 2.0]}], "usage": {"prompt_tokens": 1}}),)
    return (document({"results": [{"index": 0, "relevance_score": 1.0}], "usage": {"prompt_tokens": 1}}),)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a document something can be put in place of what is there."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


def _wrong_field(rng: random.Random, address: str) -> bytes:
    """A body in which one to three places have a value of any kind, or are gone."""
    path = rng.choice(list(BODIES))
    body = copy.deepcopy(BODIES[path])
    for _ in range(rng.randint(1, 3)):
        *way, last = rng.choice(_places(body) or [("model",)])
        inner: Any = body
        for key in way:
            inner = inner[key]
        if rng.random() < 0.15 and isinstance(inner, dict):
            del inner[last]
        else:
            inner[last] = copy.deepcopy(rng.choice(VALUES))
    return written(address, path, body, key=KEY)


def _wrong_json(rng: random.Random, address: str) -> bytes:
    """A body whose bytes are changed."""
    path = rng.choice(list(BODIES))
    return written(address, path, mutated(json.dumps(BODIES[path]).encode(), rng), key=KEY)


def _wrong_bytes(rng: random.Random, address: str) -> bytes:
    """A whole request whose bytes are changed."""
    path = rng.choice(list(BODIES))
    return mutated(written(address, path, BODIES[path], key=KEY), rng)


def _wrong_lines(rng: random.Random, address: str) -> bytes:
    """A request with header lines that it should not have."""
    path = rng.choice(list(BODIES))
    head, ends, body = written(address, path, BODIES[path], key=KEY).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for _ in range(rng.randint(1, 4)):
        lines.insert(rng.randint(1, len(lines)), rng.choice(LINES))
    return rng.choice((b"\r\n", b"\r\n", b"\r\n", b"\n")).join(lines) + ends + body


def _wrong_place(rng: random.Random, address: str) -> bytes:
    """A path or a method of nobody's."""
    path = rng.choice([*PATHS, *BODIES]).encode("latin-1")
    body = rng.choice((b"", b"{}", json.dumps(CHAT).encode()))
    good = written(address, "/x", body, key=KEY, method=rng.choice(METHODS))
    return good.replace(b" /x ", b" " + path + b" ", 1)


def _without_key(rng: random.Random, address: str) -> bytes:
    """Well-formed, and with a wrong key or none."""
    path = rng.choice(list(BODIES))
    key = rng.choice(("", KEY[:-1], KEY + "x", KEY.upper(), "\x80", "Bearer"))
    return written(address, path, BODIES[path], key=key)


def _noise(rng: random.Random, _address: str) -> bytes:
    """No HTTP at all."""
    return rng.randbytes(rng.choice((1, 20, 500, 70_000)))


KINDS: tuple[Callable[[random.Random, str], bytes], ...] = (
    _wrong_field, _wrong_field, _wrong_field, _wrong_json, _wrong_bytes, _wrong_lines, _wrong_place, _without_key,
    _noise,
)  # fmt: skip


def test_whatever_is_sent_the_door_answers_the_next_one(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    models = (served("talker"), served("vectors", ModelKind.EMBEDDING), served("ranker", ModelKind.RERANKER))
    with scripted_server(tmp_path) as engine:
        engine.choose = _answer
        lender = OneAddress(engine.address, models)
        with open_door(lender, header_seconds=0.1, body_seconds=0.2, largest_header=16_384) as door:
            cases = [(kind.__name__, kind(rng, door.address)) for kind in (rng.choice(KINDS) for _ in range(CASES))]
            with ThreadPoolExecutor(AT_ONCE) as threads:
                answers: list[Answered] = list(threads.map(lambda case: sent(door.address, case[1]), cases))
            told = Counter(answer.status for answer in answers)
            for (kind, content), answer in zip(cases, answers, strict=True):
                assert answer.status in REFUSALS | {200}, (kind, content[:2000], answer)
                if answer.status == 200:
                    assert KEY.encode() in content, (kind, content[:2000])
                elif answer.status and answer.headers.get("content-type") == "application/json" and answer.body:
                    assert answer.json["error"]["message"], (kind, answer)
            assert sum(told[status] for status in REFUSALS) > CASES / 2, told
            assert told[400] > CASES / 10, told
            assert told[401] > CASES / 20, told
            good = request(
                door.address, "/v1/chat/completions", {"model": "talker", "messages": CHAT["messages"][:2]}, key=KEY
            )
            assert good.json["choices"][0]["message"]["content"] == "Hello"
