"""Messages as MessagePack, also with file names that are no Unicode.

Python keeps the bytes of such a name as lone surrogates (PEP 383), which UTF-8 has no place for. A message that holds
any travels in a list of one, each of them escaped; every other message travels as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

Message = TypeVar("Message")

_LIST_OF_ONE = 0x91  # MessagePack's first byte of it; a tagged Struct begins as a map
_UNSAFE = re.compile("[\0\ud800-\udfff]")
_ESCAPED = re.compile("\0([0-9a-f]{4})")
_encode = msgspec.msgpack.Encoder().encode


def pack(message: msgspec.Struct) -> bytes:
    """One message; strings may hold lone surrogates."""
    try:
        return _encode(message)
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(message, builtin_types=(bytes, bytearray, memoryview))
        return _encode([_each_text(plain, _escape)])


def unpack(decoder: msgspec.msgpack.Decoder[Message], body: bytes | msgspec.Raw) -> Message:
    """What :func:`pack` was given; msgspec.DecodeError for anything that is no message of ``decoder``'s type."""
    if bytes(memoryview(body)[:1]) != bytes((_LIST_OF_ONE,)):
        return decoder.decode(body)
    (plain,) = msgspec.msgpack.decode(body, type=tuple[Any])
    found: Message = msgspec.convert(_each_text(plain, _unescape), type=decoder.type, builtin_types=(bytes,))
    return found


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\0{ord(found[0]):04x}", text)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_each_text(key, change): _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(item, change) for item in value]
    return value
