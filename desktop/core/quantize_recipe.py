"""How a quantized file is made: the types, what stands in its metadata, and how large it will be, to the byte.

Source: llama.cpp ``tools/quantize/quantize.cpp`` (names, metadata), ``src/llama-quant.cpp`` (llama_model_quantize_impl,
llama_ftype_get_default_type); the sizes are held against files it made in ``tests/engine/test_quantizer.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from desktop.core.errors import UsageError
from desktop.core.gguf.header import Header, Tensor
from desktop.core.gguf.source import ByteSource
from desktop.core.gguf.values import Scalar, ValueType
from desktop.core.gguf.writer import Entries, Written, can_be_rewritten, entries_of, entry, written
from desktop.core.quants import FILE_TYPES, TYPES_BY_NAME
from desktop.core.words import tr

_ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "FP16": "F16", "FP32": "F32"}
_NOT_MADE = ("NVFP4",)  # llama_ftype_get_default_type has no such file
TARGETS: Mapping[str, int] = {kind.label: kind.id for kind in FILE_TYPES.values() if kind.label not in _NOT_MADE}
UNQUANTIZED = ("F32", "F16", "BF16")
NEARLY_WHOLE = "Q8_0"  # what is made from it loses about as much as what is made from F16
_WHOLE = frozenset((*UNQUANTIZED, "F64", "I8", "I16", "I32", "I64"))
_NOT_STORED = frozenset(("Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64", "NVFP4"))
_SPLIT = ("split.no", "split.count", "split.tensors.count")
_QUANTIZATION_VERSION = 2  # GGML_QNT_VERSION of ggml.h
TEXT_BYTES = 127  # that llama_model_kv_override holds of a value
PREFIX = "heft.recipe."


class Recipe(msgspec.Struct, frozen=True):
    """What to make: ``type`` is a file type's name. Types of tensors and of output and embedding are a tensor type's,
    "" for the file type's own choice. ``imatrix`` is a file. ``pure`` gives all matrices the same type."""

    type: str
    tensor_types: tuple[tuple[str, str], ...] = ()  # pattern of names (a regular expression), type
    output_type: str = ""
    embedding_type: str = ""
    imatrix: str = ""
    pure: bool = False
    keep_split: bool = False

    def checked(self) -> Recipe:
        """The same in the tables' writing. Raises UsageError for what no quantizer makes."""
        for pattern, _ in self.tensor_types:
            _check_pattern(pattern)
        return msgspec.structs.replace(
            self,
            type=file_type_named(self.type),
            tensor_types=tuple((pattern, tensor_type_named(kind)) for pattern, kind in self.tensor_types),
            output_type=tensor_type_named(self.output_type) if self.output_type else "",
            embedding_type=tensor_type_named(self.embedding_type) if self.embedding_type else "",
        )


def file_type_named(text: str) -> str:
    """The file type a person means. Raises UsageError."""
    name = text.upper()
    name = _ALIASES.get(name, name)
    if name not in TARGETS:
        raise UsageError(
            tr("There is no type {text}.", text=text[:40]), tr("Choose one of: {targets}.", targets=", ".join(TARGETS))
        )
    return name


def tensor_type_named(text: str) -> str:
    """The tensor type a person means. Raises UsageError."""
    name = text.upper()
    known = [kind for kind in TYPES_BY_NAME if kind not in _NOT_STORED]
    if name not in known:
        raise UsageError(
            tr("There is no tensor type {text}.", text=text[:40]), tr("Choose one of: {known}.", known=", ".join(known))
        )
    return name


def type_of_text(text: str) -> tuple[str, str]:
    """PATTERN=TYPE of a command line. Raises UsageError."""
    pattern, equals, kind = text.rpartition("=")
    if not equals or not pattern:
        raise UsageError(tr("{text} is no PATTERN=TYPE.", text=text[:80]), tr("For example: --type-of attn_v=Q8_0"))
    _check_pattern(pattern)
    return pattern, tensor_type_named(kind)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(
            tr("{pattern} is no pattern of names: {error}.", pattern=pattern[:80], error=error),
            tr("For example: --type-of attn_v=Q8_0"),
        ) from None


def requantized(changes: Mapping[str, str], tensors: Sequence[Tensor]) -> tuple[str, ...]:
    """Types of tensors that are quantized already and are to be changed; "Q8_0" is so close to whole that it is not
    among them."""
    found = {tensor.type for tensor in tensors if tensor.type not in _WHOLE and changes.get(tensor.name) != tensor.type}
    return tuple(sorted(found - {NEARLY_WHOLE}))


# -- what stands in the file's metadata -------------------------------------------------------------


def recipe_entries(recipe: Recipe, told: Mapping[str, str | bool]) -> dict[str, str | int | bool]:
    """Entries that say how a file was made; ``told`` are further ones (source, engine), without the prefix."""
    found: dict[str, str | int | bool] = {"type": recipe.type}
    for at, (pattern, kind) in enumerate(recipe.tensor_types):
        found[f"tensor_types.{at}"] = f"{pattern}={kind}"
    found |= {
        name: value
        for name, value in (
            ("output_type", recipe.output_type), ("embedding_type", recipe.embedding_type), ("pure", recipe.pure),
        )
        if value
    }  # fmt: skip
    return {
        PREFIX + key: held_text(value) if isinstance(value, str) else value for key, value in {**found, **told}.items()
    }


def without_older(header: Header, entries: Mapping[str, str | int | bool]) -> dict[str, str | int | bool]:
    """The entries, and empty values for those of the recipe by which the source itself was made: the quantizer copies
    them. That weights were quantized twice stays true of whatever is made of them."""
    found: dict[str, str | int | bool] = {}
    for key, value in header.metadata.items():
        if key.startswith(PREFIX) and key not in entries and key != PREFIX + "requantized":
            found[key] = False if value.type is ValueType.BOOL else 0 if isinstance(value.data, int) else ""
    return {**found, **entries}


def held_text(text: str) -> str:
    """As much of a text as an added entry holds."""
    return text.encode()[:TEXT_BYTES].decode("utf-8", "ignore")


# -- how large it will be ---------------------------------------------------------------------------


def quantized_headers(
    files: Sequence[tuple[Header, ByteSource]],
    types: Mapping[str, str],
    recipe: Recipe,
    added: Mapping[str, str | int | bool],
) -> list[Written]:
    """The headers of what a quantizer makes of ``files`` (all shards) with the tensor ``types`` by name.

    ``added`` are entries beside the file's own. Their lengths and those of the files are the real ones; the order of
    tensors is not. Raises FileFormatError for files that cannot be rewritten.
    """
    for header, _ in files:
        can_be_rewritten(header)
    entries = {key: value for key, value in entries_of(*files[0]).items() if key not in _SPLIT}
    entries |= _changed(recipe, added)
    tensors = [[_retyped(tensor, types) for tensor in header.tensors] for header, _ in files]
    if not recipe.keep_split or len(files) == 1:
        return [written(entries, [tensor for part in tensors for tensor in part])]
    count = sum(len(part) for part in tensors)
    split = [_split_entries(number, len(files), count) for number in range(len(files))]
    return [written({**(entries if at == 0 else {}), **split[at]}, part) for at, part in enumerate(tensors)]


def _changed(recipe: Recipe, added: Mapping[str, str | int | bool]) -> Entries:
    own = {"general.quantization_version": _QUANTIZATION_VERSION, "general.file_type": TARGETS[recipe.type]}
    return {key: entry(key, kind_of_value(value), value) for key, value in {**own, **added}.items()}


def kind_of_value(value: Scalar) -> ValueType:
    """The type in which llama_model_quantize writes an added value."""
    if isinstance(value, bool):
        return ValueType.BOOL
    if isinstance(value, str):
        return ValueType.STRING
    return ValueType.UINT32 if isinstance(value, int) else ValueType.FLOAT32


def _retyped(tensor: Tensor, types: Mapping[str, str]) -> Tensor:
    kind = TYPES_BY_NAME[types[tensor.name]].id if tensor.name in types else tensor.type_id
    return replace(tensor, type_id=kind)


def _split_entries(number: int, count: int, tensors: int) -> Entries:
    values = (number, count, tensors)
    kinds = (ValueType.UINT16, ValueType.UINT16, ValueType.INT32)
    return {key: entry(key, kind, value) for key, kind, value in zip(_SPLIT, kinds, values, strict=True)}
