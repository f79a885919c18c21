"""A request's body: its size bounded, its JSON read strictly. All that is wrong with it is a DoorError."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.requests import Request

from desktop.services.serve.door.failures import DoorError

_FORM = "application/x-www-form-urlencoded"
_LONGEST_NUMBER = 19  # digits: what 64 bits hold
_DEEPEST = 100  # brackets inside one another: a JSON schema has some, a stranger's trick thousands


async def read(request: Request, largest: int, *, keyed: bool) -> bytes:
    """What a request carries; ``keyed``: it came with the key. Raises DoorError (413, 415).

    Examples for curl that name no type are sent as a form's. A page of the web can send that type elsewhere without
    being asked for leave, but not with a key, and browsers say with each POST which page it is of: so it is taken for
    JSON with a key and without an Origin.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    of_curl = kind == _FORM and keyed and "origin" not in request.headers
    if not of_curl and kind not in ("", "application/json", "text/json") and not kind.endswith("+json"):
        raise DoorError(415, f"The body is to be application/json, not {kind[:100]}.", code="unsupported_media_type")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise DoorError(415, "The body is to be sent as it is, not compressed.", code="unsupported_media_type")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest:
        raise _too_large(largest)
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > largest:
            raise _too_large(largest)
    return bytes(content)


def decoded(content: bytes) -> dict[str, Any]:
    """The JSON object in these bytes. Raises DoorError (400) for anything else, a name that comes twice included."""
    try:
        msgspec.json.decode(content)  # UTF-8, surrogates, NaN, 1e999: the standard library takes what is none
        found = json.loads(content, object_pairs_hook=_once, parse_int=_whole)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError) as error:
        words = f"We could not parse the JSON body of your request: {error}"
        raise DoorError(400, words[:300], code="invalid_json", record="invalid_json") from None
    if content.count(b"{") + content.count(b"[") > _DEEPEST and _depth(found) > _DEEPEST:
        raise _too_deep()
    if not isinstance(found, dict):
        raise DoorError(400, "The body is to be a JSON object.", code="invalid_json")
    return found


def _too_deep() -> DoorError:
    return DoorError(400, "The JSON of the body is nested too deeply.", code="invalid_json")


def _depth(found: Any) -> int:
    """How many brackets are inside one another."""
    depth, level = 0, [found]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice in one object")
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _LONGEST_NUMBER:
        raise ValueError("a number is too large")
    return int(digits)


def _too_large(largest: int) -> DoorError:
    return DoorError(413, f"The body is larger than {largest} bytes.", code="request_too_large")
