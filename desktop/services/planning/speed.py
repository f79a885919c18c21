"""Predicted tokens per second: of the picker's variants, and of a file that is about to run; learns from the ledger."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.memory.shape import ModelShape
from desktop.core.memory.weights import Weights
from desktop.core.placement import Fit, split_layers
from desktop.core.quants import main_type
from desktop.core.speed import (
    DeviceSpeed,
    DeviceWork,
    MatrixWork,
    Prediction,
    Speeds,
    TokenWork,
    decode_rates,
    matrix_work,
    predict,
    predict_prompt,
    token_work,
    work_by_size,
)
from desktop.core.speed.learning import Correction, apply
from desktop.services.machine.calibration import CalibrationService
from desktop.services.machine.calibration_order import USUAL_KV_TYPES
from desktop.services.planning.corrections import Corrections, Way
from desktop.services.planning.local_files import LocalModel
from desktop.store.ledger import Run

_WORK_KEPT = 512  # placements of models whose work is remembered

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Predicted:
    """A prediction as shown, and what the model of time said before earlier runs corrected it."""

    shown: Prediction
    uncorrected: Prediction
    correction: Correction


class MachineRates:
    """Predicts many models on one machine."""

    def __init__(self, speeds: dict[str, DeviceSpeed], corrections: Corrections) -> None:
        """``corrections`` are what earlier runs taught."""
        self._speeds = speeds
        self._corrections = corrections
        self._work: dict[object, tuple[Weights, MatrixWork]] = {}

    @property
    def basis(self) -> object:
        """What was calibrated, or known of such devices, and the runs that were measured."""
        return self._speeds, self._corrections.runs

    def speeds(
        self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit, fingerprint: str = "", threads: int = 0,
        *, flash: bool = True,
    ) -> Speeds | None:  # fmt: skip
        """Tokens per second while writing, with an empty context and with all of the fit's used, and while reading.

        ``fingerprint`` finds the runs of this very model, loaded like this ("": not known), ``threads`` those with as
        many of them (0: any). ``flash``: with flash attention. None where a device is unknown. ValueError for a model
        without work (no matrix).
        """
        about = (fingerprint, threads)
        found = self._rates(shape, weights, quantization, fit, *about, flash)
        if found is None:
            return None
        caches = []
        for kind in USUAL_KV_TYPES:
            other: Speeds | None = found
            if fit.kv_types != (kind, kind):
                cache = replace(fit, kv_types=(kind, kind))
                other = self._rates(shape, weights, quantization, cache, *about, flash=True)
            caches += [(kind, other.full)] if other is not None else []
        return replace(found, by_cache=tuple(caches))

    def without_flash(self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit) -> float:
        """How many times as quick a full context is without flash attention, by what was calibrated alone; 1.0 where
        that was not. ValueError as of :meth:`speeds`."""
        parts = _parts(self._work_of(shape, weights, main_type(quantization), fit), self._speeds)
        if parts is None or not all(part.speed.method == "calibrated" and part.speed.unfused for part in parts):
            return 1.0
        fused, unfused = (decode_rates(_fused(parts, flash), (fit.context,))[0].expected for flash in (True, False))
        return unfused / fused

    def _rates(
        self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit,
        fingerprint: str, threads: int, flash: bool,
    ) -> Speeds | None:  # fmt: skip
        kind = main_type(quantization)
        parts = _parts(self._work_of(shape, weights, kind, fit), self._speeds)
        if parts is None:
            return None
        parts = _fused(parts, flash)
        writing, reading = self._corrections.of(kind, Way.of_fit(fit, threads, flash=flash), fingerprint)
        empty, full = (apply(rate, writing) for rate in decode_rates(parts, (0, fit.context)))
        prompt = apply(predict_prompt(parts, fit.context), reading)
        if writing.same_model:
            return Speeds(empty, full, fit.context, "measured", prompt, writing.runs)
        method = "table" if any(part.speed.method == "table" for part in parts) else "calibrated"
        return Speeds(empty, full, fit.context, method, prompt)

    def _work_of(self, shape: ModelShape, weights: Weights, kind: str, fit: Fit) -> Sequence[TokenWork]:
        """The work of a token; what it multiplies stays the same while only the context or the cache changes."""
        offload = _offload(fit)
        key = (id(weights), kind, tuple(offload), fit.cpu_expert_layers)
        known = self._work.get(key)
        if known is None:
            experts = fit.cpu_expert_layers
            if weights.tensors:
                work = matrix_work(weights.tensors, shape, offload, cpu_expert_layers=experts)
            else:
                work = work_by_size(weights, shape, kind, offload, cpu_expert_layers=experts)
            if len(self._work) >= _WORK_KEPT:
                self._work.clear()
            known = self._work[key] = (weights, work)  # with the weights, so that no others get their id
        return known[1].with_cache(fit.kv_types)


class SpeedService:
    """Predicts. Every method may be called from any thread."""

    def __init__(
        self,
        calibration: CalibrationService,
        own: Callable[[], Machine],
        runs: Callable[[str], Sequence[Run]] = lambda _key: (),
        with_devices: Callable[[], Machine] | None = None,
    ) -> None:
        """``own`` describes this computer, once, without its graphics: at once; ``with_devices`` with them. ``runs``
        gives a machine's runs by its key, newest first.
        """
        self._calibration = calibration
        self._ask_own, self._with_devices = own, with_devices or own
        self._runs = runs
        self._taught = Corrections()

    @cached_property
    def machine(self) -> Machine:
        """This computer."""
        return self._ask_own()

    def machine_for(self, fit: Fit) -> Machine:
        """This computer with the devices that a load is placed on."""
        return self._with_devices() if fit.gpu_layers else self.machine

    @cached_property
    def key(self) -> str:
        """This computer's key in the ledger."""
        return self._calibration.key(self.machine)

    def on(self, machine: Machine) -> MachineRates:
        """What is known of a machine's speed, read once: for many models in a row."""
        return MachineRates(self._calibration.speeds(machine), self._corrections(self._calibration.key(machine)))

    def predict(
        self, model: LocalModel, fit: Fit, context_used: int, threads: int = 0, *, flash: bool = True
    ) -> Predicted | None:
        """The speed of a local model placed by ``fit`` on this computer, with ``context_used`` tokens already there.

        None where nothing is known.
        """
        work = token_work(
            model.weights.tensors, model.shape, fit.kv_types, _offload(fit), cpu_expert_layers=fit.cpu_expert_layers
        )
        parts = _parts(work, self._calibration.speeds(self.machine_for(fit)))
        if parts is None:
            return None
        parts = _fused(parts, flash)
        plain = predict(parts, context_used)
        kind = main_type(model.quantization)
        way = Way.of_fit(fit, threads, flash=flash)
        decode, prompt = self._corrections(self.key).of(kind, way, model.fingerprint)
        shown = Prediction(
            apply(plain.decode, decode),
            apply(plain.prompt, prompt),
            plain.context,
            "measured" if decode.same_model else plain.method,
        )
        return Predicted(shown, plain, decode)

    def _corrections(self, key: str) -> Corrections:
        """From the ledger, the same until it changes; none when it cannot be read."""
        try:
            runs = self._runs(key)
        except HeftError as error:
            _log.warning("earlier runs are not looked at: %s", error.message)
            return Corrections()
        known = self._taught
        if known.runs is not runs:
            known = self._taught = Corrections(runs)
        return known


def _offload(fit: Fit) -> list[tuple[str, int]]:
    """The fit's GPU layers, spread over its GPUs as it was planned, else by their free memory as llama.cpp does."""
    gpus = [pool for pool in fit.pools if pool.device]
    if not fit.gpu_layers or not gpus:
        return []
    shares = fit.gpu_shares or [max(1, pool.free_bytes) for pool in gpus]
    split = split_layers(fit.layers - 1, fit.gpu_layers, shares)
    held = Counter((*split.layers, split.output))
    return [(pool.name, held[number]) for number, pool in enumerate(gpus, 1) if held[number]]


def _fused(parts: list[DeviceWork], flash: bool) -> list[DeviceWork]:
    return parts if flash else [replace(part, work=replace(part.work, fused=False)) for part in parts]


def _parts(work: Sequence[TokenWork], speeds: dict[str, DeviceSpeed]) -> list[DeviceWork] | None:
    if any(one.device not in speeds for one in work):
        return None
    return [DeviceWork(one, speeds[one.device]) for one in work]
