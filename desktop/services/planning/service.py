"""The one place where loads are planned: for pages and commands, of this computer's files and of the Hub's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header
from desktop.core.gguf.together import fingerprint_of
from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights, default_context, shape_of, weights_of
from desktop.core.model_kind import ModelKind, purpose_of
from desktop.core.model_ref import ModelRef, identities, local_ref
from desktop.core.model_size import ModelSize
from desktop.core.placement import Fit, Method, place
from desktop.core.pools import (
    NOTHING_RECLAIMABLE,
    Pool,
    Reclaimable,
    devices_for,
    hypothetical,
    offered_devices,
    workers_asked,
)
from desktop.core.progress import Report, unheard
from desktop.core.projector import Projector
from desktop.core.words import tr
from desktop.services.inspect.inspected import Inspected
from desktop.services.inspect.inspection import InspectionService
from desktop.services.inspect.refusals import cannot_plan, refusal
from desktop.services.models.kind_words import cannot_chat
from desktop.services.planning.attention import Attended, Rates, Subject, attended
from desktop.services.planning.engine_planner import DryRunPlanner
from desktop.services.planning.fitting import Fitting
from desktop.services.planning.local_files import LocalFile, LocalFiles
from desktop.services.planning.offload import gone_devices
from desktop.services.planning.projectors import Projectors, with_room
from desktop.services.planning.speculation import (
    CannotSpeculateError,
    Speculations,
    measured_plain,
)
from desktop.services.planning.speed import SpeedService
from desktop.store.gguf_files import kind_of
from desktop.store.ledger import Run
from desktop.store.load_settings import LoadSettingsStore
from desktop.system.cores import physical_threads

if TYPE_CHECKING:
    from desktop.services.worker.ways import WaysService

_log = logging.getLogger(__name__)


class MachineSource(Protocol):
    """This computer as it is now."""

    def __call__(self) -> Machine:
        """With all its devices."""

    def for_load(self) -> Machine:
        """With those that decide a load."""


@dataclass(frozen=True)
class Here:
    """This computer at one moment, and what its engine would give back: for many plans in a row."""

    machine: Machine
    held: Reclaimable


@dataclass(frozen=True)
class Weighed:
    """A model's plan with what it was told from; ``title``, ``quantization``, ``size`` and ``kind`` are the
    file's."""

    plan: LoadPlan
    fit: Fit
    shape: ModelShape
    weights: Weights
    headers: tuple[Header, ...]
    machine: Machine
    quantization: str
    title: str
    size: ModelSize
    kind: ModelKind


class PlanningService:
    """Makes every :class:`LoadPlan`. Calls may come from any thread, and wait for files, probes and the planner."""

    def __init__(
        self,
        inspection: Callable[[], InspectionService],
        dry_run: Callable[[], DryRunPlanner],
        machine: MachineSource,
        speed: Callable[[], SpeedService],
        remembered: LoadSettingsStore,
        held: Callable[[], Reclaimable] = Reclaimable,
        threads: Callable[[], int] = lambda: 0,
        origin: Callable[[Path], str] = lambda _path: "",
        resolve: Callable[[str], ModelRef] = lambda name: local_ref(Path(name)),
        runs: Callable[[], Sequence[Run]] = tuple,
        files: LocalFiles | None = None,
        projectors: Callable[[Path], Sequence[Path]] = lambda _path: (),
    ) -> None:
        """``held`` is what the running engine would give back if its model were unloaded; ``threads`` are those of the
        user's settings, 0 for the physical cores. ``origin`` is the identity on the Hub of a file that was downloaded.
        ``resolve`` finds the draft model that somebody named; ``runs`` are those measured on this computer;
        ``files`` reads models; ``projectors`` are those that lie with a model.
        """
        self._inspection, self._dry_run = inspection, dry_run
        self._machine, self._speed = machine, speed
        self._remembered = remembered
        self._held = held
        self._usual_threads = threads
        self._origin = origin
        self.ways: Callable[[], WaysService] | None = None  # where else a model may run; set by who makes both
        self.summon: Callable[[Sequence[str]], None] = lambda _workers: None  # starts other computers; set likewise
        self._speculations, self._runs = Speculations(resolve), runs
        self._files = files or LocalFiles()
        self._projectors = Projectors(projectors)

    # -- what is remembered ------------------------------------------------------------------------

    def settings_of(self, ref: ModelRef) -> LoadSettings:
        """What was set for a model, under any of its names."""
        found = (self._remembered.get(identity) for identity in identities(ref, self._origin))
        return next((settings for settings in found if not settings.unset), LoadSettings())

    def remember(self, ref: ModelRef, settings: LoadSettings) -> None:
        """Load a model so from now on. UsageError for what no engine can do, StoreError where it cannot be kept."""
        settings.checked()
        if settings.draft and (path := Path(settings.draft).expanduser()).is_file():
            settings = replace(settings, draft=str(path.absolute()))  # where it lies from here, also from elsewhere
        for identity in identities(ref, self._origin):
            self._remembered.set(identity, settings)

    def _usual(self) -> LoadSettings:
        return LoadSettings(threads=self._usual_threads() or None)

    def offered(self) -> tuple[Pool, ...]:
        """The graphics devices that a load may use, with what is free there; none where there is no engine."""
        try:
            here = self.here()
        except HeftError:
            return ()
        return offered_devices(here.machine, here.held)

    # -- plans ---------------------------------------------------------------------------------------

    def here(self) -> Here:
        """This computer now. Raises HeftError where there is no engine."""
        return Here(self._machine.for_load(), self._held())

    def for_load(
        self,
        ref: ModelRef,
        asked: LoadSettings | None = None,
        cancelled: Cancelled = never,
        *,
        here: Here | None = None,
        method: Method = "engine",
    ) -> LoadPlan:
        """The plan of a model of this computer that is about to be loaded, in place of the one that is.

        ``asked`` goes before what is remembered of the model. What cannot be planned is loaded all the same: only
        settings that no engine can do, or not with these models, are refused (UsageError), and "cancelled" is raised.
        ``here`` None looks at this computer; ``method`` "estimate" leaves the engine alone.
        """
        if ref.elsewhere is not None:
            return LoadPlan(ref, LoadSettings(), 0)  # how it is loaded, its own server decides
        wanted = (asked or LoadSettings()).over(self.settings_of(ref)).over(self._usual()).checked()
        try:
            fault = self._read(ref).fault
            if fault is not None:
                return LoadPlan(ref, wanted, threads_of(wanted), note=fault.words, kind=_kind_of(ref), fault=fault)
            if workers := workers_asked(wanted.devices):
                self.summon(workers)
            plan = self._planned(ref, wanted, here or self.here(), method, cancelled)
            _log.info("planned %s: %s", ref.name, wanted)
            return self._with_earlier_runs(plan)
        except (CancelledError, CannotSpeculateError):
            raise
        except HeftError as error:
            if error.kind == FailureKind.DEVICE_GONE:
                raise
            _log.info("no plan for %s: %s", ref.name, error.kind)
            note = f"This load could not be planned: {error.message}"
        except OSError as error:  # gone meanwhile, or not to be read: the engine says so when it is loaded
            note = f"This load could not be planned: {error.strerror or error}"
        except Exception as error:  # noqa: BLE001 - whatever a file does to a plan, it may still load
            _log.exception("planning %s", ref.name)
            note = f"This load could not be planned: {error or type(error).__name__}"
        return LoadPlan(ref, wanted, threads_of(wanted), note=note, cores=physical_threads(), kind=_kind_of(ref))

    def _with_earlier_runs(self, plan: LoadPlan) -> LoadPlan:
        """With the devices that it ran on and that are gone, and its speed without speculation where that is used."""
        model = self._read(plan.ref).model
        fingerprint = model.fingerprint if model else ""
        with suppress(HeftError):  # a ledger that cannot be read teaches nothing
            runs = self._runs()
            plan = replace(plan, gone=gone_devices(runs, fingerprint, plan))
            if plan.speculating.kind != "off":
                plan = replace(plan, plain=measured_plain(runs, fingerprint, plan))
        return plan

    def _planned(
        self, ref: ModelRef, wanted: LoadSettings, here: Here, method: Method, cancelled: Cancelled
    ) -> LoadPlan:
        machine, held = here.machine, here.held
        # how layers are shared among devices is the engine's to say, what several conversations or a second model take
        of_engine = len(devices_for(machine, wanted.devices).pools) > 1 or (wanted.slots or 1) > 1
        of_engine = of_engine or purpose_of(self._read(ref).kind) != "text"  # one graph reads all of a text
        if (of_engine and method == "engine") or wanted.speculating != "off":
            return self.weigh_source(str(ref.path), wanted, method=method, held=held, cancelled=cancelled, ref=ref).plan
        return self._by_formulas(ref, wanted, machine, held)

    def for_machine(self, ref: ModelRef, machine: Machine, cancelled: Cancelled = never) -> LoadPlan:
        """How a model of this computer would load on another one, by formulas, as it is set up here.

        What was set for this computer's devices says nothing of that one's. Raises HeftError, OSError.
        """
        asked = replace(self.settings_of(ref), gpu_layers=None, cpu_expert_layers=None)
        wanted = asked.over(self._usual()).checked()
        if wanted.speculating != "off":
            source = str(ref.path)
            return self.weigh_source(
                source, wanted, machine=machine, method="estimate", cancelled=cancelled, ref=ref
            ).plan
        if (fault := self._read(ref).fault) is not None:
            raise fault.error(ref.name)
        try:
            return self._by_formulas(ref, wanted, hypothetical(machine), NOTHING_RECLAIMABLE, machine)
        except HeftError:
            raise
        except Exception as error:  # whatever a stranger's header does to a formula is told in words
            _log.exception("planning %s on another machine", ref.name)
            raise cannot_plan(ref.name) from error

    def _by_formulas(
        self, ref: ModelRef, wanted: LoadSettings, machine: Machine, held: Reclaimable, other: Machine | None = None
    ) -> LoadPlan:
        """The plan of a file on ``machine``, which is this computer or the ``other`` one."""
        read = self._read(ref)
        local = read.model
        if local is None:
            note = "Nothing in its header says how this model is built."
            return LoadPlan(ref, wanted, threads_of(wanted), note=note, cores=physical_threads(), kind=read.kind)

        about = (local.quantization, local.fingerprint, threads_of(wanted), ref.name)
        subject = Subject(local.shape, local.weights, *about)

        def planned(projector: Projector | None) -> LoadPlan:
            def placed(settings: LoadSettings) -> Fit:
                return place(
                    local.shape, local.weights, settings, machine,
                    freed_bytes=held.memory_bytes, freed_gpu_bytes=held.gpu_bytes, projector=projector,
                )  # fmt: skip

            found = attended(self._rates(machine), subject, wanted, placed(wanted), placed)
            return replace(plan_of(ref, wanted, found, local.shape, read.kind, other), projector=projector)

        return with_room(self._projectors.of(ref) if read.kind.writes_text else None, planned)

    def weigh_source(
        self,
        source: str,
        asked: LoadSettings,
        *,
        machine: Machine | None = None,
        method: Method = "engine",
        held: Reclaimable = NOTHING_RECLAIMABLE,
        progress: Report = unheard,
        cancelled: Cancelled = never,
        ref: ModelRef | None = None,
    ) -> Weighed:
        """How a file would load: a path, ``hf:OWNER/REPO/FILE[@REV]``, a library name or ``starter``.

        ``asked`` goes before what is remembered of the model. ``machine`` None is this computer; another one is taken
        as "what if". Raises HeftError: what opening raises,
        "no-language-model" for a file that is none, and "not-planned" where its header makes planning fail.
        """
        asked.checked()
        inspected = self._inspection().open(source, progress=progress, cancelled=cancelled)
        try:
            ref = ref or inspected.ref
            remembered = self.settings_of(ref) if machine is None else self.settings_of(ref).elsewhere
            wanted = asked.over(remembered).over(self._usual()).checked()
            if machine is None and (workers := workers_asked(wanted.devices)):
                self.summon(workers)
            return self._weighed(inspected, wanted, machine, method, held, cancelled, ref)
        except (HeftError, OSError):
            raise
        except Exception as error:  # whatever a stranger's header does to a formula is told in words
            _log.exception("weighing %s", inspected.title)
            raise cannot_plan(inspected.title) from error
        finally:
            inspected.close()

    def _weighed(
        self,
        inspected: Inspected,
        asked: LoadSettings,
        machine: Machine | None,
        method: Method,
        held: Reclaimable,
        cancelled: Cancelled,
        ref: ModelRef,
    ) -> Weighed:
        headers = tuple(file.header for file in inspected.files)
        shape = shape_of(headers[0]) if headers else None
        kind = inspected.use
        if inspected.fault is not None:
            raise inspected.fault.error(inspected.title)
        if shape is None and not kind.writes_text:
            raise cannot_chat(inspected.title, kind, FailureKind.NO_LANGUAGE_MODEL)
        if (refused := refusal(inspected)) is not None:
            raise refused
        if shape is None:
            raise HeftError(
                tr("{title} is not a language model that the engine loads.", title=inspected.title),
                tr("Choose a GGUF file of a model itself, not of its projector or adapter."),
                kind=FailureKind.NO_LANGUAGE_MODEL,
            )
        where = hypothetical(machine) if machine is not None else self._machine()
        decided = self._speculations.decided(inspected.title, headers, asked)
        weights = weights_of(headers, shape, draft_layers=decided.speculating.kind == "mtp")
        fitting = Fitting(
            self._dry_run, headers, shape, weights, decided, where, method, held, cancelled, purpose_of(kind)
        )
        projector = self._projectors.of(ref) if kind.writes_text else None
        fit, note, projector = fitting.with_room(asked, projector)
        label, title, size = inspected.quantization, inspected.title, inspected.size
        found = Attended(fit)
        if kind.writes_text:
            found = attended(
                self._rates(where),
                Subject(shape, weights, label, fingerprint_of(headers), threads_of(asked), title),
                asked,
                fit,
                lambda without: fitting.fit(without, projector)[0],
            )
        plan = plan_of(ref, asked, found, shape, kind, machine)
        plan = replace(plan, note=note, speculating=decided.speculating, projector=projector)
        return Weighed(plan, found.fit, shape, weights, headers, where, label, title, size, kind)

    def _rates(self, machine: Machine) -> Rates | None:
        """What is known of a machine's speed; None where that cannot be found out."""
        try:
            return self._speed().on(machine)
        except Exception:  # noqa: BLE001 - what cannot be predicted is not said, and keeps nothing from loading
            _log.exception("no speeds")
            return None

    def _read(self, ref: ModelRef) -> LocalFile:
        if ref.path is None:
            raise ValueError(f"{ref.identity} is not on this computer")
        return self._files.read(ref.path)


def plan_of(
    ref: ModelRef,
    asked: LoadSettings,
    found: Attended,
    shape: ModelShape,
    kind: ModelKind,
    machine: Machine | None = None,
) -> LoadPlan:
    """The plan that follows from a verdict; ``machine`` is another computer than this one."""
    cores = machine.cpu.physical_cores if machine is not None else physical_threads()
    threads, context, trained = threads_of(asked), default_context(shape), shape.trained_context
    return LoadPlan(
        ref, asked, threads, found.fit, found.speeds, context, trained,
        experts=shape.experts, cores=cores, kind=kind, flash=found.flash,
    )  # fmt: skip


def _kind_of(ref: ModelRef) -> ModelKind:
    return kind_of(ref.path) if ref.path is not None else ModelKind.UNKNOWN


def threads_of(asked: LoadSettings) -> int:
    """Those that were asked for, else one per physical core."""
    return asked.threads or physical_threads()
