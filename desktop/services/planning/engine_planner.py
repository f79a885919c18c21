"""The engine's own verdict on a model that need not be here: its skeleton, planned without allocating anything."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from msgspec.structs import replace as replace_variant

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Header
from desktop.core.gguf.skeleton import Skeleton, skeleton
from desktop.core.hardware import RAM, Gpu, Machine
from desktop.core.load_settings import DEFAULT_BATCH, LoadSettings
from desktop.core.memory import Memory, ModelShape, Weights, no_weights, packed, shape_of, weights_of
from desktop.core.model_kind import Purpose
from desktop.core.placement import Fit, settle
from desktop.core.pools import (
    NOTHING_RECLAIMABLE,
    Devices,
    Pool,
    Reclaimable,
    devices_asked,
    devices_for,
    gone_error,
    own_free,
    with_facts,
)
from desktop.core.projector import Projector
from desktop.core.speculation import unlogged_bytes
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.logmap import explain_log
from desktop.engine.planner.plan_records import Plan, Variant, memory_of
from desktop.engine.planner.planner import STUB, PlanRequest, Plans
from desktop.store.paths import Paths
from desktop.system.idle import IdleClose

DEADLINE_SECONDS = 60.0
SHORT_CONTEXT = 512  # tokens, where only the rest of an answer is of interest
_DETAIL = 4000  # characters of a log's end


class DryRunPlanner:
    """Plans in a process that is kept warm for a while. Thread-safe: one model at a time."""

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.scratch / "planner"
        log = paths.logs / "planner.log"
        self._tool: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, self._folder, log)
        self._idle = IdleClose(self._end)
        self._lock = threading.Lock()
        self._stale = False

    def plan(
        self,
        headers: Sequence[Header],
        shape: ModelShape,
        weights: Weights,
        settings: LoadSettings,
        machine: Machine,
        held: Reclaimable = NOTHING_RECLAIMABLE,
        cancelled: Cancelled = never,
        *,
        longest: bool = True,
        draft: PlannedDraft | None = None,
        projector: Projector | None = None,
        purpose: Purpose = "text",
    ) -> Fit | None:
        """How the engine itself would place a model; None where it cannot tell: a machine with other GPUs than here.

        ``headers`` are those of all shards; arrays of the first are read. Speculation is planned as ``settings`` say,
        with ``draft`` where it is a draft model, and ``projector`` beside it; ``purpose`` is what it is loaded for.
        Raises HeftError when the engine refuses the model or the process dies on it, CancelledError.
        """
        model = skeleton(headers, shape.vocabulary)
        with self._idle, self._lock:
            planner = _Model(self, model, shape, weights, settings, cancelled, draft, projector, purpose)
            devices = planner.devices(machine, held)
            if devices is None:
                return None
            all_used = _names(devices.pools)
            planner.pack(machine.engine.features)
            fit = settle(
                lambda used: partial(planner.memory, devices_asked(used, devices.told or _names(used) != all_used)),
                shape,
                settings,
                devices,
                has_experts=any(weights.experts),
                longest=longest,
                method="engine",
            )
        return fit if weights.exact else replace(fit, band=0.01)

    def try_out(self, headers: Sequence[Header], cancelled: Cancelled = never) -> None:
        """Whether the engine takes a model at all, by the headers of all its shards. Raises HeftError as :meth:`plan`
        does; nothing is asked of what is no model.
        """
        shape = shape_of(headers[0])
        if shape is not None:
            self.plans(skeleton(headers, shape.vocabulary), (Variant(SHORT_CONTEXT),), cancelled)

    def plans(self, model: Skeleton, variants: Sequence[Variant], cancelled: Cancelled = never) -> Plans:
        """The bare figures for several ways to load one model. Raises HeftError as :meth:`plan` does."""
        with self._idle, self._lock:
            return self.call(model, variants, cancelled)

    def call(self, model: Skeleton, variants: Sequence[Variant], cancelled: Cancelled) -> Plans:
        """As :meth:`plans`, for a caller that holds the lock."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._stale:
            self._stale = False
            self._tool.close()
        try:
            found = self._tool.call(
                PlanRequest(model.header, model.file_bytes, tuple(variants)),
                deadline_seconds=DEADLINE_SECONDS,
                cancelled=cancelled,
            )
        finally:
            (self._folder / STUB).unlink(missing_ok=True)  # left behind by a process that died
        for plan in found.plans:
            if plan.refused:
                raise _refused(plan)
        return found

    def renew(self) -> None:
        """The engine has other backends now: the next plan is of a new process. Waits for nothing."""
        self._stale = True

    def close(self) -> None:
        """End the process, if any; waits for a call that runs."""
        self._idle.close()

    def _end(self) -> None:
        self._tool.close()


def _names(pools: Sequence[Pool]) -> list[str]:
    return [pool.engine_device for pool in pools]


def _held_shares(memory: Memory) -> tuple[float, ...]:
    """As the server is told for model and draft alike: the layers of each GPU, where several hold any."""
    held = tuple(float(device.layers) for device in memory.devices if device.device != RAM)
    return held if sum(count > 0 for count in held) > 1 else ()


def _first_of_its_gpu(name: str, devices: Sequence[tuple[str, int]], named: Mapping[str, Gpu]) -> bool:
    """Whether a device is the one through which its GPU is used, where two backends reach it: its memory counts once.

    llama.cpp skips the second itself where both say the same PCI address, and only there.
    """
    if (gpu := named.get(name)) is None:
        return True
    here = {device for device, _ in devices}
    return name == next(device for device in gpu.engine_devices if device in here)


def _refused(plan: Plan) -> EngineError:
    """Why a plan was refused: by what the engine will say of the model when it loads it, or for the settings."""
    cause = explain_log(plan.refused) if not plan.loads else None
    if cause is None:
        return EngineError(
            tr("The engine does not accept this model or these settings."),
            tr("Look for another variant, or update the engine."),
            detail=plan.refused[-_DETAIL:],
            kind=FailureKind.NOT_PLANNED,
        )
    return EngineError(cause.message, cause.hint, detail=plan.refused[-_DETAIL:], kind=cause.kind)


@dataclass(frozen=True)
class PlannedDraft:
    """A draft model, to be planned beside the model it guesses for."""

    model: Skeleton
    shape: ModelShape
    weights: Weights

    @classmethod
    def of(cls, headers: Sequence[Header], shape: ModelShape) -> PlannedDraft:
        """From the headers of all shards, whose sources are still open. Raises FileFormatError."""
        return cls(skeleton(headers, shape.vocabulary), shape, weights_of(headers, shape))


class _Model:
    """One model's plans, each asked for once."""

    def __init__(
        self,
        service: DryRunPlanner,
        model: Skeleton,
        shape: ModelShape,
        weights: Weights,
        settings: LoadSettings,
        cancelled: Cancelled,
        draft: PlannedDraft | None,
        projector: Projector | None,
        purpose: Purpose,
    ) -> None:
        self._draft, self._projector, self._purpose = draft, projector, purpose
        self._features: Collection[str] = ()
        self._kind, self._slots = settings.speculating, settings.slots or 1
        self._service, self._model, self._cancelled = service, model, cancelled
        self._shape, self._weights, self._settings = shape, weights, settings
        self._known: dict[tuple[str, int, int, int], Memory] = {}

    def pack(self, features: Collection[str]) -> None:
        """Count the weights in main memory as an engine with these CPU features holds them."""
        self._features = features

    def _memory(self, plan: Plan, shape: ModelShape, weights: Weights, variant: Variant) -> Memory:
        return memory_of(plan, shape, weights, variant, packed(weights, self._features))

    def devices(self, machine: Machine, held: Reclaimable) -> Devices | None:
        """The machine's memory in the engine's order of devices, with what the engine says is free there now; None
        when it has GPUs the engine here has not. Raises HeftError where a device that is asked for is not there.
        """
        freed = {"freed_bytes": held.memory_bytes, "freed_gpu_bytes": held.gpu_bytes}
        wanted = devices_for(machine, self._settings.devices, **freed)
        pools = wanted.pools
        if not machine.engine.version:  # a profile: its GPUs are not the ones the engine sees here
            return wanted if len(pools) == 1 else None
        names = devices_asked(pools, wanted.told)
        devices = self._plans(names, self._settings.context or SHORT_CONTEXT, 0, 0).devices
        named = {name: gpu for gpu in machine.gpus for name in gpu.engine_devices}
        found = [pools[RAM]]
        once = [device for device in devices if _first_of_its_gpu(device[0], devices, named)]
        for number, (name, free) in enumerate(once, 1):
            gpu = named.get(name)
            freed_there = held.gpu_bytes // len(once)
            pool = Pool(
                device=number,
                name=gpu.name if gpu else name,
                free_bytes=max(0, free + freed_there - machine.reserves.gpu_bytes),
                reserve_bytes=machine.reserves.gpu_bytes,
                shared=gpu.shared_memory if gpu else False,
                own_bytes=own_free(gpu) if gpu else 0,
                engine_device=name,
            )
            found.append(with_facts(pool, gpu) if gpu else pool)
        gone = [pool for pool in pools[1:] if pool.engine_device not in {name for name, _ in devices}]
        if gone and wanted.told:
            raise gone_error(gone[0].engine_device, [name for name, _ in devices])
        return Devices(tuple(found), wanted.left, wanted.told)

    def memory(self, devices: str, context: int, gpu_layers: int, experts: int) -> Memory:
        """What the engine would take, device by device of those it is to use ("": all)."""
        key = (devices, context, gpu_layers, experts)
        if key not in self._known:
            plan = self._plans(*key).plans[0]
            memory = self._memory(plan, self._shape, self._weights, self._variant(*key))
            memory = memory if self._kind == "off" else self._with_draft(memory, key)
            if (projector := self._projector) is not None:
                memory = memory.with_projector(gpu_layers, projector.weights_bytes, projector.picture_bytes)
            self._known[key] = memory
        return self._known[key]

    def _with_draft(self, memory: Memory, key: tuple[str, int, int, int]) -> Memory:
        """With what speculation takes beside the model's own."""
        more = unlogged_bytes(
            self._kind, self._shape.vocabulary, self._shape.embedding, self._settings.batch_at(key[1]), self._slots
        )
        taken = Memory(())
        variant = replace_variant(self._variant(*key), shares=_held_shares(memory))
        if self._kind == "mtp":
            variant = replace_variant(variant, mtp_context=True)
            plan = self._service.call(self._model, (variant,), self._cancelled).plans[0]
            taken = self._memory(
                plan, self._shape, no_weights(self._weights), variant
            )  # they are counted with the others
        elif self._draft is not None:
            draft = self._draft
            layers = draft.shape.layer_count + draft.shape.draft_layers + 1 if key[2] else 0
            variant = replace_variant(variant, gpu_layers=layers, cpu_expert_layers=0, speculation="off")
            plan = self._service.call(draft.model, (variant,), self._cancelled).plans[0]
            taken = self._memory(plan, draft.shape, draft.weights, variant)
        return memory.with_draft(taken, more)

    def _plans(self, devices: str, context: int, gpu_layers: int, experts: int) -> Plans:
        return self._service.call(self._model, (self._variant(devices, context, gpu_layers, experts),), self._cancelled)

    def _variant(self, devices: str, context: int, gpu_layers: int, experts: int) -> Variant:
        return Variant(
            context=context,
            cache_type_k=self._settings.kv_types[0],
            cache_type_v=self._settings.kv_types[1],
            flash_attention=self._settings.flash_attention or "auto",
            gpu_layers=gpu_layers,
            cpu_expert_layers=experts,
            speculation=self._kind,
            devices=devices,
            slots=self._slots,
            purpose=self._purpose,
            shares=self._settings.shares if gpu_layers else (),
            kv_offload=not self._settings.cache_in_ram,
            batch=self._settings.batch or DEFAULT_BATCH,
        )
