"""Predicted tokens per second beside measured ones: shapes and sizes that were not calibrated, on this computer.

Forges each model, predicts from its header alone, loads it in the real engine and measures. For each model the
processor is calibrated as Heft does it, with the model's own types, between two measurements of the bare loop: a
virtual machine's speed drifts by a tenth within minutes, and what is judged here is the prediction. A second figure
predicts all models by one calibration at the start, drift included. Beside them stands the rule of thumb of other
programs: memory bandwidth divided by the size of the file.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from measure import Figure

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import BytesSource, read_header
from desktop.core.memory.shape import shape_of
from desktop.core.speed import DeviceSpeed, DeviceWork, decode_rates, predict_prompt, token_work
from desktop.engine import llama
from desktop.engine.api import Load
from desktop.engine.helper_process import Tool
from desktop.engine.log import EngineLog
from desktop.engine.tools.calibrator import BATCH, Calibrate, Calibrated
from desktop.engine.tools.synthetic_models import ForgedShape, forge
from desktop.system.cores import physical_threads

LLAMA_1B = ForgedShape(16, 2048, 8192, 32, 8, vocabulary=128256, output_type="Q6_K")
LLAMA_3B = ForgedShape(28, 3072, 8192, 24, 8, vocabulary=128256, output_type="Q6_K")
MOE = ForgedShape(12, 2048, 1024, 16, 16, vocabulary=50304, experts=64, experts_used=8, output_type="Q6_K")
SHAPES = {"1B": LLAMA_1B, "3B": LLAMA_3B, "MoE 5B-A1B": MOE}
TYPES = ("Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K")
DEPTHS, TOKENS = (0, 1024), 32  # an empty context, and one that is filled; of a round
HEADER_BYTES = 1 << 20
ATTEMPTS = 4


@dataclass(frozen=True)
class Row:
    """One model: tokens per second predicted and measured, by context; and bandwidth divided by size.

    ``before`` was predicted by the calibration at the start.
    """

    name: str
    predicted: tuple[float, ...]
    before: tuple[float, ...]
    measured: tuple[float, ...]
    prompt_predicted: float
    prompt_measured: float
    bandwidth_by_size: float

    @property
    def errors(self) -> list[float]:
        """Of the prediction, relative, above 0 where it is too quick; one for each of :data:`DEPTHS`."""
        return self._off(self.predicted)

    @property
    def errors_before(self) -> list[float]:
        """As :attr:`errors`, by the calibration at the start."""
        return self._off(self.before)

    def _off(self, predicted: tuple[float, ...]) -> list[float]:
        return [said / took - 1 for said, took in zip(predicted, self.measured, strict=True)]


def calibration(folder: Path, types: tuple[str, ...] = TYPES) -> Calibrated:
    """This computer's CPU, calibrated as Heft does it; again when it was refused because of other programs."""
    tool: Tool[Calibrated] = Tool("desktop.engine.tools.calibrator", Calibrated)
    request = Calibrate(str(folder), types)
    try:
        for _ in range(ATTEMPTS - 1):
            try:
                return tool.call(request)
            except HeftError as error:
                if error.kind != FailureKind.DISTURBED:
                    raise
                print(error.message, file=sys.stderr)
        return tool.call(request)
    finally:
        tool.close()


def row(name: str, shape: ForgedShape, kind: str, first: DeviceSpeed, folder: Path, bandwidth: float) -> Row:
    """Forge, measure in a bare loop, calibrate, measure again, predict. ``first``: as calibrated at the start."""
    path = forge(folder / "model.gguf", shape, kind)
    os.sync()  # gigabytes that are still written to the disk would be measured, too
    loop = BareLoop(path)
    try:
        loop.measure()
        speed = calibration(folder, tuple(dict.fromkeys((kind, shape.output_type)))).speed
        loop.measure()
        with path.open("rb") as stream:
            header = read_header(BytesSource(stream.read(HEADER_BYTES)), partial=True)
        model_shape = shape_of(header)
        assert model_shape is not None
        works = token_work(header.tensors, model_shape)
        parts = [DeviceWork(work, speed) for work in works]
        return Row(
            f"{name} {kind}",
            _expected(parts),
            _expected([DeviceWork(work, first) for work in works]),
            loop.rates,
            predict_prompt(parts, BATCH).expected,
            loop.prompt,
            bandwidth / path.stat().st_size,
        )
    finally:
        loop.close()
        path.unlink(missing_ok=True)


def _expected(parts: list[DeviceWork]) -> tuple[float, ...]:
    return tuple(rate.expected for rate in decode_rates(parts, DEPTHS))


class BareLoop:
    """A model in the real engine, asked token by token; :meth:`close` it."""

    def __init__(self, path: Path) -> None:
        self._model = llama.Model(Load(str(path), DEPTHS[-1] + BATCH, threads=physical_threads()), 0)
        self._batch = [1 + 11 * i % 400 for i in range(BATCH)]
        self._prompts: list[float] = []
        self._took: dict[int, list[float]] = {depth: [] for depth in DEPTHS}

    def measure(self) -> None:
        """One more round: two first batches, and some tokens at each of :data:`DEPTHS`."""
        for _ in range(2):
            self._model.keep_prefix(0)
            begun = time.perf_counter()
            self._model.decode(self._batch)
            self._prompts.append(BATCH / (time.perf_counter() - begun))
        for depth in DEPTHS:
            self._model.keep_prefix(0)
            for _ in range(0, depth, BATCH):
                self._model.decode(self._batch)
            before = depth or 1  # behind none at all llama.cpp would clear the whole cache each time
            if not depth:
                self._model.decode(self._batch[:1])
            for turn in range(TOKENS + 1):
                begun = time.perf_counter()
                self._model.decode((1 + 37 * turn % 400,))
                if turn:  # the first one sets up its graph
                    self._took[depth].append(time.perf_counter() - begun)
                self._model.keep_prefix(before)

    @property
    def prompt(self) -> float:
        """Tokens per second of the first batch, the best of all rounds."""
        return max(self._prompts)

    @property
    def rates(self) -> tuple[float, ...]:
        """Tokens per second at each depth: the median of all rounds."""
        return tuple(1 / statistics.median(took) for took in self._took.values())

    def close(self) -> None:
        """Free the model."""
        self._model.close()


def _bandwidth() -> float:
    from desktop.core.hardware import Cpu
    from desktop.machine import bandwidth

    with tempfile.TemporaryDirectory() as folder:
        return bandwidth.measure_in_child(Path(folder), bandwidth.fingerprint(Cpu("bench"), 0)).bytes_per_second


def rows(quick: bool) -> tuple[Calibrated, list[Row]]:
    """All shapes and types, two of each when quick."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = calibration(folder)
        bandwidth = _bandwidth()
        kinds = TYPES[::3] if quick else TYPES
        listed = []
        for label, shape in list(SHAPES.items())[: 1 if quick else None]:
            for kind in kinds:
                listed.append(row(label, shape, kind, found.speed, folder, bandwidth))
                one = listed[-1]
                print(
                    f"{one.name:18} predicted {_listed(one.predicted)}  measured {_listed(one.measured)} tok/s"
                    f"  error {_errors(one.errors)} (by the first calibration {_errors(one.errors_before)})"
                    f"   prompt {one.prompt_predicted:5.0f}"
                    f" / {one.prompt_measured:5.0f}   bandwidth ÷ size {one.bandwidth_by_size:6.1f}",
                    file=sys.stderr,
                    flush=True,
                )
        return found, listed


def _errors(errors: list[float]) -> str:
    return " ".join(f"{error:+5.0%}" for error in errors)


def _listed(rates: tuple[float, ...]) -> str:
    return " → ".join(f"{rate:6.1f}" for rate in rates)


def _median_and_tenth(errors: Iterable[float]) -> tuple[float, float]:
    """Of their sizes: the median, and what nine of ten stay below."""
    sizes = sorted(abs(error) for error in errors)
    return statistics.median(sizes), sizes[round(0.9 * (len(sizes) - 1))]


def figures(quick: bool) -> list[Figure]:
    """Median and 90th percentile of the error, beside the rule of thumb's."""
    callback = llama.start(EngineLog(lambda _line: None))
    found, listed = rows(quick)
    del callback
    median, worst_tenth = _median_and_tenth(error for one in listed for error in one.errors)
    drifted, drifted_tenth = _median_and_tenth(error for one in listed for error in one.errors_before)
    thumb = sorted(one.bandwidth_by_size / one.measured[0] for one in listed)
    prompt = statistics.median(abs(one.prompt_predicted / one.prompt_measured - 1) for one in listed)
    return [
        Figure(
            f"predicted decode tok/s against a bare loop, {len(listed)} forged models, empty and full: median error",
            f"bandwidth ÷ size: {thumb[0]:.2f} to {thumb[-1]:.2f} of the measured",
            median,
            "below 0.05",
            median < 0.05,
        ),
        Figure("the same: 90% of errors below", f"{worst_tenth:.0%}", worst_tenth, "below 0.12", worst_tenth < 0.12),
        Figure(
            "the same by one calibration at the start: median error",
            f"90% below {drifted_tenth:.0%}",
            drifted,
            "—",
            True,
        ),
        Figure(
            "predicted prompt tok/s against measured: median error", f"{prompt:.0%}", prompt, "below 0.3", prompt < 0.3
        ),
        Figure(
            f"calibration of {len(TYPES)} types, seconds",
            f"{found.undisturbed:.0%} undisturbed",
            found.seconds,
            "below 60",
            found.seconds < 60,
        ),
    ]


if __name__ == "__main__":
    from measure import markdown

    print(markdown(figures("--quick" in sys.argv)))
