"""Numbers through formats, schemes and llama.cpp's own blocks: those of a tensor on this computer, or typed in."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header, Tensor, read_header
from desktop.core.number_lab import Outcome, Scheme, outcome_of, quantized
from desktop.core.progress import Report, unheard
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.numbers import Answer, Pack, Packed, ReadValues, TensorLocation, TensorValues
from desktop.services.models.library import LibraryService
from desktop.store.gguf_files import FileSource
from desktop.store.paths import Paths
from desktop.system.idle import IdleClose

MOST_VALUES = 16_384  # of a tensor: what is computed of them follows a hand that drags
PACKED = (  # llama.cpp's types that pack weights in blocks, the widest first
    "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "Q3_K",
    "IQ3_S", "IQ3_XXS", "Q2_K", "IQ2_S", "IQ2_XS", "IQ2_XXS", "TQ2_0", "IQ1_M", "TQ1_0", "IQ1_S",
)  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """Rows of ``columns`` values. ``total`` are in the tensor that they are of; ``stored`` is its type, "" for numbers
    that were typed in."""

    values: tuple[float, ...]
    columns: int
    title: str
    total: int
    stored: str = ""


@dataclass(frozen=True)
class TensorName:
    """A tensor that can be looked at."""

    name: str
    type: str
    shape: tuple[int, ...]


def typed_numbers(text: str, columns: int = 0) -> Numbers:
    """Numbers between spaces, commas, semicolons or brackets. Raises UsageError."""
    words = text.translate(str.maketrans("[](),;", "      ")).split()
    try:
        values = tuple(float(word.replace("\N{MINUS SIGN}", "-")) for word in words)
    except ValueError:
        raise UsageError(
            tr("Not all of this is numbers."), tr("Type numbers with spaces between them: 1.2 -0.5 5.4")
        ) from None
    if not values:
        raise UsageError(tr("There are no numbers."), tr("Type some with spaces between them: 1.2 -0.5 5.4"))
    if len(values) > MOST_VALUES:
        raise UsageError(
            tr("These are {values:,} numbers.", values=len(values)),
            tr("Type {most_values:,} at most.", most_values=MOST_VALUES),
        )
    return Numbers(values, columns or len(values), "typed in", len(values))


class NumberLabService:
    """Asks a process of its own, which ends after a while without calls. Calls may come from any thread."""

    def __init__(self, paths: Paths, library: LibraryService) -> None:
        self._library = library
        self._tool: Tool[Any] = Tool(
            "desktop.engine.tools.numbers", Answer, paths.scratch / "number-lab", paths.logs / "number-lab.log"
        )
        self._idle = IdleClose(self._tool.close)

    def tensors(self, model: str) -> tuple[TensorName, ...]:
        """The tensors of a model, in the order of its files. Raises HeftError."""
        return tuple(
            TensorName(tensor.name, tensor.type, tensor.shape)
            for _, header in self._headers(model)
            for tensor in header.tensors
        )

    def read(self, model: str, name: str, *, progress: Report = unheard, cancelled: Cancelled = never) -> Numbers:
        """A tensor's values, or a sample of MOST_VALUES of them. Raises HeftError: not found, not-finite, bad-file."""
        path, header, tensor = self._found(model, name)
        place = TensorLocation(
            str(path), header.position(tensor), tensor.type_id, tensor.shape, header.endianness == "big"
        )
        with self._idle:
            found = self._tool.call(ReadValues(place, MOST_VALUES), progress=progress, cancelled=cancelled)
        assert isinstance(found, TensorValues)
        return Numbers(_floats(found.values), found.columns, name, found.total, tensor.type)

    def outcome(self, numbers: Numbers, way: Scheme | str, *, cancelled: Cancelled = never) -> Outcome:
        """What a scheme, or one of the types PACKED, makes of the numbers. Raises UsageError for what cannot be."""
        if isinstance(way, Scheme):
            try:
                return quantized(numbers.values, way, numbers.columns)
            except ValueError as error:
                raise UsageError(
                    tr("This cannot be: {error}.", error=error), tr("Choose another format or scheme.")
                ) from None
        if way not in PACKED:
            raise UsageError(
                tr("There is no type {way}.", way=way), tr("Choose one of: {packed}.", packed=", ".join(PACKED))
            )
        kind = TYPES_BY_NAME[way]
        if numbers.columns % kind.block:
            raise UsageError(
                tr(
                    "{way} packs {block} numbers of a row together; rows of {columns} do not divide so.",
                    way=way,
                    block=kind.block,
                    columns=numbers.columns,
                ),
                tr("Choose another type, or rows of {block}.", block=kind.block),
            )
        raw = struct.pack(f"<{len(numbers.values)}f", *numbers.values)
        with self._idle:
            found = self._tool.call(Pack(way, raw, numbers.columns), cancelled=cancelled)
        assert isinstance(found, Packed)
        return outcome_of(numbers.values, _floats(found.values), kind.bits_per_weight)

    def close(self) -> None:
        """End the process, if any."""
        self._idle.close()

    def _headers(self, model: str) -> Sequence[tuple[Path, Header]]:
        found = self._library.resolve(model)
        if found.fault is not None:
            raise found.fault.error(found.title)
        headers = []
        for path in found.files:
            with FileSource(path) as source:
                headers.append((path, read_header(source)))
        return headers

    def _found(self, model: str, name: str) -> tuple[Path, Header, Tensor]:
        for path, header in self._headers(model):
            for tensor in header.tensors:
                if tensor.name == name:
                    return path, header, tensor
        raise HeftError(
            tr("There is no tensor {name} in this model.", name=name),
            "heft inspect MODEL --tensors lists them.",
            kind=FailureKind.NOT_FOUND,
        )


def _floats(raw: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(raw) // 4}f", raw)
