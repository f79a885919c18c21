"""What a quantization will come to, before it begins: size to the byte, memory and speed here, loss as published."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from desktop.core import naming
from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import FileFormatError, HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header, Tensor, read_header
from desktop.core.gguf.writer import ALIGNMENT, Written
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.quality import Quality, QualityTable
from desktop.core.quantize_recipe import (
    TARGETS,
    UNQUANTIZED,
    Recipe,
    held_text,
    quantized_headers,
    recipe_entries,
    requantized,
    without_older,
)
from desktop.core.quants import TYPES_BY_NAME, WeightShare, stood_in_for, weight_role
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.quantizer import BUFFER_BYTES, ImatrixRead, Quantize, Quantized, ReadImatrix
from desktop.services.planning.service import PlanningService, Weighed
from desktop.store.gguf_files import FileSource
from desktop.store.library import LibraryModel
from desktop.store.measurements import Measurement
from desktop.system.atomic import scratch_file

SHA256 = "0" * 64  # as long as the one that will stand there


@dataclass(frozen=True)
class Prospect:
    """``size_bytes`` is that of all files of the result, ``types`` bytes by tensor type, ``requantized`` the quantized
    types that the source's weights would be made anew from. ``weighed`` is how it would load here, None where that
    cannot be said. ``memory_bytes`` is what making it takes at a time. ``emptied`` are entries of the recipe
    by which the source was made, which do not hold any more. ``mainly`` is the tensor type that most of it gets in the
    place of the named one, "" as a rule. ``quality`` is what was published: of the type, of nothing where ``mainly`` is
    another, of the source's type where ``keeps_loss``. ``measured`` is what was measured here of this type of the
    model, and ``taken`` says that there are files of the target's name. ``tensors`` are the source's, ``tensor_types``
    what each would get."""

    source: LibraryModel
    source_label: str
    recipe: Recipe
    target: Path
    size_bytes: int
    types: Mapping[str, int]
    requantized: tuple[str, ...]
    needs_imatrix: bool
    memory_bytes: int
    weights: int
    quality: Quality
    weighed: Weighed | None
    label: str
    emptied: Mapping[str, str | int | bool]
    mainly: str = ""
    tensors: tuple[Tensor, ...] = ()
    tensor_types: Mapping[str, str] = field(default_factory=dict)
    measured: tuple[Measurement, ...] = ()
    taken: bool = False

    @property
    def keeps_loss(self) -> bool:
        """It loses nothing against its source, whose own loss stays."""
        return self.recipe.type in UNQUANTIZED and bool(self.requantized)


def request_of(
    source: LibraryModel, target: Path, recipe: Recipe, threads: int, entries: Mapping[str, str | int | bool]
) -> Quantize:
    """What the quantizer is asked; ``requantize`` and the like are for whoever asks to say."""

    def id_of(name: str) -> int:
        return TYPES_BY_NAME[name].id if name else -1

    return Quantize(
        str(source.path), str(target), TARGETS[recipe.type], threads, pure=recipe.pure, keep_split=recipe.keep_split,
        output_type=id_of(recipe.output_type), embedding_type=id_of(recipe.embedding_type),
        tensor_types=tuple((pattern, id_of(kind)) for pattern, kind in recipe.tensor_types),
        imatrix=recipe.imatrix, entries=dict(entries), source_bytes=source.size_bytes,
    )  # fmt: skip


def told_of(
    source: LibraryModel, sha256: str, engine: str, heft: str, imatrix_sha256: str, again: bool
) -> dict[str, str | bool]:
    """What a recipe says beside the types."""
    found: dict[str, str | bool] = {"source.name": source.path.name, "source.sha256": sha256}
    if imatrix_sha256:
        found["imatrix.sha256"] = imatrix_sha256
    if again:
        found["requantized"] = True
    return found | {"engine": engine, "heft": heft}


class Prospects:
    """Works them out; nothing is written but a header in a scratch folder. Calls may come from any thread."""

    def __init__(
        self,
        tool: Callable[[], Tool[Any]],
        planning: Callable[[], PlanningService],
        quality: Callable[[], QualityTable],
        scratch: Path,
        versions: Callable[[], tuple[str, str]],
    ) -> None:
        """``tool`` makes the quantizer's process; ``versions`` are the engine's and Heft's."""
        self._tool, self._planning, self._quality = tool, planning, quality
        self._scratch, self._versions = scratch, versions

    def of(
        self, source: LibraryModel, recipe: Recipe, target: Path, *, weigh: bool = True, cancelled: Cancelled = never
    ) -> Prospect:
        """Raises HeftError: "usage" for a file or recipe that cannot be quantized, "bad-file", what the engine says."""
        if source.fault is not None:
            raise source.fault.error(source.title)
        with ExitStack() as opened:
            try:
                files = [(read_header(stream), stream) for stream in _opened(source.files, opened)]
            except FileFormatError as error:
                raise FileFormatError(f"{source.title}: {error.message}", error.hint, offset=error.offset) from error
            headers = [header for header, _ in files]
            _must_be_plain(source, headers)
            if recipe.keep_split and len(files) == 1:
                raise UsageError(
                    tr("{title} is one file.", title=source.title),
                    tr("It cannot be kept in several; make one file of it."),
                )
            found, imatrix = self._dry_run(source, recipe, cancelled)
            tensors = [tensor for header in headers for tensor in header.tensors]
            anew = requantized(found.types, tensors)
            engine, heft = self._versions()
            told = told_of(source, SHA256, engine, heft, SHA256 if recipe.imatrix else "", bool(anew))
            own = recipe_entries(recipe, told)
            emptied = {key: value for key, value in without_older(headers[0], own).items() if key not in own}
            entries = emptied | own | imatrix
            written = quantized_headers(files, found.types, recipe, entries)
            one_file = quantized_headers(files, found.types, _in_one(recipe), entries)[0]
        types: Counter[str] = Counter()
        for tensor in tensors:
            kind = TYPES_BY_NAME[found.types[tensor.name]]
            types[kind.name] += kind.size(tensor.elements)
        label = recipe.type
        shares = [
            WeightShare(weight_role(one.name), found.types[one.name], len(one.shape) > 1, one.elements)
            for one in tensors
        ]
        mainly = "" if recipe.tensor_types else stood_in_for(TARGETS[label], shares)
        parameters = sum(tensor.elements for tensor in tensors)
        return Prospect(
            source, headers[0].quantization, recipe, target, sum(one.file_bytes for one in written), types, anew,
            found.needs_imatrix, _memory(tensors), parameters,
            self._published(recipe, headers[0].quantization, anew, mainly, parameters),
            self._weighed(one_file, target, cancelled) if weigh else None, label, emptied, mainly, tuple(tensors),
            found.types,
        )  # fmt: skip

    def _published(self, recipe: Recipe, source: str, anew: Sequence[str], mainly: str, parameters: int) -> Quality:
        if mainly or recipe.tensor_types:
            return Quality(recipe.type, "not measured")
        if recipe.type in UNQUANTIZED and anew:
            return self._quality().quality_of(source, "plain", parameters)
        return self._quality().quality_of(recipe.type, "imatrix" if recipe.imatrix else "plain", parameters)

    def _dry_run(
        self, source: LibraryModel, recipe: Recipe, cancelled: Cancelled
    ) -> tuple[Quantized, dict[str, str | int | bool]]:
        tool = self._tool()
        try:
            told: dict[str, str | int | bool] = {}
            if recipe.imatrix:
                read = tool.call(ReadImatrix(recipe.imatrix), cancelled=cancelled)
                assert isinstance(read, ImatrixRead)
                told["quantize.imatrix.file"] = held_text(Path(recipe.imatrix).name)
                if read.dataset:
                    told["quantize.imatrix.dataset"] = held_text(read.dataset)
                told["quantize.imatrix.entries_count"] = read.entries
                if read.chunks > 0:
                    told["quantize.imatrix.chunks_count"] = read.chunks
            request = request_of(source, Path("nothing.gguf"), recipe, 1, {})
            found = tool.call(msgspec.structs.replace(request, dry_run=True, requantize=True), cancelled=cancelled)
        finally:
            tool.close()
        assert isinstance(found, Quantized)
        return found, told

    def _weighed(self, header: Written, target: Path, cancelled: Cancelled) -> Weighed | None:
        """How a file with this header would load: the header is real, the rest is a hole."""
        with contextlib.suppress(HeftError, OSError):
            self._scratch.mkdir(parents=True, exist_ok=True)
            with scratch_file(self._scratch, f"-{target.name}") as hollow:
                with hollow.open("wb") as stream:
                    stream.write(header.header)
                    stream.truncate(header.file_bytes)
                return self._planning().weigh_source(
                    str(hollow), LoadSettings(), ref=local_ref(target), cancelled=cancelled
                )
        return None


def default_target(source: LibraryModel, recipe: Recipe, folder: Path) -> Path:
    """``NAME-TYPE.gguf`` in ``folder``, with the name of the source's own."""
    name = naming.base_name(source.path.name) or source.path.stem
    return folder / f"{name}-{recipe.type}.gguf"


def _opened(files: Sequence[Path], opened: ExitStack) -> list[FileSource]:
    return [opened.enter_context(FileSource(path)) for path in files]


def _must_be_plain(source: LibraryModel, headers: Sequence[Header]) -> None:
    if any(header.alignment != ALIGNMENT for header in headers):
        raise HeftError(
            tr(
                "{title} keeps its tensors at steps of {alignment} bytes, which llama.cpp's quantizer does not keep.",
                title=source.title,
                alignment=headers[0].alignment,
            ),
            tr("Choose another file of this model."),
            kind=FailureKind.BAD_FILE,
        )


def _in_one(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(recipe, keep_split=False)


def _memory(tensors: Sequence[Tensor]) -> int:
    """Bytes that quantizing takes: the rows of the largest tensor as floats, before and after, as far as they are kept
    at once."""
    largest = max((tensor.elements for tensor in tensors), default=0)
    return min(BUFFER_BYTES, largest * 8) + (200 << 20)
