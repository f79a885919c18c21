"""What is to be continued or embedded: a text, tokens, or a list of either."""

from __future__ import annotations

from typing import Any

from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.fields import Fields

Prompt = str | list[int]
_LARGEST_TOKEN = 2**31 - 1


def prompts(fields: Fields, name: str, most: int) -> tuple[Prompt, ...]:
    """Each of them, none of them empty. Raises DoorError (400)."""
    given = fields.required(name)
    if isinstance(given, str) or _are_tokens(given):
        given = [given]
    if not isinstance(given, list):
        raise _wrong(fields, name)
    if not given:
        raise fields.wrong(name, "is empty.", "empty_array")
    if len(given) > most:
        raise fields.wrong(name, f"at most {most} are taken, not {len(given)}.", "array_above_max_length")
    for at, each in enumerate(given):
        if not isinstance(each, str) and not _are_tokens(each):
            raise _wrong(fields, f"{name}[{at}]")
        if not each:
            raise fields.wrong(f"{name}[{at}]" if len(given) > 1 else name, "is empty.", "empty_string")
    return tuple(given)


def _are_tokens(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= _LARGEST_TOKEN for each in value)
    )


def _wrong(fields: Fields, name: str) -> DoorError:
    return fields.wrong(name, "is to be a string, an array of tokens, or an array of either.", "invalid_type")
