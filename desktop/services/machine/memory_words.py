"""Free main memory in words: one figure on every page, and the parts that it is made of."""

from __future__ import annotations

from desktop.core.hardware import Machine
from desktop.core.machines import sold_as
from desktop.core.pools import NOTHING_RECLAIMABLE, Pool, Reclaimable, pools_of
from desktop.core.units import human_bytes
from desktop.core.words import tr

_TENTH = 100_000_000


def main_memory(machine: Machine, held: Reclaimable = NOTHING_RECLAIMABLE) -> Pool:
    """What models may take of main memory; ``held`` is the loaded model's, which would go first."""
    return pools_of(machine, freed_bytes=held.memory_bytes, freed_gpu_bytes=held.gpu_bytes)[0]


def memory_words(machine: Machine, held: Reclaimable = NOTHING_RECLAIMABLE) -> str:
    """``23.1 GB free for models, of 25.3 GB: 1.2 GB in use, 1.0 GB kept for the system``"""
    pool = main_memory(machine, held)
    return f"{free_words(pool)}, {parts_words(machine.memory.total_bytes, pool, held)}"


def free_words(pool: Pool) -> str:
    """``23.1 GB free for models``"""
    return tr("{free_bytes} free for models", free_bytes=human_bytes(pool.free_bytes))


def sized_words(total_bytes: int, *, nearly: bool = False) -> str:
    """``34.4 GB (sold as 32 GB)``, or the size alone; ``nearly`` as of :func:`desktop.core.machines.sold_as`."""
    sold = sold_as(total_bytes, nearly=nearly)
    return (
        human_bytes(total_bytes)
        if sold is None
        else tr("{total_bytes} (sold as {sold} GB)", total_bytes=human_bytes(total_bytes), sold=sold)
    )


def parts_words(total_bytes: int, pool: Pool, held: Reclaimable = NOTHING_RECLAIMABLE) -> str:
    """Where the rest is: ``of 34.4 GB (sold as 32 GB): 1.2 GB in use, 1.0 GB kept for the system``. As shown, the parts
    add up."""
    used = total_bytes - pool.free_bytes - pool.reserve_bytes
    if pool.free_bytes >= 10 * _TENTH:  # all are shown to a tenth
        shown = (round(size / _TENTH) for size in (total_bytes, pool.free_bytes, pool.reserve_bytes))
        total, free, kept = shown
        used = (total - free - kept) * _TENTH
    said = tr("of {total_bytes}: {used} in use", total_bytes=sized_words(total_bytes), used=human_bytes(max(0, used)))
    said += (
        tr(", {reserve_bytes} kept for the system", reserve_bytes=human_bytes(pool.reserve_bytes))
        if pool.reserve_bytes
        else ""
    )
    if held.memory_bytes >= _TENTH:
        said += tr(
            ". Counted as free: {memory_bytes} that the loaded model would give back",
            memory_bytes=human_bytes(held.memory_bytes),
        )
        said += tr("; what it reads in place from its file is not in use, the system can drop it")
    return said
