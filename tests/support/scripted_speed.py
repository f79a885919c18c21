"""Helpers of the Lab that know their answers: in the place of the processes that time models and weigh their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from desktop.core.bench_rows import BenchRow
from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import EngineError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.core.loss_statistics import Sums
from desktop.core.next_token import NextToken
from desktop.core.progress import Report, unheard
from desktop.core.quants import TYPES_BY_NAME
from desktop.engine.api import Event, Finished, Generate, Load, Loaded, Statistics
from desktop.engine.server.asked import Written
from desktop.engine.tools import bencher, measurer, sensitivity
from desktop.services.jobs import JobService
from desktop.services.lab import benching, importance, part_losses, tuning
from desktop.services.lab.benching import BenchingService
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.importance import ImportanceService
from desktop.services.lab.mixing import MixingService
from desktop.services.lab.quantizing import QuantizingService
from desktop.services.lab.tuning import TuningService
from desktop.services.models.library import LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths

if TYPE_CHECKING:
    from desktop.ui.lab.further import FurtherServices

THEIRS = BenchRow(
    model_type="other 7B", gpu_info="Their card", n_threads=8, n_prompt=512, samples_ns=(500_000_000, 520_000_000)
)


class ScriptedBencher:
    """Reads 1,000 and writes 20 tokens per second; a fifth more without flash attention. Dies at the call ``hold``."""

    hold = -1
    timed = 0

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __class_getitem__(cls, _kind: object) -> type:
        return cls

    def call(self, request: Any, *, cancelled: Cancelled = never, progress: Report = unheard) -> Any:
        if isinstance(request, bencher.Open):
            return bencher.Opened("tiny 1M F16", 1 << 20, 1 << 19, "CPU")
        assert isinstance(request, bencher.Time)
        if ScriptedBencher.timed == ScriptedBencher.hold:
            ScriptedBencher.hold = -1
            raise EngineError("The engine ended.", "Try again.")
        ScriptedBencher.timed += 1
        quicker = 1.2 if request.flash_attention == "off" else 1.0
        seconds = request.prompt / 1000 + request.generate / 20
        return bencher.Timed(round(seconds / quicker * 1e9), 0.0)

    def close(self) -> None:
        pass


class _Speaking:
    """Writes 20 tokens per second; half as many again with n-grams."""

    def __init__(self, load: Load) -> None:
        self._rate = 30.0 if load.speculation == "ngram" else 20.0

    @property
    def loaded(self) -> Loaded:
        raise NotImplementedError

    def answer(self, request: Generate, tell: Callable[[Event], None]) -> Written:
        tell(Finished(0, "length", Statistics(9, 0, request.max_tokens, 99, 512, 0.1, 99.0, self._rate, 0)))
        return Written("", ())

    def next_tokens(self, written: Written, pieces: int) -> tuple[NextToken, ...]:
        return ()

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def speaking(load: Load, _cancelled: Cancelled, _told: Callable[[float], None]) -> _Speaking:
    """A load that answers, in the place of a server."""
    return _Speaking(load)


class ScriptedSensitivity:
    """Errors as types of so many bits have them; the first layers lose most."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __class_getitem__(cls, _kind: object) -> type:
        return cls

    def call(self, request: Any, *, cancelled: Cancelled = never, progress: Report = unheard) -> Any:
        match request:
            case measurer.Open():
                return measurer.Opened(9000, 30, 100, "sign")
            case sensitivity.Base():
                return sensitivity.Known(self.names)
            case sensitivity.Errors():
                return sensitivity.TensorErrors(
                    {kind: 4.0 ** -TYPES_BY_NAME[kind].bits_per_weight for kind in request.types}
                )
            case _:
                kld = 0.05 if any("blk.0" in name for name in request.types) else 0.01
                return sensitivity.Lost(Sums(100, kld=100 * kld, kld2=100 * kld * kld * 2))

    names: tuple[str, ...] = ()

    def close(self) -> None:
        pass


def further_services(
    monkeypatch: pytest.MonkeyPatch,
    paths: Paths,
    jobs: JobService,
    library: LibraryService,
    planning: Callable[[], PlanningService],
    hashes: FileHashes,
    quantizing: QuantizingService,
    collector: type,
) -> FurtherServices:
    """The real services over scripted helpers."""
    from desktop.ui.lab.further import FurtherServices

    monkeypatch.setattr(importance, "Tool", collector)
    monkeypatch.setattr(part_losses, "Tool", ScriptedSensitivity)
    for module in (benching, tuning):
        monkeypatch.setattr(module, "Tool", ScriptedBencher)
    monkeypatch.setattr(part_losses, "read_memory", lambda: Memory(total_bytes=16 << 30, available_bytes=8 << 30))
    machine = Machine(Cpu("A processor"), Memory(total_bytes=16 << 30, available_bytes=8 << 30))
    matrices = ImportanceService(paths, jobs, library, planning, hashes)
    mixes = MixingService(paths, jobs, library, planning, hashes, lambda: quantizing)
    speeds = BenchingService(paths, jobs, library, planning, hashes, lambda: machine)
    tunes = TuningService(paths, jobs, library, planning, hashes, speaking, tuple)
    return FurtherServices(lambda: matrices, lambda: mixes, lambda: speeds, lambda: tunes)
