"""Describes a model of any architecture and writes its header, with a hole where the weights are."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.forge import Value, write

Tensors = list[tuple[str, tuple[int, ...], str]]
_U32, _F32, _BOOL, _STRING, _ARRAY = 4, 6, 7, 8, 9


@dataclass
class Forged:
    """A model being described: ``keys`` below the architecture's name but for ``tokenizer.*``, ``tensors`` in order."""

    architecture: str
    vocabulary: int
    keys: dict[str, Any]
    tensors: Tensors = field(default_factory=list)

    def add(self, name: str, *dims: int) -> None:
        self.tensors.append((name if "." in name else f"{name}.weight", dims, _kind(name, dims)))

    def block(self, layer: int, **tensors: tuple[int, ...]) -> None:
        """Tensors of a layer; a name that ends in ``_`` gets no ``.weight``, one with ``__`` another suffix."""
        for name, dims in tensors.items():
            base, _, suffix = name.partition("__")
            full = f"blk.{layer}.{base.rstrip('_')}" + ("" if base.endswith("_") else f".{suffix or 'weight'}")
            self.tensors.append((full, dims, _kind(full, dims)))

    def ends(self, *, tied: bool) -> None:
        width = self.keys["embedding_length"]
        self.add("token_embd", width, self.vocabulary)
        self.add("output_norm", width)
        if not tied:
            self.add("output", width, self.vocabulary)

    def write(self, path: Path) -> Path:
        """The header, followed by a hole as long as the weights."""
        entries = {"general.architecture": Value(_STRING, self.architecture)}
        entries |= {
            key if key.startswith("tokenizer.") else f"{self.architecture}.{key}": _value(value)
            for key, value in self.keys.items()
        }
        entries["tokenizer.ggml.model"] = Value(_STRING, "no_vocab")
        entries[f"{self.architecture}.vocab_size"] = Value(_U32, self.vocabulary)
        return write(path, entries, self.tensors, hollow=True)


def _kind(name: str, dims: tuple[int, ...]) -> str:
    small = len(dims) < 2 or any(part in name for part in ("ssm_conv1d", "ssm_a", "ssm_d", "shortconv.conv", "_inp."))
    if small or "altup" in name or "bias" in name or dims[0] % 32:
        return "F32"
    return "Q4_K" if dims[0] % 256 == 0 else "Q8_0"


def _value(value: Any) -> Value:
    if isinstance(value, bool):
        return Value(_BOOL, value)
    if isinstance(value, float):
        return Value(_F32, value)
    if isinstance(value, int):
        return Value(_U32, value)
    if isinstance(value[0], bool):
        return Value(_ARRAY, bytes(value), _BOOL, len(value))
    return Value(_ARRAY, struct.pack(f"<{len(value)}I", *value), _U32, len(value))
