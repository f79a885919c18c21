"""Forms of answers that would hold the engine up or end it are refused; what people use is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import scripted_answers as said
from support.lending import KEY, open_door, served_file
from support.raw_http import request
from support.scripted_server import END, STREAM, ScriptedServer

from desktop.services.serve.door.door import Door

HELLO = [{"role": "user", "content": "Hello"}]


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "talker", "messages": HELLO, **fields}


def schema(inner: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": inner}}}


def tool(inner: dict[str, Any]) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "x", "parameters": inner}}]}


def properties(count: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{at}": {"type": "string"} for at in range(count)}}


DEEP = "root ::= " + "(" * 20_000 + '"a"' + ")" * 20_000
TOO_MUCH: list[tuple[dict[str, Any], str]] = [
    ({"grammar": DEEP}, "grammar"),
    ({"grammar": 'root ::= "' + "a" * 70_000 + '"'}, "grammar"),
    ({"grammar": "root ::= " + " | ".join(['"a"'] * 3_000)}, "grammar"),
    (schema(properties(2_000)), "response_format"),
    (schema({"anyOf": [properties(1)] * 400}), "response_format"),
    (schema({"enum": ["a"] * 1_500}), "response_format"),
    (schema({"items": {"enum": ["a" * 1_000] * 20}}), "response_format"),
    (schema({"description": "a" * 200_000}), "response_format"),
    (tool(properties(2_000)), "tools[0].function.parameters"),
]
FINE: list[dict[str, Any]] = [
    {"grammar": "root ::= " + "(" * 50 + '"((((("' + ")" * 50},
    {"grammar": 'root ::= "' + "(" * 500 + '" | [(' + "(" * 200 + "] # " + "(" * 500},
    schema(properties(200)),
    schema({"enum": [f"value {at}" for at in range(500)]}),
    tool(properties(100)),
]


@pytest.mark.parametrize(("fields", "param"), TOO_MUCH)
def test_what_would_hold_others_up_is_refused(
    door: Door, engine: ScriptedServer, fields: dict[str, Any], param: str
) -> None:
    refused = request(door.address, "/v1/chat/completions", asked(**fields), key=KEY)
    assert (refused.status, refused.code, refused.json["error"]["param"]) == (400, "too_complex", param)
    if "grammar" in fields:
        body = {"model": "talker", "prompt": "a", **fields}
        assert request(door.address, "/v1/completions", body, key=KEY).code == "too_complex"
    assert engine.requests == []


@pytest.mark.parametrize("fields", FINE)
def test_what_people_use_is_taken(door: Door, engine: ScriptedServer, fields: dict[str, Any]) -> None:
    engine.answers.append((STREAM, said.chat_event({"content": "x"}, "stop"), said.chat_usage(1, 1), END))
    assert request(door.address, "/v1/chat/completions", asked(**fields), key=KEY).status == 200


def test_no_more_than_the_context_is_looked_back_at(door: Door, engine: ScriptedServer) -> None:
    engine.answers += [said.prompt("p"), said.completion(["Hello"])]
    most = 2**31 - 1
    fields = {"repeat_last_n": most, "dry_penalty_last_n": -1, "min_keep": most}
    assert request(door.address, "/v1/chat/completions", asked(**fields), key=KEY).status == 200
    sent = engine.requests[1][2]
    assert (sent["repeat_last_n"], sent["dry_penalty_last_n"], sent["min_keep"]) == (2048, 2048, 10_000)


@pytest.mark.engine
def test_the_engine_survives(starter_model: Path, tmp_path: Path) -> None:
    with served_file(starter_model, tmp_path, name="talker", context_length=4096) as lender, open_door(lender) as door:
        for fields in (
            {"grammar": DEEP},
            {"grammar": "root ::= " + "(" * 100 + '"a"' + ")" * 100},
            {"repeat_last_n": 2**31 - 1, "dry_multiplier": 1, "dry_penalty_last_n": 2**31 - 1, "min_keep": 2**31 - 1},
            schema({"$ref": "#"}),
            schema({"type": "string", "pattern": "^" + "(" * 5_000 + "a" + ")" * 5_000 + "$"}),
        ):
            request(door.address, "/v1/chat/completions", asked(max_tokens=2, **fields), key=KEY)
            good = request(door.address, "/v1/chat/completions", asked(max_tokens=2), key=KEY)
            assert good.status == 200, fields
