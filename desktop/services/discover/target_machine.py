"""Where a repo is weighed: this computer as it is now, or another one; and the memory that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from desktop.core.choice import Alternatives
from desktop.core.hardware import Machine
from desktop.core.load_settings import KvType, LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.placement import STEADY_BYTES, Fit, place, settle
from desktop.core.pools import Devices, Pool, Reclaimable, pools_of

SMALLEST_CONTEXT = 512
_BYTES_PER_WEIGHT = 4.89 / 8  # of Q4_K_M, for "a model of how many parameters would fit"


@dataclass(frozen=True)
class TargetMachine:
    """A machine and what would be unloaded there first. ``own``: it is this computer."""

    machine: Machine
    held: Reclaimable = field(default_factory=Reclaimable)
    own: bool = False

    @property
    def key(self) -> int:
        """The same for this computer however much is free; else one per machine, as long as that is kept."""
        return 0 if self.own else id(self.machine)

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        """Main memory and GPUs with what is free once the engine's model is unloaded."""
        return pools_of(self.machine, freed_bytes=self.held.memory_bytes, freed_gpu_bytes=self.held.gpu_bytes)

    def differs(self, other: TargetMachine) -> bool:
        """Whether so much more or less is free there that verdicts may change: 100 MB in any pool; or other devices
        are lent to it."""
        if [gpu.name for gpu in self.machine.gpus if gpu.worker] != [g.name for g in other.machine.gpus if g.worker]:
            return True
        mine, others = self.pools, other.pools
        if [pool.name for pool in mine] != [pool.name for pool in others]:
            return True
        return any(abs(a.free_bytes - b.free_bytes) >= STEADY_BYTES for a, b in zip(mine, others, strict=True))


class OwnPlace:
    """This computer, looked at again on demand; the snapshot stays the same while little changes."""

    def __init__(self, machine: Callable[[], Machine], held: Callable[[], Reclaimable]) -> None:
        """``machine`` is this computer as it is now; ``held`` what its running engine would give back."""
        self._machine, self._held = machine, held
        self.now = TargetMachine(machine(), held(), own=True)

    def refresh(self) -> bool:
        """Look again; whether the snapshot changed."""
        found = TargetMachine(self._machine(), self._held(), own=True)
        if not found.differs(self.now):
            return False
        self.now = found
        return True


def estimated(
    shape: ModelShape, weights: Weights, settings: LoadSettings, where: TargetMachine, *, longest: bool
) -> Fit:
    """The fit by formulas; ``longest`` fills max_context."""
    return place(
        shape,
        weights,
        settings,
        where.machine,
        freed_bytes=where.held.memory_bytes,
        freed_gpu_bytes=where.held.gpu_bytes,
        longest=longest,
    )


def alternatives(
    weighed: Sequence[tuple[ModelShape | None, Weights | None]], settings: LoadSettings, where: TargetMachine
) -> Alternatives:
    """What would help where nothing of a model fits, by the smallest of its variants that could be weighed."""
    known = [(shape, weights) for shape, weights in weighed if shape is not None and weights is not None]
    if not known:
        return Alternatives()
    shape, smallest = min(known, key=lambda pair: pair[1].total_bytes)

    def longest(kv_type: KvType) -> int | None:
        shortest = replace(settings, context=SMALLEST_CONTEXT, cache_type_k=kv_type, cache_type_v=kv_type)
        fit = estimated(shape, smallest, shortest, where, longest=True)
        return fit.max_context if fit.fits else None

    free = sum(pool.free_bytes for pool in where.pools if not pool.shared)
    return Alternatives(
        context=longest(settings.kv_types[0]),
        context_q8=longest("q8_0") if settings.kv_types == ("f16", "f16") else None,
        parameters=free * 0.9 / _BYTES_PER_WEIGHT or None,
    )


def refitted(
    pools: tuple[Pool, ...],
    earlier: tuple[Fit, tuple[Pool, ...]] | None,
    shape: ModelShape,
    weights: Weights,
    settings: LoadSettings,
) -> Fit | None:
    """An earlier plan with other memory free: without a GPU the model needs what it needed. None: plan anew."""
    if settings.devices is not None or earlier is None or len(earlier[1]) > 1 or len(pools) > 1:
        return None
    fit = earlier[0]
    found = settle(
        lambda _used: lambda _context, _gpu_layers, _experts: fit.memory,
        shape,
        settings,
        Devices(pools),
        has_experts=any(weights.experts),
        longest=False,
        method="engine",
    )
    return replace(found, band=fit.band)
