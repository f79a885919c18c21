"""Where a model goes on a computer: all on the GPU, some layers, experts in main memory, CPU only, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import msgspec

from desktop.core.context_length import CELLS, engine_context
from desktop.core.hardware import EngineInfo, Gpu, Machine
from desktop.core.load_settings import KvType, LoadSettings
from desktop.core.memory import RAM, Memory, ModelShape, Split, Weights, context_of, estimate, packed

Placement = Literal["gpu", "experts-in-ram", "partial", "cpu", "too-large"]  # best first
Method = Literal["engine", "estimate"]

_SHARED_PART = 2 / 3  # of main memory that a GPU without memory of its own may use, where nobody says
_UNKNOWN_BAND, _KNOWN_BAND = 0.15, 0.05  # relative error of the total to expect of formulas


@dataclass(frozen=True)
class Reclaimable:
    """Bytes held by what would be unloaded before another model is loaded."""

    memory_bytes: int = 0
    gpu_bytes: int = 0


NOTHING_RECLAIMABLE = Reclaimable()


@dataclass(frozen=True)
class Pool:
    """Memory that can be filled: device number (0 is main memory), its name, bytes free less the reserve.

    ``shared``: a GPU whose memory is main memory, so that what it holds counts in pool 0 too, but for the first
    ``own_bytes``: what the firmware set aside for it. ``engine_device`` is its name in the engine, "" in a profile.
    ``twice``: two backends reach it, so the engine has to be told through which it is used.
    """

    device: int
    name: str
    free_bytes: int
    reserve_bytes: int
    shared: bool = False
    own_bytes: int = 0
    engine_device: str = ""
    twice: bool = False


@dataclass(frozen=True)
class Fit:
    """How a model fits. ``context`` is what the engine will have, in tokens. ``memory`` is in total and per device;
    ``gpu_layers`` counts the output as one of ``layers``.

    ``free_bytes`` is what there is where it goes (all GPUs used, main memory when it is needed), the reserve taken
    off; ``short_by_bytes`` what is missing when it is too large. ``max_context`` is the longest context that keeps
    the placement, in tokens, no longer than the engine makes the one it was trained for (0: none). ``band`` is the
    relative error to expect of the total: 0 for the engine's own plan. ``aside`` are GPUs that are not in ``pools``
    because the model runs better without them: too little is free there.
    """

    context: int
    kv_types: tuple[KvType, KvType]
    memory: Memory
    method: Method
    placement: Placement
    gpu_layers: int
    layers: int
    cpu_expert_layers: int
    free_bytes: int
    short_by_bytes: int
    max_context: int
    pools: tuple[Pool, ...]
    band: float = 0.0
    aside: tuple[Pool, ...] = ()

    @property
    def devices(self) -> str:
        """What the engine is told to use, as llama.cpp's ``--device`` has it; "" for all it has."""
        return devices_asked(self.pools, bool(self.aside))

    @property
    def fits(self) -> bool:
        """Whether it can be loaded at all."""
        return self.placement != "too-large"


def pools_of(machine: Machine, *, freed_bytes: int = 0, freed_gpu_bytes: int = 0) -> tuple[Pool, ...]:
    """Main memory and the GPUs the engine would use, in its order: an integrated one only without a discrete one.

    A GPU of this computer that the installed engine does not offer is left out (see :func:`hypothetical`).

    ``freed_bytes`` and ``freed_gpu_bytes`` are held by what would be unloaded first. Where a machine does not say
    what is free, all of it is.
    """
    memory = machine.memory
    free = min(memory.total_bytes, (memory.available_bytes or memory.total_bytes) + freed_bytes)
    reserve = machine.reserves.ram_bytes
    pools = [Pool(RAM, "main memory", max(0, free - reserve), reserve)]
    offered = [gpu for gpu in machine.gpus if _usable(gpu, machine)]
    used = [gpu for gpu in offered if not gpu.shared_memory] or offered[:1]
    for number, gpu in enumerate(used, 1):
        pools.append(_gpu_pool(number, gpu, machine, pools[0].free_bytes, freed_gpu_bytes // len(used)))
    return tuple(pools)


def _gpu_pool(number: int, gpu: Gpu, machine: Machine, ram_free: int, freed: int) -> Pool:
    if gpu.shared_memory:
        limit = gpu.total_bytes or int(machine.memory.total_bytes * _SHARED_PART)
        own = own_free(gpu)
        free = min(limit, own + ram_free)
        reserve = machine.reserves.ram_bytes
        return Pool(number, gpu.name, free, reserve, True, own, _engine_device(gpu), is_twice(gpu))
    free = gpu.total_bytes if gpu.free_bytes is None else min(gpu.total_bytes, gpu.free_bytes + freed)
    reserve = machine.reserves.gpu_bytes
    device = _engine_device(gpu)
    return Pool(number, gpu.name, max(0, free - reserve), reserve, engine_device=device, twice=is_twice(gpu))


def is_twice(gpu: Gpu) -> bool:
    """Whether several backends of the engine reach it: it is used through one of them."""
    return len(gpu.engine_devices) > 1


def _engine_device(gpu: Gpu) -> str:
    return gpu.engine_devices[0] if gpu.engine_devices else ""


def devices_asked(pools: Sequence[Pool], some: bool) -> str:
    """The engine's devices among pools as llama.cpp's ``--device`` has them; "" where they are not only some of all."""
    named = ",".join(pool.engine_device for pool in pools if pool.device != RAM)
    return (named or "none") if some or any(pool.twice for pool in pools) else ""


def card_sets(pools: Sequence[Pool]) -> Iterator[tuple[Pool, ...]]:
    """Main memory with the GPUs to try: all that have room, then without the one that has least, down to one."""
    used = [pool for pool in pools[1:] if pool.free_bytes > 0]
    yield (pools[RAM], *used)
    while len(used) > 1:
        used.remove(min(reversed(used), key=lambda pool: pool.free_bytes))
        yield (pools[RAM], *used)


def own_free(gpu: Gpu) -> int:
    """What is free of the memory set aside for a GPU; what it holds lies there first."""
    used = gpu.total_bytes - gpu.free_bytes if gpu.free_bytes is not None else 0
    return max(0, gpu.set_aside_bytes - max(0, used))


def hypothetical(machine: Machine) -> Machine:
    """A profile as "what if": all of its GPUs count, whatever engine it was described with."""
    return msgspec.structs.replace(machine, engine=EngineInfo())


def _usable(gpu: Gpu, machine: Machine) -> bool:
    """Whether an engine would use a GPU: not one that was found here and that the installed engine does not offer."""
    return not machine.engine.version or not gpu.probe or bool(gpu.engine_devices)


def split_layers(stored: int, gpu_layers: int, free: Sequence[int], experts_in_ram: int = 0) -> Split:
    """Where the engine puts ``stored`` layers and the output: the last ``gpu_layers``, shared by free memory.

    Source: llama.cpp ``src/llama-model.cpp``, load_tensors (get_layer_buft_list).
    """
    count = min(gpu_layers, stored + 1) if free else 0
    found = [RAM] * (stored + 1 - count)
    whole, mark = sum(free), 0
    for device, part in enumerate(free, 1):
        mark += part
        # the first layer that lies at or beyond this device's share of the sum
        found += [device] * (min(count, -(-mark * count // whole)) - (len(found) - (stored + 1 - count)))
    return Split(tuple(found[:stored]), found[stored], experts_in_ram)


def shortage(memory: Memory, pools: Sequence[Pool]) -> int:
    """Bytes by which the fullest device is over; 0 or less when all fits."""
    held = [0 for _ in pools]
    for device in memory.devices:
        held[device.device] += device.total_bytes
        if device.device != RAM and pools[device.device].shared:
            held[RAM] += max(0, device.total_bytes - pools[device.device].own_bytes)
    return max(used - pool.free_bytes for used, pool in zip(held, pools, strict=True))


Beside = Callable[[int, int], tuple[Memory, int]]  # (context, GPU layers) -> what speculation takes, RAM beside it
Planned = Callable[[int, int, int], Memory]  # (context, GPU layers, layers with experts in main memory) -> memory


def place(
    shape: ModelShape,
    weights: Weights,
    settings: LoadSettings,
    machine: Machine,
    *,
    freed_bytes: int = 0,
    freed_gpu_bytes: int = 0,
    longest: bool = True,
    beside: Beside | None = None,
) -> Fit:
    """The best place by formulas: the most layers on the GPU that fit what is free less a reserve.

    See :func:`pools_of` for what counts as free; ``beside`` is loaded with the model. ``longest`` False leaves
    ``max_context`` 0, which is faster.
    """
    pools = pools_of(machine, freed_bytes=freed_bytes, freed_gpu_bytes=freed_gpu_bytes)
    stored = shape.layer_count + shape.draft_layers
    if len(pools) == 1:  # beside a GPU it is not known yet which layers the CPU would pack
        weights = packed(weights, machine.engine.features)

    def planned_on(used: tuple[Pool, ...]) -> Planned:
        known: dict[tuple[int, int, int], Memory] = {}
        free = [pool.free_bytes for pool in used[1:]]

        def planned(context: int, gpu_layers: int, experts: int) -> Memory:
            key = (context, gpu_layers, experts)
            found = known.get(key)
            if found is None:
                split = split_layers(stored, gpu_layers, free, experts)
                at = settings if context == settings.context else replace(settings, context=context)
                found = estimate(shape, weights, at, split)
                if beside is not None:
                    found = found.with_draft(*beside(context, gpu_layers))
                known[key] = found
            return found

        return planned

    fit = settle(planned_on, shape, settings, pools, has_experts=any(weights.experts), longest=longest)
    return replace(fit, band=_KNOWN_BAND if shape.known else _UNKNOWN_BAND)


def settle(
    planned_on: Callable[[tuple[Pool, ...]], Planned],
    shape: ModelShape,
    settings: LoadSettings,
    pools: tuple[Pool, ...],
    *,
    has_experts: bool,
    longest: bool = True,
    method: Method = "estimate",
) -> Fit:
    """The verdict, and the longest context with it, from any way to plan a load on the GPUs it is given.

    All GPUs that have room are used, as llama.cpp does; where not all of the model fits them, those that have least are
    left out as far as that gets more of it onto the others: a share goes to every GPU that is used, and what computing
    takes besides, even where next to nothing is free.
    """
    best: Fit | None = None
    for cards in card_sets(pools):
        used = tuple(replace(pool, device=number) for number, pool in enumerate(cards))
        found = _settled(planned_on(used), shape, settings, used, has_experts, longest, method)
        if best is None or _preference(found) < _preference(best):
            best = replace(found, aside=tuple(pool for pool in pools if pool not in cards))
        if found.placement == "gpu" or settings.gpu_layers == 0:
            break
    assert best is not None
    return best


def _preference(fit: Fit) -> tuple[int, int, int]:
    """Less is better: where it goes, then how much of it lies on GPUs."""
    return get_args(Placement).index(fit.placement), fit.cpu_expert_layers, -fit.gpu_layers


def _settled(
    planned: Planned,
    shape: ModelShape,
    settings: LoadSettings,
    pools: tuple[Pool, ...],
    has_experts: bool,
    longest: bool,
    method: Method,
) -> Fit:
    layers = shape.layer_count + shape.draft_layers + 1
    context = context_of(settings, shape)
    choice = _choose(planned, settings, pools, layers, context, has_experts)
    memory = planned(context, choice.gpu_layers, choice.experts)
    used = [pool for pool in pools if pool.device != RAM] if choice.gpu_layers else [pools[RAM]]
    if choice.placement not in ("gpu", "cpu") and not any(pool.shared for pool in pools):
        used = list(pools)
    max_context = 0
    if longest and choice.placement != "too-large":
        most = max(context, engine_context(shape.trained_context))
        max_context = _longest(lambda n: _keeps(planned, choice, pools, n), context, most)
    return Fit(
        context=context,
        kv_types=settings.kv_types,
        memory=memory,
        method=method,
        placement=choice.placement,
        gpu_layers=choice.gpu_layers,
        layers=layers,
        cpu_expert_layers=choice.experts,
        free_bytes=sum(pool.free_bytes for pool in used),
        short_by_bytes=max(0, shortage(memory, pools)) if choice.placement == "too-large" else 0,
        max_context=max_context,
        pools=pools,
    )


@dataclass(frozen=True)
class _Choice:
    placement: Placement
    gpu_layers: int
    experts: int = 0


def _choose(
    planned: Planned, settings: LoadSettings, pools: tuple[Pool, ...], layers: int, context: int, has_experts: bool
) -> _Choice:
    def fits(gpu_layers: int, experts: int) -> bool:
        return shortage(planned(context, gpu_layers, experts), pools) <= 0

    def gpus_hold(gpu_layers: int, experts: int) -> bool:
        held = planned(context, gpu_layers, experts).devices
        return all(d.device == RAM or d.total_bytes <= pools[d.device].free_bytes for d in held)

    experts = settings.cpu_expert_layers or 0
    if settings.gpu_layers is not None or len(pools) == 1:
        wanted = min(settings.gpu_layers or 0, layers) if len(pools) > 1 else 0
        return _Choice(_name(wanted, layers, experts) if fits(wanted, experts) else "too-large", wanted, experts)
    if fits(layers, experts):
        return _Choice(_name(layers, layers, experts), layers, experts)
    if has_experts and settings.cpu_expert_layers is None:
        moved = _least(lambda n: gpus_hold(layers, n), 1, layers - 1)
        if moved is not None and fits(layers, moved):
            return _Choice("experts-in-ram", layers, moved)
    fewer = _least(lambda n: gpus_hold(layers - n, experts), 1, layers)
    if fewer is None:
        return _Choice("too-large", 0, 0)
    # The fewest layers in main memory: where these do not fit it, more of them do not either.
    kept = layers - fewer
    return _Choice(_name(kept, layers, experts) if fits(kept, experts) else "too-large", kept, experts)


def _name(gpu_layers: int, layers: int, experts: int) -> Placement:
    if gpu_layers == 0:
        return "cpu"
    if gpu_layers < layers:
        return "partial"
    return "experts-in-ram" if experts else "gpu"


def _least(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The least number from low to high for which a condition holds that, once true, stays true; None if none."""
    if low > high or not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _keeps(planned: Planned, choice: _Choice, pools: tuple[Pool, ...], context: int) -> bool:
    return shortage(planned(context, choice.gpu_layers, choice.experts), pools) <= 0


def _longest(holds: Callable[[int], bool], known: int, most: int) -> int:
    """The longest context that holds, in steps of 256; ``known`` holds, and is whole steps like ``most``."""
    if holds(most):
        return most
    too_long = _least(lambda step: not holds(known + step * CELLS), 0, -(-(most - known) // CELLS))
    return known + ((too_long or 1) - 1) * CELLS
