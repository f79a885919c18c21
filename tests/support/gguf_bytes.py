"""Small GGUF headers written byte by byte, right or wrong on purpose, in every version and byte order."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_CODES = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}
_SIZES = {0: (1, 4), 1: (1, 2), 3: (32, 20), 8: (32, 34), 12: (256, 144), 14: (256, 210)}


@dataclass
class Writer:
    """Bytes of one byte order and version; version 1 has 32-bit lengths."""

    order: str = "<"
    version: int = 3

    def number(self, code: str, *values: float) -> bytes:
        return struct.pack(self.order + code, *values)

    def length(self, value: int) -> bytes:
        return self.number("I" if self.version == 1 else "Q", value)

    def string(self, text: str | bytes) -> bytes:
        raw = text.encode() if isinstance(text, str) else text
        return self.length(len(raw)) + raw

    def value(self, kind: int, value: object) -> bytes:
        if kind == STRING:
            assert isinstance(value, str | bytes)
            return self.string(value)
        if kind == ARRAY:
            assert isinstance(value, tuple)
            element, items = value
            return self.number("I", element) + self.length(len(items)) + b"".join(self.value(element, i) for i in items)
        return self.number(_CODES[kind], value)  # type: ignore[arg-type]

    def entry(self, key: str | bytes, kind: int, value: object) -> bytes:
        return self.string(key) + self.number("I", kind) + self.value(kind, value)

    def tensor(self, name: str | bytes, shape: Iterable[int], kind: int, offset: int) -> bytes:
        dims = tuple(shape)
        code = "I" if self.version == 1 else "Q"
        return self.string(name) + self.number(f"I{len(dims)}{code}IQ", len(dims), *dims, kind, offset)

    def head(self, tensors: int, keys: int) -> bytes:
        return b"GGUF" + self.number("I", self.version) + self.length(tensors) + self.length(keys)


@dataclass
class Model:
    """A whole file with zeros for weights: metadata (key, type, value) and tensors (name, shape, type id)."""

    metadata: list[tuple[str, int, object]] = field(default_factory=list)
    tensors: list[tuple[str, tuple[int, ...], int]] = field(default_factory=list)

    def header(self, order: str = "<", version: int = 3) -> tuple[bytes, int]:
        """The header padded to its data, and the number of data bytes that follow."""
        writer = Writer(order, version)
        entries = b"".join(writer.entry(*entry) for entry in self.metadata)
        infos, offset = b"", 0
        for name, shape, kind in self.tensors:
            infos += writer.tensor(name, shape, kind, offset)
            count = 1
            for length in shape:
                count *= length
            block, size = _SIZES[kind]
            offset += -(-(count // block * size) // 32) * 32
        data = writer.head(len(self.tensors), len(self.metadata)) + entries + infos
        return data + b"\0" * (-len(data) % 32), offset

    def write(self, path: Path) -> Path:
        """A file whose weights are a hole, so that it takes no room."""
        head, size = self.header()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.write(head)
            out.truncate(len(head) + size)
        return path


def model(
    *, architecture: str = "llama", kind: int = 12, file_type: int | None = 15, layers: int = 2, **extra: object
) -> Model:
    """A small model; ``extra`` are integers (u32) or texts, dots in keys written as double underscores."""
    metadata: list[tuple[str, int, object]] = [
        ("general.architecture", STRING, architecture),
        ("general.name", STRING, "Small"),
        (f"{architecture}.block_count", U32, layers),
        (f"{architecture}.context_length", U32, 4096),
    ]
    if file_type is not None:
        metadata.append(("general.file_type", U32, file_type))
    for key, value in extra.items():
        metadata.append((key.replace("__", "."), STRING if isinstance(value, str) else U32, value))
    tensors: list[tuple[str, tuple[int, ...], int]] = [("token_embd.weight", (256, 512), 8)]
    for layer in range(layers):
        tensors += [
            (f"blk.{layer}.attn_norm.weight", (256,), 0),
            (f"blk.{layer}.ffn_up.weight", (256, 1024), kind),
            (f"blk.{layer}.attn_v.weight", (256, 64), 14),
        ]
    return Model(metadata, tensors)
