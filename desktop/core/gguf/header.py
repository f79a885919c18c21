"""What a GGUF header says, as values: metadata, tensors, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from desktop.core.findings import Finding
from desktop.core.gguf.values import Array, Text, Value, ValueType
from desktop.core.model_size import ModelSize, size_of
from desktop.core.quants import (
    TENSOR_TYPES,
    WeightRole,
    WeightShare,
    quantization_label,
    type_name,
    weight_role,
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as listed: ``shape`` in ggml's order (the row length first), ``offset`` from the data section."""

    name: str
    shape: tuple[int, ...]
    type_id: int
    offset: int

    @property
    def type(self) -> str:
        """The type's name; ``type 200`` for an id ggml does not know."""
        return type_name(self.type_id)

    @property
    def elements(self) -> int:
        count = 1
        for length in self.shape:
            count *= length
        return count

    @property
    def size_bytes(self) -> int | None:
        """Bytes of its data; None when the type is unknown."""
        known = TENSOR_TYPES.get(self.type_id)
        return known.size(self.elements) if known else None


@dataclass(frozen=True, eq=False)
class Header:
    """A parsed header. Offsets and sizes are bytes from the start of the source.

    ``complete`` is False when reading stopped early (only with ``read_header(..., partial=True)``); what was
    read so far is there and the last problem says where and why it stopped. ``unfinished`` then holds the declared
    length of the array in which it stopped, by key: the size of a vocabulary is known before its words.
    """

    version: int
    endianness: Literal["little", "big"]
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    alignment: int
    header_bytes: int
    data_offset: int
    file_bytes: int
    problems: tuple[Finding, ...]
    complete: bool = True
    unfinished: Mapping[str, int] = field(default_factory=dict)

    def with_problems(self, problems: tuple[Finding, ...]) -> Header:
        """The same header with these findings."""
        return replace(self, problems=problems)

    def string(self, key: str) -> str:
        """A string value; "" when the key is missing, of another type, or too long to be kept."""
        found = self.metadata.get(key)
        if found is None or found.type is not ValueType.STRING or not isinstance(found.data, str):
            return ""
        return found.data

    def integer(self, key: str) -> int | None:
        """An integer value; None when the key is missing or of another type."""
        found = self.metadata.get(key)
        if found is None or isinstance(found.data, bool) or not isinstance(found.data, int):
            return None
        return found.data

    def array(self, key: str) -> Array | None:
        """An array value; None when the key is missing or of another type."""
        found = self.metadata.get(key)
        return found.data if found is not None and isinstance(found.data, Array) else None

    def text(self, key: str, limit: int) -> str:
        """A string value of any length, cut at ``limit`` bytes; "" when there is none."""
        found = self.metadata.get(key)
        if found is not None and isinstance(found.data, Text):
            return found.data.read(limit)
        return self.string(key).encode()[:limit].decode("utf-8", "ignore")

    def token_text(self, which: str) -> str:
        """Text of the vocabulary's "bos" or "eos" token; "" when it has none."""
        number, tokens = self.integer(f"tokenizer.ggml.{which}_token_id"), self.array("tokenizer.ggml.tokens")
        if number is None or tokens is None or tokens.type is not ValueType.STRING or not 0 <= number < len(tokens):
            return ""
        return tokens.strings(number, number + 1)[0]

    @property
    def architecture(self) -> str:
        return self.string("general.architecture")

    @property
    def name(self) -> str:
        return self.string("general.name")

    @property
    def file_type(self) -> int | None:
        return self.integer("general.file_type")

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for."""
        return self.integer(f"{self.architecture}.context_length")

    @cached_property
    def size(self) -> ModelSize:
        """Parameters and bytes of the tensors in this file."""
        return size_of((tensor.type, tensor.elements) for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        """Elements of all tensors in this file."""
        return self.size.parameters

    @property
    def tensor_bytes(self) -> int:
        """Bytes of all tensors whose type is known."""
        return self.size.tensor_bytes

    @cached_property
    def quantization(self) -> str:
        """The label of ``core.quants.quantization_label`` for this file's tensors."""
        return quantization_label(self.shares(), self.file_type)

    def shares(self) -> list[WeightShare]:
        """The weights summed by role and type: what ``core.quants`` labels a file, or its shards together, by."""
        sums: Counter[tuple[WeightRole, str, bool]] = Counter()
        for tensor in self.tensors:
            sums[weight_role(tensor.name), tensor.type, len(tensor.shape) >= 2] += tensor.elements
        return [WeightShare(*key, elements) for key, elements in sums.items()]

    @property
    def split(self) -> tuple[int, int] | None:
        """(number of this shard from 0, number of shards) of a split file, else None."""
        number, count = self.integer("split.no"), self.integer("split.count")
        return (number, count) if number is not None and count is not None and count > 1 else None

    def position(self, tensor: Tensor) -> int:
        """The byte at which a tensor's data starts in the file."""
        return self.data_offset + tensor.offset
