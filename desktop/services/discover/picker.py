"""The picker: a repo's variants weighed on a machine, first by estimate, then by the engine, and one recommended.

One range of 64 KB gives the estimate for every variant. Then each variant's whole header is read, in the order of
interest, and the engine plans it. Changing the controls weighs everything anew without another request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError, never, raise_if_cancelled
from desktop.core.choice import Alternatives, Option, recommend
from desktop.core.errors import FileFormatError, HeftError
from desktop.core.gguf import Header
from desktop.core.hardware import Machine
from desktop.core.load_settings import KvType, LoadSettings
from desktop.core.memory import ModelShape, Weights, default_context, shape_of, weights_from_size, weights_of
from desktop.core.placement import Fit, Pool, Reclaimable
from desktop.core.quality import Kind, Quality
from desktop.core.quants import main_type
from desktop.core.variants import RepoFile, Variant, variants_of
from desktop.hub.client import RemoteFile
from desktop.hub.header import HeaderReader, RemoteHeader
from desktop.hub.records import RepoFiles
from desktop.hub.search import HubSearch
from desktop.services.discover.picker_place import OwnPlace, Place, estimated, refitted
from desktop.services.discover.picker_records import (
    Controls,
    EnginePlanner,
    Mark,
    Rates,
    RateSource,
    Row,
    RowState,
    View,
)
from desktop.services.discover.tables import DataTables
from desktop.services.models.local_copies import LocalCopies

SMALLEST_CONTEXT = 512
_TRIES = 3  # files whose beginning is read until one is sound
_BYTES_PER_WEIGHT = 4.89 / 8  # of Q4_K_M, for "a model of how many parameters would fit"

_Key = tuple[int, LoadSettings, int]


@dataclass
class _Known:
    """What was read of a variant."""

    weights: Weights | None = None
    headers: tuple[Header, ...] = ()
    problem: str = ""
    damaged: bool = False


class PickerService:
    """Opens repos. Thread-safe; every method waits for the network."""

    def __init__(
        self,
        search: HubSearch,
        headers: HeaderReader,
        tables: DataTables,
        machine: Callable[[], Machine],
        *,
        planner: EnginePlanner | None = None,
        rates: RateSource | None = None,
        held: Callable[[], Reclaimable] = Reclaimable,
        copies: LocalCopies | None = None,
    ) -> None:
        """``machine`` is this computer as it is now; ``held`` what its running engine would give back.

        ``copies`` finds variants that are on this computer already.
        """
        self._search = search
        self._headers = headers
        self._tables = tables
        self._machine = machine
        self._planner = planner
        self._rates = rates
        self._held = held
        self._copies = copies

    def open(self, repo: str, revision: str | None = None) -> PickedRepo:
        """A repo with its variants, nothing read of them yet. Raises HubError."""
        files = self._search.files(repo, revision)
        own = OwnPlace(self._machine, self._held)
        return PickedRepo(files, self._headers, self._tables, own, self._planner, self._rates, self._copies)

    def this_machine(self) -> Machine:
        """This computer now."""
        return self._machine()


class PickedRepo:
    """One repo being looked at. :meth:`view` is quick and may be called from any thread; the rest waits."""

    def __init__(
        self,
        files: RepoFiles,
        headers: HeaderReader,
        tables: DataTables,
        own: OwnPlace,
        planner: EnginePlanner | None,
        rates: RateSource | None,
        copies: LocalCopies | None = None,
    ) -> None:
        self.files = files
        self.variants = variants_of(files.files)
        self._etags = {file.path: file.etag for file in files.files}
        self._local = [copies.path_of(files.id, variant) if copies else None for variant in self.variants]
        self._headers = headers
        self._tables = tables
        self._own = own
        self._planner = planner
        self._rates = rates
        self._lock = threading.Lock()
        self._shape: ModelShape | None = None
        self._known = [_Known() for _ in self.variants]
        self._planned: dict[_Key, tuple[Fit, tuple[Pool, ...]]] = {}  # with the memory it was planned for
        self._unplanned: set[tuple[int, int]] = set()
        self._machines: dict[int, Machine] = {}  # by id, kept so that no other gets the id
        self._rates_known: dict[int, Rates] = {}
        self._qualities: dict[tuple[str, Kind, int | None], Quality] = {}
        self._problem = ""
        self._parameters = files.summary.parameters

    # -- reading ---------------------------------------------------------------------------------

    def read_first(self, cancelled: Cancelled = never) -> None:
        """The first kilobytes of one variant, which give the estimate for all. Raises HubError.

        A damaged file is passed over for the next one; FileFormatError where all are.
        """
        whole = [i for i, variant in enumerate(self.variants) if not variant.missing_shards]
        if not whole or self._shape is not None:
            return
        for index in whole[:_TRIES]:
            path = self.variants[index].first_file.path
            try:
                read = self._kept(self.variants[index].first_file) or self._headers.first_kilobytes(
                    self.files.id, path, self._revision, cancelled=cancelled
                )
            except FileFormatError as error:
                self._spoil(index, error.message)
                if index == whole[:_TRIES][-1]:
                    raise
                continue
            self._take(shape_of(read.header))
            return

    def _take(self, shape: ModelShape | None) -> None:
        """Estimate all variants from a shape."""
        with self._lock:
            self._shape = shape
            if shape is None:
                self._problem = "This file is no language model: nothing in its header says how it is built."
                return
            for variant, known in zip(self.variants, self._known, strict=True):
                if not (known.damaged or variant.missing_shards):  # part of a file has no size to go by
                    known.weights = weights_from_size(shape, variant.size_bytes)

    def _spoil(self, index: int, problem: str) -> None:
        """A file is damaged: nothing is estimated from it."""
        with self._lock:
            known = self._known[index]
            known.problem, known.damaged, known.weights = problem, True, None

    def settle(
        self,
        controls: Controls,
        progress: Callable[[], None] = lambda: None,
        cancelled: Cancelled = never,
    ) -> None:
        """Read whole headers and let the engine plan, the recommended variant first. ``progress`` after each row.

        What cannot be read keeps its estimate and says why. Raises CancelledError, and HubError where the Hub cannot
        be reached at all.
        """
        where = self._place(controls)
        for index in self._by_interest(controls):
            raise_if_cancelled(cancelled)
            if self._read(index, cancelled):
                self._plan(index, controls.settings, where, cancelled)
            progress()

    def _read(self, index: int, cancelled: Cancelled) -> bool:
        """Whether a variant's headers are at hand."""
        known, variant, repo = self._known[index], self.variants[index], self.files.id
        if known.headers:
            return True
        if known.problem or variant.missing_shards:
            return False
        try:
            headers = tuple(
                (self._kept(file) or self._headers.read(repo, file.path, self._revision, cancelled=cancelled)).header
                for file in variant.files[: 1 if variant.concatenated else None]
            )
        except CancelledError:
            raise
        except HeftError as error:
            if not isinstance(error, FileFormatError) and getattr(error, "temporary", False):
                raise
            if isinstance(error, FileFormatError):
                self._spoil(index, error.message)
            known.problem = error.message
            return False
        shape = shape_of(headers[0])
        if shape is None:
            self._spoil(index, "This file is no language model.")
            return False
        weights = weights_of(headers, shape)
        with self._lock:
            self._shape = shape
            known.headers, known.weights = headers, weights
            self._parameters = self._parameters or sum(tensor.elements for tensor in weights.tensors)
            self._refine(weights)
        return True

    def _kept(self, file: RepoFile) -> RemoteHeader | None:
        """A header that was read before: no request, so it is there without a network too."""
        etag = self._etags.get(file.path, "")
        known = RemoteFile(self.files.id, file.path, self._revision or "", etag, file.size_bytes, self.files.commit, "")
        return self._headers.kept(known)

    def _refine(self, read: Weights) -> None:
        """Others' estimates take over how the weights are distributed, and the length of the header."""
        for variant, known in zip(self.variants, self._known, strict=True):
            if known.weights is not None and not known.weights.exact:
                beside = sum(file.size_bytes for file in variant.files) - self._header_bytes()
                known.weights = read.scaled(max(0, beside))

    def _header_bytes(self) -> int:
        return next((known.headers[0].data_offset for known in self._known if known.headers), 0)

    def _plan(self, index: int, settings: LoadSettings, where: Place, cancelled: Cancelled) -> None:
        key, known, shape = (index, settings, where.key), self._known[index], self._shape
        earlier = self._planned.get(key)
        if self._planner is None or (index, where.key) in self._unplanned:
            return
        if earlier is not None and earlier[1] == where.pools:
            return
        assert shape is not None and known.weights is not None
        try:
            fit = refitted(where.pools, earlier, shape, known.weights, settings)
            fit = fit or self._planner.plan(
                known.headers, shape, known.weights, settings, where.machine, where.held, cancelled, longest=False
            )
            if fit is not None and fit.fits:  # the longest context by formulas: a search by the engine takes seconds
                by_formulas = estimated(shape, known.weights, settings, where, longest=True)
                same = by_formulas.placement == fit.placement
                fit = replace(fit, max_context=by_formulas.max_context if same else fit.context)
        except CancelledError:
            raise
        except HeftError as error:
            known.problem = error.message
            fit = None
        with self._lock:
            self._machines[where.key] = where.machine
            if fit is None:
                self._unplanned.add((index, where.key))
            else:
                self._planned[key] = (fit, where.pools)

    # -- this computer as it is now ---------------------------------------------------------------

    def refresh(self) -> bool:
        """Look at this computer's free memory again; whether it changed enough to matter. :meth:`settle` then."""
        return self._own.refresh()

    def forget_rates(self) -> None:
        """Ask anew how quick machines are: one of them was measured."""
        self._rates_known.clear()

    def types(self, controls: Controls) -> tuple[str, ...]:
        """The tensor types that most weights of the variants have, in the order of interest."""
        kinds = (main_type(self.variants[index].quantization) for index in self._by_interest(controls))
        return tuple(dict.fromkeys(kinds))

    # -- weighing --------------------------------------------------------------------------------

    def view(self, controls: Controls, *, estimates_only: bool = False, longest: bool = False) -> View:
        """Everything as known now. ``estimates_only`` leaves the engine's plans out; ``longest`` fills max_context."""
        where = self._place(controls)
        with self._lock:
            shape, known = self._shape, [replace(entry) for entry in self._known]
            planned = {} if estimates_only else dict(self._planned)
        rates = self._rates_on(where)
        rows = []
        for index, (variant, entry) in enumerate(zip(self.variants, known, strict=True)):
            fit, pools = planned.get((index, controls.settings, where.key), (None, ()))
            if pools != where.pools:  # planned for other free memory: the estimate stands until it is planned again
                fit = None
            if fit is None and shape is not None and entry.weights is not None:
                fit = estimated(shape, entry.weights, controls.settings, where, longest=longest)
            rows.append(self._row(variant, entry, shape, fit, rates, self._local[index]))
        options = [row.option for row in rows]
        answer = recommend(options, controls.goal)
        if answer.index is None and shape is not None:
            answer = recommend(options, controls.goal, self._alternatives(shape, known, controls, where))
        return View(
            repo=self.files,
            rows=tuple(rows),
            recommendation=answer,
            controls=controls,
            machine=where.machine,
            shape=shape,
            context=controls.context or (default_context(shape) if shape else 0),
            max_context=shape.trained_context if shape else 0,
            parameters=self._parameters,
            pools=where.pools,
            problem=self._problem,
        )

    def marks(self, controls: Controls) -> tuple[Mark, ...]:
        """Where, along the context, each variant stops being where it is with a short one; the shortest first."""
        where, shape = self._place(controls), self._shape
        if shape is None:
            return ()
        found = []
        for variant, known in zip(self.variants, list(self._known), strict=True):
            if known.weights is None or variant.missing_shards:
                continue
            settings = replace(controls.settings, context=SMALLEST_CONTEXT)
            fit = estimated(shape, known.weights, settings, where, longest=True)
            if fit.placement in ("gpu", "cpu") and fit.max_context < shape.trained_context:
                found.append(Mark(fit.max_context, variant.name))
        return tuple(sorted(found, key=lambda mark: mark.context))

    def _row(
        self,
        variant: Variant,
        known: _Known,
        shape: ModelShape | None,
        fit: Fit | None,
        rates: Rates | None,
        local: Path | None,
    ) -> Row:
        quality = self._quality(variant)
        rate = None
        if fit is not None and fit.fits and shape is not None and known.weights is not None and rates is not None:
            with suppress(ValueError):  # a model without a matrix has no speed
                rate = rates.rate(shape, known.weights, variant.quantization, fit)
        if fit is None:
            given_up = known.problem or self._problem or variant.missing_shards
            option = Option(variant, quality, damaged=known.damaged)
            return Row(option, "unreadable" if given_up else "waiting", known.problem, local)
        state: RowState = "engine" if fit.method == "engine" else "estimate"
        return Row(Option(variant, quality, fit, rate), state, known.problem, local)

    def _place(self, controls: Controls) -> Place:
        return Place(controls.machine) if controls.machine is not None else self._own.now

    def _rates_on(self, where: Place) -> Rates | None:
        """What is known of a machine's speed, read once per repo and again after :meth:`forget_rates`."""
        if self._rates is None:
            return None
        known = self._rates_known.get(where.key)
        if known is None:
            known = self._rates_known[where.key] = self._rates.on(where.machine)
            self._machines[where.key] = where.machine
        return known

    def _quality(self, variant: Variant) -> Quality:
        key = (variant.quantization, variant.kind, self._parameters)
        known = self._qualities.get(key)
        if known is None:
            known = self._qualities[key] = self._tables.quality.quality_of(*key)
        return known

    def _alternatives(
        self, shape: ModelShape, known: Sequence[_Known], controls: Controls, where: Place
    ) -> Alternatives:
        """What would help where nothing fits."""
        weighed = [entry.weights for entry in known if entry.weights is not None]
        if not weighed:
            return Alternatives()
        smallest = min(weighed, key=lambda weights: weights.total_bytes)

        def longest(kv_type: KvType) -> int | None:
            settings = replace(
                controls.settings, context=SMALLEST_CONTEXT, cache_type_k=kv_type, cache_type_v=kv_type
            )
            fit = estimated(shape, smallest, settings, where, longest=True)
            return fit.max_context if fit.fits else None

        free = sum(pool.free_bytes for pool in where.pools if not pool.shared)
        return Alternatives(
            context=longest(controls.kv_type),
            context_q8=longest("q8_0") if controls.kv_type == "f16" else None,
            parameters=free * 0.9 / _BYTES_PER_WEIGHT or None,
        )

    def _by_interest(self, controls: Controls) -> Iterable[int]:
        """The recommended variant first, then those next to it in size."""
        chosen = self.view(controls).recommendation.index
        around = chosen if chosen is not None else 0
        return sorted(range(len(self.variants)), key=lambda index: (abs(index - around), index))

    @property
    def _revision(self) -> str | None:
        return self.files.commit or None
