"""What one request may cost the engine that others use at the same time. Checked for all dialects, behind their fields.

Measured with llama.cpp 0c1e57098, two cores (docs/reference/server.md): a grammar of 20,000 brackets inside one another
ends its process, one of as many alternatives holds all answers for 15 seconds, as do 1,000 long values of an enum; an
array of the last 2**31 tokens takes 8 GB. The bounds on schemas are OpenAI's or below
(platform.openai.com/docs/guides/structured-outputs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from desktop.services.serve.door.failures import DoorError, bad_field

_GRAMMAR_LENGTH, _GRAMMAR_DEPTH, _GRAMMAR_ALTERNATIVES = 65_536, 100, 2_000
_SCHEMA_BYTES, _PROPERTIES, _ALTERNATIVES = 131_072, 1_000, 300
_ENUM_VALUES, _ENUM_CHARACTERS = 1_000, 15_000
_LOOKED_BACK_AT = ("repeat_last_n", "dry_penalty_last_n")  # tokens; -1 is the whole context
_KEPT = 10_000  # tokens that samplers leave at least
_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*')


def bounded(options: dict[str, Any], context: int) -> dict[str, Any]:
    """How tokens are chosen, nothing of it beyond a context of so many tokens."""
    found = dict(options)
    for name in _LOOKED_BACK_AT:
        if name in found and not 0 <= found[name] <= context:
            found[name] = context
    if "min_keep" in found:
        found["min_keep"] = min(found["min_keep"], _KEPT)
    return found


def check_forms(asked: dict[str, Any]) -> None:
    """Raises DoorError (400) for a form of answers that would hold the engine up, or end it."""
    if "grammar" in asked:
        _check_grammar(str(asked["grammar"]))
    if "json_schema" in asked:
        _check_schema(asked["json_schema"], "response_format")
    for at, tool in enumerate(asked.get("tools") or ()):
        _check_schema(tool.get("function", {}).get("parameters"), f"tools[{at}].function.parameters")


def _check_grammar(grammar: str) -> None:
    if len(grammar) > _GRAMMAR_LENGTH:
        raise _too_much("grammar", f"is longer than {_GRAMMAR_LENGTH} characters")
    bare = _LITERAL.sub("", grammar)
    if bare.count("|") > _GRAMMAR_ALTERNATIVES:
        raise _too_much("grammar", f"has more than {_GRAMMAR_ALTERNATIVES} alternatives")
    depth = 0
    for sign in re.findall(r"[()]", bare):
        depth += 1 if sign == "(" else -1
        if depth > _GRAMMAR_DEPTH:
            raise _too_much("grammar", f"has more than {_GRAMMAR_DEPTH} brackets inside one another")


def _check_schema(schema: Any, name: str) -> None:
    if schema is None:
        return
    if len(msgspec.json.encode(schema)) > _SCHEMA_BYTES:
        raise _too_much(name, f"is larger than {_SCHEMA_BYTES} bytes")
    properties = alternatives = values = characters = 0
    for inner in _objects(schema):
        properties += _size(inner.get("properties"))
        alternatives += sum(_size(inner.get(word)) for word in ("anyOf", "oneOf", "allOf", "prefixItems"))
        enum = inner.get("enum")
        if isinstance(enum, list):
            values += len(enum)
            characters += sum(len(each) for each in enum if isinstance(each, str))
    if properties > _PROPERTIES:
        raise _too_much(name, f"has more than {_PROPERTIES} properties")
    if alternatives > _ALTERNATIVES:
        raise _too_much(name, f"has more than {_ALTERNATIVES} alternatives")
    if values > _ENUM_VALUES or characters > _ENUM_CHARACTERS:
        raise _too_much(name, f"has more than {_ENUM_VALUES} values of enums, or {_ENUM_CHARACTERS} characters of them")


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    left = [schema]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            yield each
            left += each.values()
        elif isinstance(each, list):
            left += each


def _size(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 0


def _too_much(name: str, what: str) -> DoorError:
    return bad_field(name, f"'{name}': {what}.", "too_complex")
