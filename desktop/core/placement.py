"""Where a model goes on a computer: all on the GPU, some layers, experts in main memory, CPU only, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from desktop.core.context_length import CELLS, engine_context
from desktop.core.hardware import RAM, Machine
from desktop.core.load_settings import KvType, LoadSettings
from desktop.core.memory import Memory, ModelShape, Split, Weights, context_of, estimate, packed
from desktop.core.pools import Aside, Devices, Pool, card_sets, devices_asked, devices_for
from desktop.core.projector import Projector

Placement = Literal["gpu", "experts-in-ram", "partial", "cpu", "too-large"]  # best first
Method = Literal["engine", "estimate"]

STEADY_BYTES = 100_000_000  # free memory that changes by less is taken as the same, so that all pages say one figure
_UNKNOWN_BAND, _KNOWN_BAND = 0.15, 0.05  # relative error of the total to expect of formulas


_AND, _CACHE_IN_RAM = " + ", ", KV cache in main memory"  # in the names of devices as the ledger keeps them apart


def names_of(devices: str) -> tuple[str, ...]:
    """The names in :attr:`Fit.gpu_names`."""
    return tuple(name for name in devices.removesuffix(_CACHE_IN_RAM).split(_AND) if name)


@dataclass(frozen=True)
class Fit:
    """How a model fits. ``context`` is what the engine will have, in tokens. ``memory`` is in total and per device;
    ``gpu_layers`` counts the output as one of ``layers``.

    ``free_bytes`` is what there is where it goes (all GPUs used, main memory when it is needed), the reserve taken
    off; ``short_by_bytes`` what is missing when it is too large. ``max_context`` is the longest context that keeps
    the placement, in tokens, no longer than the engine makes the one it was trained for (0: none). ``band`` is the
    relative error to expect of the total: 0 for the engine's own plan. ``aside`` are GPUs that are not in ``pools``,
    each with the reason (:attr:`Pool.left_for`). ``told``: the engine has to be told which it is to use.
    ``cache_in_ram``: the KV cache of all layers stays in main memory. ``shared_as_set``: the GPUs' shares were set.
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
    told: bool = False
    cache_in_ram: bool = False
    shared_as_set: bool = False

    @property
    def gpu_shares(self) -> tuple[int, ...]:
        """Layers that each GPU of :attr:`pools` holds; none where none holds any, or where that is not known."""
        held = {device.device: device.layers for device in self.memory.devices}
        shares = tuple(held.get(pool.device, 0) for pool in self.pools if pool.device != RAM)
        return shares if sum(shares) else ()

    @property
    def devices(self) -> str:
        """What the engine is told to use, as llama.cpp's ``--device`` has it; "" for all it has."""
        return devices_asked(self.pools, self.told)

    @property
    def gpu_names(self) -> str:
        """The GPUs that hold layers, as the ledger keeps them apart: their names with " + " between, "" for none."""
        if not self.gpu_layers:
            return ""
        held = {device.device for device in self.memory.devices if device.weights_bytes}
        names = _AND.join(pool.name for pool in self.pools if pool.device != RAM and pool.device in held)
        return f"{names}{_CACHE_IN_RAM}" if self.cache_in_ram else names

    @property
    def fits(self) -> bool:
        """Whether it can be loaded at all."""
        return self.placement != "too-large"


def split_layers(stored: int, gpu_layers: int, free: Sequence[float], experts_in_ram: int = 0) -> Split:
    """Where the engine puts ``stored`` layers and the output: the last ``gpu_layers``, shared by free memory, or by
    other shares.

    Source: llama.cpp ``src/llama-model.cpp``, load_tensors (get_layer_buft_list).
    """
    count = min(gpu_layers, stored + 1) if free else 0
    found = [RAM] * (stored + 1 - count)
    whole, mark = sum(free), 0.0
    for device, part in enumerate(free, 1):
        mark += part
        # the first layer that lies at or beyond this device's share of the sum
        found += [device] * (min(count, int(-(-mark * count // whole))) - (len(found) - (stored + 1 - count)))
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
    projector: Projector | None = None,
) -> Fit:
    """The best place by formulas: the most layers on the GPU that fit what is free less a reserve.

    See :func:`devices_for` for what counts as free; ``beside`` and ``projector`` are loaded with the model. ``longest``
    False leaves ``max_context`` 0, which is faster.
    """
    devices = devices_for(machine, settings.devices, freed_bytes=freed_bytes, freed_gpu_bytes=freed_gpu_bytes)
    pools = devices.pools
    stored = shape.layer_count + shape.draft_layers
    if len(pools) == 1:  # beside a GPU it is not known yet which layers the CPU would pack
        weights = packed(weights, machine.engine.features)

    def planned_on(used: tuple[Pool, ...]) -> Planned:
        known: dict[tuple[int, int, int], Memory] = {}
        free = settings.shares or [pool.free_bytes for pool in used[1:]]

        def planned(context: int, gpu_layers: int, experts: int) -> Memory:
            key = (context, gpu_layers, experts)
            found = known.get(key)
            if found is None:
                split = split_layers(stored, gpu_layers, free, experts)
                at = settings if context == settings.context else replace(settings, context=context)
                found = estimate(shape, weights, at, split)
                if beside is not None:
                    found = found.with_draft(*beside(context, gpu_layers))
                if projector is not None:
                    found = found.with_projector(gpu_layers, projector.weights_bytes, projector.picture_bytes)
                known[key] = found
            return found

        return planned

    fit = settle(planned_on, shape, settings, devices, has_experts=any(weights.experts), longest=longest)
    return replace(fit, band=_KNOWN_BAND if shape.known else _UNKNOWN_BAND)


def settle(
    planned_on: Callable[[tuple[Pool, ...]], Planned],
    shape: ModelShape,
    settings: LoadSettings,
    devices: Devices,
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
    pools = devices.pools
    for cards in card_sets(pools, settings.main_device, len(settings.shares)):
        used = tuple(replace(pool, device=number) for number, pool in enumerate(cards))
        found = _settled(planned_on(used), shape, settings, used, has_experts, longest, method)
        if best is None or _preference(found) < _preference(best):
            why: Aside = "main" if settings.main_device and found.placement == "gpu" else "room"
            full = tuple(replace(pool, left_for=why) for pool in pools if pool not in cards)
            told = devices.told or cards != pools
            best = replace(
                found,
                aside=(*full, *devices.left),
                told=told,
                cache_in_ram=settings.cache_in_ram,
                shared_as_set=bool(settings.shares),
            )
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
