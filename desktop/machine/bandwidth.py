"""Read bandwidth of main memory: what decides how fast a model on the CPU can speak.

``python -m desktop.machine.bandwidth`` measures; the rest of the program asks it in a child process, so that the
window never holds the arrays. Each thread sums its own array (numpy releases the GIL), all together far larger
than the last-level cache. The best of the rounds counts, as in McCalpin's STREAM: noise only ever slows a round.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from desktop.core.hardware import Cpu
from desktop.machine.child import ask_child
from desktop.system.atomic import write_atomically

ROUNDS = 5
ROUND_SECONDS = 0.16  # 0.8 s of reading; with start-up and filling the whole stays below 2 s
_SECONDS = 30.0  # a machine that swaps
_CACHE_FACTOR = 4  # arrays against last-level cache: a quarter could be left over from the round before
_MIN_BYTES = 256 << 20
_MAX_BYTES = 2 << 30
_DEFAULT_CACHE = 32 << 20  # where the system does not tell
_FILE = "bandwidth.json"
QUIET_PERCENT = 20.0  # of all cores together: below it nothing of weight computes
_LOOK_SECONDS = 0.5
UNDISTURBED = 0.85  # below this part of their time on a core, the measuring threads were disturbed
SAME = 0.97  # measurements of an idle computer differ by less
_CONVINCING = 3  # measurements in a row that give less


@dataclass(frozen=True)
class _Span:
    """What one thread did in one round; times in seconds of the monotonic clock."""

    began: float
    ended: float
    cpu_seconds: float
    passes: int


class Bandwidth(msgspec.Struct, frozen=True):
    """A measurement: bytes per second, when (ISO 8601, UTC), with how many threads over how many bytes.

    ``cpu_share`` is the part of their time the threads really ran: well below 1 when other programs were busy.
    ``lower`` are later measurements that gave less, newest last, in bytes per second: they do not replace it.
    """

    bytes_per_second: float
    measured_at: str
    threads: int
    array_bytes: int
    cpu_share: float = 1.0
    fingerprint: str = ""
    lower: tuple[float, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Other programs were busy meanwhile: memory is read at least this quickly."""
        return self.cpu_share < UNDISTURBED


def better(kept: Bandwidth | None, measured: Bandwidth) -> Bandwidth:
    """The measurement to keep of one computer: other programs, on its cores or on its memory, only ever slow one.

    Only where several in a row that nothing disturbed stay below it is the computer another one by now (a setting of
    the firmware), and the best of these counts.
    """
    if kept is None or kept.fingerprint != measured.fingerprint:
        return measured
    if measured.doubtful and kept.bytes_per_second >= measured.bytes_per_second:
        return kept
    if kept.doubtful or measured.doubtful:  # the higher counts, and is as sure as the surer of both
        return _joined(kept, measured)
    if measured.bytes_per_second >= kept.bytes_per_second * SAME:
        return measured if measured.bytes_per_second >= kept.bytes_per_second else replace(kept, lower=())
    lower = (*kept.lower, measured.bytes_per_second)
    if len(lower) < _CONVINCING:
        return replace(kept, lower=lower)
    return replace(measured, bytes_per_second=max(lower))


def _joined(kept: Bandwidth, measured: Bandwidth) -> Bandwidth:
    higher = max(kept, measured, key=lambda one: one.bytes_per_second)
    return replace(higher, cpu_share=max(kept.cpu_share, measured.cpu_share), lower=())


def quiet() -> bool:
    """Whether the processor has next to nothing to do just now; takes half a second."""
    import psutil  # a start does without

    return bool(psutil.cpu_percent(interval=_LOOK_SECONDS) < QUIET_PERCENT)


def last_level_cache(root: Path = Path("/")) -> int:
    """Bytes of all level-3 caches together; a usual size where the system does not tell. ``root`` is for tests."""
    caches: dict[str, int] = {}
    for index in (root / "sys" / "devices" / "system" / "cpu").glob("cpu[0-9]*/cache/index*"):
        try:
            if (index / "level").read_text(encoding="ascii").strip() != "3":
                continue
            size = re.fullmatch(r"(\d+)([KM])", (index / "size").read_text(encoding="ascii").strip())
            shared = (index / "shared_cpu_list").read_text(encoding="ascii").strip()
        except OSError:
            continue
        if size:
            caches[shared] = int(size[1]) << (10 if size[2] == "K" else 20)
    return sum(caches.values()) or _DEFAULT_CACHE


def array_bytes(cache: int, available: int) -> int:
    """Bytes to read per round: far above the cache, and at most an eighth of the memory that is free."""
    wanted = min(max(_CACHE_FACTOR * cache, _MIN_BYTES), _MAX_BYTES)
    return max(min(wanted, available // 8), 1 << 20)


def measure(threads: int, total_bytes: int, *, rounds: int = ROUNDS, seconds: float = ROUND_SECONDS) -> Bandwidth:
    """Read ``total_bytes``, split over ``threads``, over and over in ``rounds`` of ``seconds``; the best counts."""
    import numpy as np

    count = max(1, total_bytes // threads // 8)
    start = threading.Barrier(threads)
    spans: list[list[_Span]] = [[] for _ in range(threads)]

    def read(mine: list[_Span]) -> None:
        array = np.ones(count, dtype=np.uint64)  # filled here, so that its pages lie near this core
        for _ in range(rounds):
            start.wait()
            cpu_began = time.thread_time()
            began = now = time.perf_counter()
            passes = 0
            # A round lasts many times the 5 ms that Python may take to let the other threads begin.
            while now - began < seconds:
                np.add.reduce(array)
                passes += 1
                now = time.perf_counter()
            mine.append(_Span(began, now, time.thread_time() - cpu_began, passes))

    workers = [threading.Thread(target=read, args=(mine,)) for mine in spans]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    best = max(zip(*spans, strict=True), key=lambda together: _rate(together, count * 8))
    return Bandwidth(
        bytes_per_second=_rate(best, count * 8),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        threads=threads,
        array_bytes=threads * count * 8,
        cpu_share=sum(s.cpu_seconds for s in best) / sum(s.ended - s.began for s in best),
    )


def _rate(spans: Sequence[_Span], size: int) -> float:
    """Bytes per second of one round: all passes, from the first thread's start to the last one's end."""
    duration = max(span.ended for span in spans) - min(span.began for span in spans)
    return sum(span.passes for span in spans) * size / duration


def fingerprint(cpu: Cpu, total_bytes: int) -> str:
    """Changes when the measurement would: processor, usable cores, memory size. Identifies nobody."""
    text = f"{cpu.name}|{cpu.physical_cores}|{cpu.usable_cores}|{total_bytes >> 28}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cached(folder: Path, wanted: str) -> Bandwidth | None:
    """The kept measurement of the machine with this fingerprint; None when there is none."""
    try:
        found = msgspec.json.decode((folder / _FILE).read_bytes(), type=Bandwidth)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.fingerprint == wanted else None


def measure_in_child(folder: Path, identity: str) -> Bandwidth:
    """Measure in a process of its own, and keep in ``folder`` what is :func:`better`; ChildError when it fails.

    What was measured is returned, also where it cannot be kept (read-only disk).
    """
    measured = ask_child(
        "desktop.machine.bandwidth", Bandwidth, seconds=_SECONDS, what="The memory bandwidth measurement"
    )
    measured = msgspec.structs.replace(measured, fingerprint=identity)
    try:
        write_atomically(folder / _FILE, msgspec.json.encode(better(cached(folder, identity), measured)))
    except OSError:
        return measured
    return measured


def _main() -> None:
    from desktop.machine.cpu import read_cpu
    from desktop.machine.memory import read_memory
    from desktop.machine.tables import Tables

    cpu = read_cpu(Tables()).cpu
    size = array_bytes(last_level_cache(), read_memory().available_bytes)
    result = measure(min(cpu.physical_cores, cpu.usable_cores or cpu.physical_cores), size)
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    _main()
