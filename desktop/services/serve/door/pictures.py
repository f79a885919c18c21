"""Pictures in what clients ask: taken as data URLs alone, bounded, and drawn anew before the engine meets them.

Nothing is fetched: an address in a request is refused, whoever's it is. A picture is read in a process of its own
(:mod:`desktop.services.chat.pictures`), so that a hostile one ends neither the door nor a model's server.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop.core.errors import HeftError
from desktop.core.picture_records import MOST_PICTURE_BYTES
from desktop.core.units import human_bytes
from desktop.services.serve.door.failures import DoorError, bad_field
from desktop.services.serve.door.fields import Fields

if TYPE_CHECKING:
    from desktop.services.serve.door.answers import Asked
    from desktop.services.serve.door.desk import Loan

MOST_PICTURES = 20  # in one request
_FIELD = "heft_field"  # where in the request a picture stood; the engine is not told
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)
_ONLY_DATA = "is to be a data URL (data:image/png;base64,...): Heft fetches nothing from addresses."


def picture_part(fields: Fields, field: str, url: str) -> dict[str, Any]:
    """A part of a message out of a data URL. Raises DoorError (400), which names the field."""
    head = _DATA_URL.match(url)
    if head is None:
        raise fields.wrong(field, _ONLY_DATA, "invalid_value")
    if head[1] and not head[1].lower().startswith("image/"):
        raise fields.wrong(field, f"'{head[1][:60]}' is no type of a picture.", "invalid_value")
    return base64_part(fields, field, url[head.end() :])


def base64_part(fields: Fields, field: str, text: str) -> dict[str, Any]:
    """The same out of base64 alone."""
    if len(text) * 3 // 4 > MOST_PICTURE_BYTES:
        raise fields.wrong(field, f"a picture has at most {human_bytes(MOST_PICTURE_BYTES)}.", "invalid_value")
    return {"type": "image_url", "image_url": {"url": text}, _FIELD: fields.name(field)}


def with_text(parts: list[dict[str, Any]], text: str) -> str | list[dict[str, Any]]:
    """The content of a message: its text alone, or pictures and then what is said of them."""
    if not parts:
        return text
    return [*parts, {"type": "text", "text": text}] if text else parts


async def with_pictures(loan: Loan, asked: Asked) -> Asked:
    """What is asked, each picture read. Raises DoorError (400): too many, not readable, a model that sees nothing."""
    parts = list(_parts(asked.conversation.get("messages") or ()))
    if not parts or asked.pictures:
        return asked
    if "image" not in loan.lease.loaded.media:
        words = f"{loan.model.name} takes no pictures: it has no projector beside it."
        raise bad_field(parts[0][_FIELD], f"'{parts[0][_FIELD]}': {words}", "unsupported_value")
    if len(parts) > MOST_PICTURES:
        name = parts[MOST_PICTURES][_FIELD]
        raise bad_field(name, f"'{name}': at most {MOST_PICTURES} pictures are taken.", "array_above_max_length")
    known = {id(part): await _read(loan, part) for part in parts}
    messages = [
        {**message, "content": _apart([known.get(id(part), part) for part in message["content"]])}
        if isinstance(message.get("content"), list)
        else message
        for message in asked.conversation["messages"]
    ]
    pictures = tuple(part["image_url"]["url"].partition(",")[2] for part in known.values())
    return replace(asked, conversation={**asked.conversation, "messages": messages}, pictures=pictures)


def _apart(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a line's end between two pictures (:mod:`desktop.engine.server.media` says why)."""
    found: list[dict[str, Any]] = []
    for part in parts:
        if found and found[-1]["type"] == part["type"] == "image_url":
            found.append({"type": "text", "text": "\n"})
        found.append(part)
    return found


def _parts(messages: Any) -> Any:
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            yield from (part for part in content if _FIELD in part)


async def _read(loan: Loan, part: dict[str, Any]) -> dict[str, Any]:
    def read() -> str:
        made = loan.pictures.read(_decoded(part))
        return f"data:{made.media_type};base64,{base64.b64encode(made.data).decode()}"

    try:
        url = await loan.in_thread(read)
    except HeftError as error:
        raise bad_field(part[_FIELD], f"'{part[_FIELD]}': {error.message}", "invalid_value") from error
    return {"type": "image_url", "image_url": {"url": url}}


def _decoded(part: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(part["image_url"]["url"], validate=True)
    except (binascii.Error, ValueError):
        raise _no_base64(part[_FIELD]) from None


def _no_base64(name: str) -> DoorError:
    return bad_field(name, f"'{name}': is not base64.", "invalid_value")
