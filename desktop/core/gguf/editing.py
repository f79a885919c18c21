"""Changes of a header's metadata as a person writes them: KEY=VALUE, in the type the key has, or is to have."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from desktop.core.errors import UsageError
from desktop.core.gguf.encoding import encoded_string
from desktop.core.gguf.header import Header
from desktop.core.gguf.key_types import TOKEN_KEYS
from desktop.core.gguf.values import SIZES, ValueType
from desktop.core.gguf.writer import Entries, entry
from desktop.core.words import tr

_WHOLE_SAMPLING = frozenset(f"general.sampling.{name}" for name in ("top_k", "penalty_last_n", "mirostat"))
_NAMES: Mapping[str, ValueType] = {
    "u8": ValueType.UINT8, "i8": ValueType.INT8, "u16": ValueType.UINT16, "i16": ValueType.INT16,
    "u32": ValueType.UINT32, "i32": ValueType.INT32, "u64": ValueType.UINT64, "i64": ValueType.INT64,
    "f32": ValueType.FLOAT32, "f64": ValueType.FLOAT64, "bool": ValueType.BOOL, "str": ValueType.STRING,
}  # fmt: skip
# How the data lies in the file follows from these: another value would make nonsense of it.
_FIXED = ("general.alignment", "split.no", "split.count", "split.tensors.count", "general.quantization_version")
_LONGEST_KEY = 65535  # bytes, ggml docs/gguf.md


def changed(entries: Entries, header: Header, changes: Sequence[tuple[str, str]], removed: Sequence[str]) -> Entries:
    """The entries with ``changes`` (key, value; the key may end in ":u32" or another type) and without the ``removed``.

    Raises UsageError for a key that cannot be changed, or a value that its type does not hold.
    """
    found = dict(entries)
    for key in removed:
        _must_be_free(key)
        if key not in found:
            raise UsageError(tr("The file has no key {key}.", key=key[:80]), tr("See its keys: heft inspect FILE"))
        if key == "general.architecture":
            raise UsageError(tr("A model without general.architecture cannot be loaded."), tr("Leave it in."))
        del found[key]
    for named, text in changes:
        key, kind = _typed(named, text, header)
        _must_be_free(key)
        found[key] = _entry(key, kind, text)
    return found


def _typed(named: str, text: str, header: Header) -> tuple[str, ValueType]:
    key, _, suffix = named.rpartition(":")
    asked = _NAMES.get(suffix) if key else None
    if asked is None:
        key = named
    if not key or len(key.encode()) > _LONGEST_KEY or any(char.isspace() for char in key):
        raise UsageError(tr("{named!r} is no key.", named=named[:80]), tr("For example: general.name='My model'"))
    known = header.metadata.get(key)
    if known is not None and known.type is ValueType.ARRAY:
        raise UsageError(tr("{key} is a list, which is not changed here.", key=key[:80]), tr("Choose another key."))
    if asked is not None:
        return key, asked
    if known is not None:
        return key, known.type
    if key in TOKEN_KEYS:
        return key, ValueType.UINT32
    if key.startswith("general.sampling."):
        return key, ValueType.INT32 if key in _WHOLE_SAMPLING else ValueType.FLOAT32
    return key, ValueType.STRING


def _must_be_free(key: str) -> None:
    if key in _FIXED:
        raise UsageError(
            tr("{key} says how the data lies in the file, and is not changed.", key=key), tr("Choose another key.")
        )


def _entry(key: str, kind: ValueType, text: str) -> bytes:
    hint = f"It is of type {kind.name}. Name another with {key[:60]}:TYPE=VALUE; TYPE is one of {', '.join(_NAMES)}."
    if kind is ValueType.STRING:
        return encoded_string(key) + struct.pack("<I", kind) + encoded_string(text)
    try:
        if kind is ValueType.BOOL:
            return entry(key, kind, {"true": True, "1": True, "false": False, "0": False}[text.casefold()])
        return entry(key, kind, float(text) if kind in (ValueType.FLOAT32, ValueType.FLOAT64) else int(text))
    except (KeyError, ValueError, OverflowError):
        assert kind in SIZES
        raise UsageError(tr("{text!r} is no value for {key}.", text=text[:80], key=key[:80]), hint) from None
