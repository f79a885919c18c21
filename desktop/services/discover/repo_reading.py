"""What was read of a repo's variants: their headers, the models they are of, and estimates of what was not read."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from dataclasses import replace

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import FileFormatError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header
from desktop.core.gguf.checks import name_is_wrong
from desktop.core.gguf.kind import model_kind
from desktop.core.gguf.model_checks import first_refusal
from desktop.core.gguf.projector import projector_widths, widths_contradict
from desktop.core.memory import ModelShape, shape_of, weights_from_size, weights_of
from desktop.core.model_groups import Grouped, ModelGrouper, identity_of
from desktop.core.model_kind import ModelKind
from desktop.core.model_size import ModelSize
from desktop.core.naming import Role
from desktop.core.other_types import cannot_load
from desktop.core.quants import contradicted, quantization_label
from desktop.core.variants import RepoFile, Variant
from desktop.hub.client import RemoteFile
from desktop.hub.errors import HubError
from desktop.hub.header import HeaderReader, RemoteHeader
from desktop.hub.records import RepoFiles
from desktop.services.discover.repo_known import Known, Model, Snapshot
from desktop.services.discover.tables import DataTables
from desktop.services.models.kind_words import kind_note

_log = logging.getLogger(__name__)

_HUB_ERROR = 3  # times more or fewer parameters than a file's size lets expect: the Hub's count is wrong
_TRIES = 3  # files of a model whose beginning is read until one is sound
_FIRST_MODELS = 6  # models that are estimated at once; more follow as their headers are read
# What a file is to the models beside it, by its kind.
_COMPANIONS: dict[ModelKind, Role] = {
    ModelKind.PROJECTOR: "mmproj",
    ModelKind.DRAFT: "draft",
    ModelKind.ADAPTER: "adapter",
    ModelKind.CONTROL_VECTOR: "adapter",
    ModelKind.IMATRIX: "imatrix",
}
_NO_LANGUAGE_MODEL = "This file is no language model: nothing in its header says how it is built."


def _by_name(variant: Variant) -> Known:
    """What a variant's name alone decides: another program's quantizations have no figures here."""
    if variant.other_program:
        return Known(unplannable=True, problem=cannot_load(variant.quantization, variant.other_program))
    return Known()


class RepoReading:
    """Reads headers of one repo. :meth:`now` is quick; what reads waits for the network. Thread-safe."""

    def __init__(
        self, files: RepoFiles, variants: Sequence[Variant], headers: HeaderReader, tables: DataTables
    ) -> None:
        self._files = files
        self._variants = variants
        self._headers = headers
        self._quality = tables.quality
        self._etags = {file.path: file.etag for file in files.files}
        self._lock = threading.Lock()
        self._known = [_by_name(variant) for variant in variants]
        self._sources: list[tuple[int, bool] | None] = [None for _ in variants]  # what each estimate was made from

        def bits_of(quantization: str) -> float | None:
            step = tables.quality.step(quantization)
            return step.bits_per_weight if step else None

        self.grouper = ModelGrouper(variants, tables.names, bits_of)
        self._models: tuple[Model, ...] = ()
        self._regroup()

    def now(self) -> Snapshot:
        """Everything as known now."""
        with self._lock:
            return Snapshot(tuple(self._known), self._models)

    def read_first(self, cancelled: Cancelled) -> None:
        """The first kilobytes of one variant per model, as far as names and sizes tell models apart.

        A damaged file is passed over for the next one. Raises HubError where the Hub tells nothing, FileFormatError
        where every file is damaged, CancelledError.
        """
        clusters: dict[int, list[int]] = {}
        for index, number in enumerate(self.grouper.clusters):
            if not self._variants[index].missing_shards and not self._known[index].given_up:
                clusters.setdefault(number, []).append(index)
        last: HeftError | None = None
        for members in list(clusters.values())[:_FIRST_MODELS]:
            if any(self._known[index].shape is not None for index in members):
                continue
            try:
                last = self._read_one_of(members, cancelled) or last
            except CancelledError:
                raise
            except HubError:
                if all(entry.shape is None for entry in self._known):
                    raise
                break  # the rest is read later, or not: what is known stands
        whole = [index for members in clusters.values() for index in members]
        if last is not None and all(self._known[index].problem for index in whole):
            raise last

    def _read_one_of(self, members: Sequence[int], cancelled: Cancelled) -> HeftError | None:
        """The beginning of one of these; the last error where none could be read. Raises HubError."""
        last: HeftError | None = None
        for index in members[:_TRIES]:
            file = self._variants[index].first_file
            try:
                read = self._kept(file) or self._headers.first_kilobytes(
                    self._files.id, file.path, self._revision, cancelled=cancelled
                )
            except FileFormatError as error:
                self._note(index, damaged=True, problem=error.message)
                last = error
                continue
            except HubError as error:
                if error.kind != FailureKind.FILE_NOT_FOUND:
                    raise
                self._note(index, unplannable=True, problem=error.message)
                last = error
                continue
            if self._take(index, read.header):
                return None
        return last

    def read(self, index: int, cancelled: Cancelled) -> bool:
        """Whether a variant's headers are at hand, all of them read now if need be.

        What cannot be read keeps its estimate and says why. Raises CancelledError, and HubError for what passes by
        itself.
        """
        known, variant = self._known[index], self._variants[index]
        if known.headers:
            return True
        if known.problem or variant.missing_shards:
            return False
        try:
            headers = tuple(
                (
                    self._kept(file)
                    or self._headers.read(self._files.id, file.path, self._revision, cancelled=cancelled)
                ).header
                for file in variant.files[: 1 if variant.concatenated else None]
            )
        except CancelledError:
            raise
        except HeftError as error:
            if isinstance(error, HubError) and error.temporary:
                raise
            damaged, gone = isinstance(error, FileFormatError), error.kind == FailureKind.FILE_NOT_FOUND
            self._note(index, damaged=damaged, unplannable=gone, problem=error.message)
            return False
        return self._take(index, headers[0], headers)

    def refuse(self, index: int, problem: str) -> None:
        """Note why the engine will not load a variant: it has no figures then."""
        self._note(index, unplannable=True, problem=problem)

    def fail(self, index: int, problem: str) -> None:
        """Note why something of a variant could not be worked out."""
        self._note(index, problem=problem)

    def companions(self) -> dict[str, Role]:
        """What is no model by its header, though its name says nothing of it: paths with what they are. Empty where
        nothing else is left to choose."""
        with self._lock:
            found = {
                index: _COMPANIONS[entry.kind] for index, entry in enumerate(self._known) if entry.kind in _COMPANIONS
            }
        if len(found) == len(self._variants):
            return {}
        return {file.path: role for index, role in found.items() for file in self._variants[index].files}

    def with_projectors_that_fit(self, cancelled: Cancelled) -> tuple[Variant, ...]:
        """The variants without projectors that put out another width than their model takes, as their headers say.
        One that cannot be read stays. Raises CancelledError."""
        with self._lock:
            shapes = [entry.shape for entry in self._known]
        widths: dict[str, tuple[int, ...]] = {}

        def fits(file: RepoFile, shape: ModelShape | None) -> bool:
            if file.path not in widths:
                widths[file.path] = self._widths(file, cancelled)
            return shape is None or not widths_contradict(widths[file.path], shape.embedding)

        return tuple(
            variant
            if variant.projector is None or fits(variant.projector, shape)  # the others are the same in other types
            else replace(variant, mmproj=tuple(file for file in variant.mmproj if fits(file, shape)))
            for variant, shape in zip(self._variants, shapes, strict=True)
        )

    def _widths(self, file: RepoFile, cancelled: Cancelled) -> tuple[int, ...]:
        try:
            read = self._kept(file) or self._headers.read(
                self._files.id, file.path, self._revision, cancelled=cancelled
            )
        except CancelledError:
            raise
        except HeftError:
            return ()
        return projector_widths(read.header)

    # -- inside ----------------------------------------------------------------------------------

    def _take(self, index: int, first: Header, headers: tuple[Header, ...] = ()) -> bool:
        """Keep what a variant's headers say; whether it is a language model. ``headers`` are empty where only the
        first kilobytes were read."""
        try:
            kind = model_kind(first)
            refused = first_refusal(headers) if headers and kind not in _COMPANIONS else None
            if refused is not None:
                self.refuse(index, refused.message)
                return False
            shape = None if kind in _COMPANIONS else shape_of(first)
            if shape is None:
                with self._lock:
                    self._known[index] = replace(self._known[index], kind=kind)
                self._note(index, unplannable=True, problem=kind_note(kind) or _NO_LANGUAGE_MODEL)
                return False
            identity = identity_of(first, shape)
            weights = weights_of(headers, shape) if headers else weights_from_size(shape, self._bytes(index))
        except Exception:  # noqa: BLE001 - whatever a stranger's header does, the other variants stand
            _log.exception("no shape for %s", self._variants[index].first_file.path)
            self._note(index, unplannable=True, problem="Heft cannot read from this header how the model is built.")
            return False
        size = sum((header.size for header in headers), ModelSize()) if headers else None
        quantization, note = self._told_by(headers, self._variants[index].quantization) if headers else ("", "")
        with self._lock:
            known = self._known[index]
            self._known[index] = replace(
                known, shape=shape, weights=weights, headers=headers, identity=identity, size=size, kind=kind,
                quantization=quantization, note=note,
            )  # fmt: skip
            self._sources[index] = (index, bool(headers))
            self._regroup()
        return True

    def _told_by(self, headers: Sequence[Header], named: str) -> tuple[str, str]:
        """The quantization that headers tell where a name's label says nothing that is known or is wrong, and that in
        a sentence; "" for what is as the name says.
        """
        shares = [share for header in headers for share in header.shares()]
        wrong = contradicted(named, shares)
        if not wrong and self._quality.step(named) is not None:
            return "", ""
        return quantization_label(shares, headers[0].file_type), name_is_wrong(named, wrong) if wrong else ""

    def _note(self, index: int, *, problem: str, damaged: bool = False, unplannable: bool = False) -> None:
        with self._lock:
            known = replace(self._known[index], problem=problem, damaged=damaged, unplannable=unplannable)
            if known.given_up:
                known = replace(known, shape=None, weights=None, identity=None)
            self._known[index] = known
            self._regroup()

    def _regroup(self) -> None:
        """Group anew, and estimate what was not read from what was read of its model."""
        given_up = [index for index, entry in enumerate(self._known) if entry.given_up]
        groups = self.grouper.groups([entry.identity for entry in self._known], given_up)
        for group in groups:
            self._estimate(group)
        titles = self.grouper.titles(groups)
        self._models = tuple(
            self._model(group, title, alone=len(groups) == 1) for group, title in zip(groups, titles, strict=True)
        )

    def _model(self, group: Grouped, title: str, *, alone: bool) -> Model:
        kinds = (self._known[index].kind for index in group.variants)
        kind = next((kind for kind in kinds if kind is not ModelKind.UNKNOWN), ModelKind.UNKNOWN)
        use = self.grouper.use_of(title) if kind.writes_text else "other"
        if use == "unsaid" and kind is ModelKind.BASE:
            use = "other"
        return Model(
            name=title,
            variants=group.variants,
            use=use,
            words=self.grouper.words(title),
            parameters=self._parameters(group, alone=alone),
            rough_parameters=self.grouper.parameters_by_size(group.variants[-1]),
            kind=kind,
        )

    def _parameters(self, group: Grouped, *, alone: bool) -> int | None:
        """Counted in a header where one was read; what the Hub says only where the sizes of the files bear it out."""
        sizes = (self._known[index].size for index in group.variants)
        told = self._files.summary.parameters if alone else None
        rough = self.grouper.parameters_by_size(group.variants[-1])
        if told and rough and not 1 / _HUB_ERROR < told / rough < _HUB_ERROR:
            told = None
        return next((size.parameters for size in sizes if size is not None and size.parameters), told)

    def _estimate(self, group: Grouped) -> None:
        """The shape and weights of those that were not read: as in the file of the model that is nearest in size."""
        read = [index for index in group.variants if self._known[index].headers]
        begun = [index for index in group.variants if self._known[index].identity is not None]
        for index in group.variants:
            known = self._known[index]
            if known.headers or known.given_up or self._variants[index].missing_shards:
                continue  # of part of a file there is no size to go by
            source = min(read or begun, key=lambda other: self._distance(index, other), default=None)
            made_from = None if source is None else (source, bool(read))
            if made_from == self._sources[index] and (known.shape is None) == (source is None):
                continue
            self._sources[index] = made_from
            if source is None:
                self._known[index] = replace(known, shape=None, weights=None)
                continue
            like = self._known[source]
            assert like.shape is not None and like.weights is not None
            if like.headers:
                beside = max(0, self._bytes(index) - like.headers[0].data_offset)
                weights = like.weights.scaled(beside)
            else:
                weights = weights_from_size(like.shape, self._bytes(index))
            self._known[index] = replace(known, shape=like.shape, weights=weights)

    def _distance(self, one: int, other: int) -> float:
        return abs(math.log(max(1, self._bytes(one)) / max(1, self._bytes(other))))

    def _bytes(self, index: int) -> int:
        return self._variants[index].size_bytes

    def _kept(self, file: RepoFile) -> RemoteHeader | None:
        """A header that was read before: no request, so it is there without a network too."""
        etag = self._etags.get(file.path, "")
        known = RemoteFile(
            self._files.id, file.path, self._revision or "", etag, file.size_bytes, self._files.commit, ""
        )
        return self._headers.kept(known)

    @property
    def _revision(self) -> str | None:
        return self._files.commit or None
