"""A repo being looked at: its variants weighed on a machine, first by estimate, then by the engine.

One range of 64 KB per model gives the estimate for every variant. Then each variant's whole header is read, in the
order of interest, and the engine plans it by what that header says. Changing the controls weighs everything anew
without another request. A repo that holds several models has a recommendation for each, and one of them is taken.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.choice import Option
from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.load_settings import NOTHING_SET, LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.model_ref import ModelRef, hub_identity, local_ref
from desktop.core.model_size import ModelSize
from desktop.core.naming import Role
from desktop.core.placement import Fit
from desktop.core.pools import Pool
from desktop.core.quality import Kind, Quality
from desktop.core.quants import main_type
from desktop.core.variants import CompanionKind, variants_of
from desktop.hub.header import HeaderReader
from desktop.hub.records import RepoFiles
from desktop.services.discover.picker_rates import MachineRates
from desktop.services.discover.picker_records import (
    Controls,
    EnginePlanner,
    Mark,
    Measured,
    RateSource,
    RowState,
    VariantRow,
    View,
    unmeasured,
)
from desktop.services.discover.picker_view import placing, trained_context, view_of, weighable, within
from desktop.services.discover.repo_known import Known, Model
from desktop.services.discover.repo_reading import RepoReading
from desktop.services.discover.tables import DataTables
from desktop.services.discover.target_machine import (
    SMALLEST_CONTEXT,
    OwnPlace,
    TargetMachine,
    estimated,
    refitted,
)
from desktop.services.inspect.refusals import ENGINE_REFUSES
from desktop.services.models.local_copies import LocalCopies
from desktop.services.planning.attention import Attended
from desktop.services.planning.service import plan_of

_SORTINGS = 3  # times that headers may show files to be no models, before the rest stays as it is
_NOT_PLANNED = "Heft cannot work out how this model is loaded."

_log = logging.getLogger(__name__)

_Key = tuple[int, LoadSettings, int]


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
        usual: Callable[[], LoadSettings] = LoadSettings,
        measured: Measured = unmeasured,
    ) -> None:
        """``usual`` holds now for every load unless the controls say something else; ``measured`` is of files here."""
        self._measured = measured
        self.files = files
        self._usual = usual
        self.remembered = NOTHING_SET  # how a model of the repo was set up before
        self._headers = headers
        self._tables = tables
        self._copies = copies
        self._listing = threading.RLock()  # the list of variants and what is by its numbers change together
        self._list({})
        self._repo_words = self._reading.grouper.words(files.id.rpartition("/")[2])
        self._own = own
        self._planner = planner
        self._rates = MachineRates(rates)
        self._lock = threading.Lock()
        self._planned: dict[_Key, tuple[Fit, tuple[Pool, ...]]] = {}  # with the memory it was planned for
        self._unplanned: set[tuple[int, int]] = set()
        self._without_figures: set[int] = set()  # the formulas fail on these
        self._machines: dict[int, Machine] = {}  # by id, kept so that no other gets the id
        self._qualities: dict[tuple[str, Kind, int | None], Quality] = {}

    @property
    def built(self) -> tuple[tuple[int, int] | None, ...]:
        """How each variant's model is built, as far as it was read: its layers and the tokens it was trained for."""
        shapes = (known.shape for known in self._reading.now().known)
        return tuple((shape.layer_count, shape.trained_context) if shape else None for shape in shapes)

    # -- reading ---------------------------------------------------------------------------------

    def read_first(self, cancelled: Cancelled = never) -> None:
        """The first kilobytes of one variant per model, which give the estimates for all. Raises HubError.

        A damaged file is passed over for the next one; FileFormatError where all are. What turns out to be no model
        goes to the models it is a companion of: the list of variants is another one then.
        """
        told: dict[str, Role] = {}
        for _ in range(_SORTINGS):
            self._reading.read_first(cancelled)
            found = self._reading.companions()
            if not found:
                return
            told |= found
            with self._listing:
                self._list(told)
        self._reading.read_first(cancelled)

    def _list(self, told: Mapping[str, Role]) -> None:
        """List the variants by the files' names, and by what headers said of some."""
        self.variants = variants_of(self.files.files, told)
        identity = partial(hub_identity, self.files.id)
        self._refs = tuple(ModelRef(one.name, identity(one.first_file.path)) for one in self.variants)
        self._reading = RepoReading(self.files, self.variants, self._headers, self._tables)
        self._local: list[Path | None] = []
        self._companions: list[frozenset[CompanionKind]] = []
        self.look_for_copies()

    def settle(
        self,
        controls: Controls,
        progress: Callable[[], None] = lambda: None,
        cancelled: Cancelled = never,
    ) -> None:
        """Read whole headers and let the engine plan, the recommended variants first. ``progress`` after each row.

        What cannot be read or planned keeps its estimate and says why; the others go on. Raises CancelledError, and
        HubError at the end, or where the Hub cannot be reached twice in a row.
        """
        where = self._place(controls)
        controls = weighable(controls, where)
        lost: HeftError | None = None
        lost_before = False
        for index in self._by_interest(controls):
            if cancelled():
                raise CancelledError
            try:
                if self._reading.read(index, cancelled):
                    self._plan(index, controls, where, cancelled)
                lost_before = False
            except CancelledError:
                raise
            except HeftError as error:  # what passes by itself; another try may read it
                if lost_before:
                    raise
                lost, lost_before = lost or error, True
            progress()
        if lost is not None:
            raise lost
        fitting = self._reading.with_projectors_that_fit(cancelled)  # from the network, so not under the lock
        with self._listing:
            self.variants = fitting

    def _plan(self, index: int, controls: Controls, where: TargetMachine, cancelled: Cancelled) -> None:
        """Let the engine plan a variant whose headers were read, also without flash attention where that is quicker."""
        now = self._reading.now()
        known, model = now.known[index], now.model_of(index)
        settings = within(placing(controls, known), known.shape, now)
        fit = self._planned_by_engine(index, known, settings, where, cancelled)
        if fit is None or not model.kind.writes_text:
            return
        label, name = self._label(index, known), self.variants[index].first_file.path
        without = replace(settings, flash_attention="off")
        self._rates.on(where).attended(
            known, label, settings, fit,
            lambda: self._planned_by_engine(index, known, without, where, cancelled), name,
        )  # fmt: skip

    def _planned_by_engine(
        self, index: int, known: Known, settings: LoadSettings, where: TargetMachine, cancelled: Cancelled
    ) -> Fit | None:
        """The engine's plan, kept for :meth:`view`; None where there is none. Raises CancelledError."""
        shape, weights = known.shape, known.weights
        key = (index, settings, where.key)
        earlier = self._planned.get(key)
        if self._planner is None or (index, where.key) in self._unplanned or shape is None or weights is None:
            return None
        if earlier is not None and earlier[1] == where.pools:
            return earlier[0]
        try:
            fit = refitted(where.pools, earlier, shape, weights, settings)
            fit = fit or self._planner.plan(
                known.headers, shape, weights, settings, where.machine, where.held, cancelled, longest=False
            )
            if fit is not None and fit.fits:  # the longest context by formulas: a search by the engine takes seconds
                by_formulas = self._estimate(index, shape, weights, settings, where, longest=True)
                same = by_formulas is not None and by_formulas.placement == fit.placement
                fit = replace(fit, max_context=by_formulas.max_context if by_formulas and same else fit.context)
        except CancelledError:
            raise
        except HeftError as error:
            refused = error.kind in ENGINE_REFUSES
            (self._reading.refuse if refused else self._reading.fail)(index, error.message)
            fit = None
        except Exception:  # noqa: BLE001 - one variant's failure never fails the others
            _log.exception("no plan for %s", self.variants[index].first_file.path)
            self._reading.fail(index, _NOT_PLANNED)
            fit = None
        with self._lock:
            self._machines[where.key] = where.machine
            if fit is None:
                self._unplanned.add((index, where.key))
            else:
                self._planned[key] = (fit, where.pools)
        return fit

    # -- what is remembered --------------------------------------------------------------------------

    def first_remembered(self, settings_of: Callable[[ModelRef], LoadSettings]) -> LoadSettings:
        """How one of the variants was set up before, those on this computer first; nothing set where none was."""
        here = [local_ref(path) for path in self._local if path is not None]
        found = (settings_of(ref) for ref in (*here, *self._refs))
        return next((settings for settings in found if not settings.unset), NOTHING_SET)

    # -- this computer as it is now ---------------------------------------------------------------

    def look_for_copies(self) -> bool:
        """Look again which variants and companions are on this computer; whether that is different now."""
        copies, repo, variants = self._copies, self.files.id, self.variants
        before = (self._local, self._companions)
        found = [copies.path_of(repo, variant) if copies else None for variant in variants]
        beside = copies.companions_of(repo, variants) if copies else [frozenset[CompanionKind]() for _ in variants]
        with self._listing:
            if variants is self.variants:
                self._local, self._companions = found, beside
        return (found, beside) != before

    def refresh(self) -> bool:
        """Look at this computer again: its free memory, and how quick it is known to be. Whether that changed enough to
        matter; :meth:`settle` then."""
        changed = self._own.refresh()
        return self._rates.renew(self._own.now) or changed

    def forget_rates(self) -> None:
        """Ask anew how quick machines are: one of them was measured."""
        self._rates.forget()

    def types(self, controls: Controls) -> tuple[str, ...]:
        """The tensor types that most weights of the variants have, in the order of interest."""
        kinds = (main_type(self.variants[index].quantization) for index in self._by_interest(controls))
        return tuple(dict.fromkeys(kinds))

    # -- weighing --------------------------------------------------------------------------------

    def view(self, controls: Controls, *, estimates_only: bool = False, longest: bool = False) -> View:
        """Everything as known now. ``estimates_only`` leaves the engine's plans out; ``longest`` fills max_context.

        Devices that are not there now are not weighed with, and not in the view's ``controls``.
        """
        where = self._place(controls)
        controls = weighable(controls, where)
        with self._listing:
            return self._view(controls, where, estimates_only=estimates_only, longest=longest)

    def _view(self, controls: Controls, where: TargetMachine, *, estimates_only: bool, longest: bool) -> View:
        now = self._reading.now()
        with self._lock:
            planned = {} if estimates_only else dict(self._planned)
        rates = self._rates.on(where)
        rows: list[VariantRow | None] = [None] * len(self.variants)
        for number, model in enumerate(now.models):
            for index in model.variants:
                known = now.known[index]
                settings = within(placing(controls, known), known.shape, now)
                load = within(controls.asked(trained_context(known)).over(self._usual()), known.shape, now)
                weigh = partial(self._fit_now, planned, index, known, where, longest=longest)
                found = weigh(settings)
                decided = Attended(found) if found is not None else None
                if found is not None and model.kind.writes_text:
                    again = partial(weigh, replace(settings, flash_attention="off"))
                    label, name = self._label(index, known), self.variants[index].first_file.path
                    decided = rates.attended(known, label, load, found, again, name)
                rows[index] = self._row(index, number, model, known, decided, load, controls.machine)
        shown = [row for row in rows if row is not None]
        return view_of(self.files, self._repo_words, shown, now, controls, where)

    def _fit_now(
        self, planned: Mapping[_Key, tuple[Fit, tuple[Pool, ...]]], index: int, known: Known, where: TargetMachine,
        settings: LoadSettings, *, longest: bool,
    ) -> Fit | None:  # fmt: skip
        """By the engine's plan; while there is none for the memory that is free now, by formulas."""
        fit, pools = planned.get((index, settings, where.key), (None, ()))
        if fit is not None and pools == where.pools:
            return fit
        if known.shape is None or known.weights is None:
            return None
        return self._estimate(index, known.shape, known.weights, settings, where, longest=longest)

    def marks(self, controls: Controls) -> tuple[Mark, ...]:
        """Where, along the context, each variant stops being where it is with a short one; the shortest first."""
        where, found = self._place(controls), []
        controls = weighable(controls, where)
        for index, known in enumerate(self._reading.now().known):
            if known.shape is None or known.weights is None:
                continue
            settings = replace(placing(controls, known), context=SMALLEST_CONTEXT)
            fit = self._estimate(index, known.shape, known.weights, settings, where, longest=True)
            inside = fit is not None and fit.placement in ("gpu", "cpu")
            if fit is not None and inside and fit.max_context < known.shape.trained_context:
                found.append(Mark(fit.max_context, self.variants[index].name))
        return tuple(sorted(found, key=lambda mark: mark.context))

    def _estimate(
        self,
        index: int,
        shape: ModelShape,
        weights: Weights,
        settings: LoadSettings,
        where: TargetMachine,
        *,
        longest: bool,
    ) -> Fit | None:
        """How a variant fits by formulas; None where these fail on it."""
        if index in self._without_figures:
            return None
        try:
            return estimated(shape, weights, settings, where, longest=longest)
        except Exception:  # noqa: BLE001 - one variant's failure never fails the others
            _log.exception("no estimate for %s", self.variants[index].first_file.path)
            self._without_figures.add(index)
            return None

    def _row(
        self,
        index: int,
        group: int,
        model: Model,
        known: Known,
        found: Attended | None,
        asked: LoadSettings,
        machine: Machine | None,
    ) -> VariantRow:
        variant = self.variants[index].with_quantization(self._label(index, known), known.note)
        state: RowState
        problem, plan = known.problem, None
        quality = self._quality(variant.quantization, variant.kind, model)
        measured = self._measured(tuple(file.sha256 for file in variant.files))
        quality = quality.with_measured(measured) if measured else quality
        if found is not None:
            state = "engine" if found.fit.method == "engine" else "estimate"
            option = Option(variant, quality, found.fit, found.speeds)
            if known.shape is not None:
                plan = plan_of(self._refs[index], asked, found, known.shape, model.kind, machine)
        else:
            if failed := index in self._without_figures:
                problem = problem or _NOT_PLANNED
            state = "unreadable" if problem or variant.missing_shards else "waiting"
            option = Option(variant, quality, damaged=known.damaged, unplannable=known.unplannable or failed)
        size = known.size or ModelSize()
        parameters, bits = size.parameters or model.parameters, size.bits_per_weight or None
        here, beside = self._local[index], self._companions[index]
        return VariantRow(option, state, problem, here, group, known.shape, parameters, bits, plan, beside)

    def _label(self, index: int, known: Known) -> str:
        """The quantization of a variant, by its header where that says more than its name."""
        return known.quantization or self.variants[index].quantization

    def _place(self, controls: Controls) -> TargetMachine:
        return TargetMachine(controls.machine) if controls.machine is not None else self._own.now

    def _quality(self, quantization: str, kind: Kind, model: Model) -> Quality:
        key = (quantization, kind, model.parameters)
        if key not in self._qualities:
            self._qualities[key] = self._tables.quality.quality_of(*key)
        return self._qualities[key]

    def _by_interest(self, controls: Controls) -> list[int]:
        """Each model's recommended variant first, that of the model to take before the others', then their neighbours
        in size."""
        view = self.view(controls)
        taken, order = view.choice.index if view.choice else 0, []
        for number, group in enumerate(view.groups):
            around = group.rows.index(group.recommended) if group.recommended is not None else 0
            order += [(abs(at - around), number != taken, row) for at, row in enumerate(group.rows)]
        return [row for *_, row in sorted(order)]
