"""Predicted tokens per second deep in a context beside measured ones: types of the KV cache, sizes of heads, no flash.

Calibrates, then forges each model, fills its context and writes in a bare loop of llama_decode; head sizes, depths and
shapes are others than those calibrated. ``python tests/bench/run_all.py --only attention``, on an idle computer.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_speed import HEADER_BYTES
from measure import Figure

from desktop.core.gguf import BytesSource, read_header
from desktop.core.load_settings import FlashAttention, KvType
from desktop.core.memory.shape import shape_of
from desktop.core.speed import DeviceSpeed, DeviceWork, decode_rates, token_work
from desktop.engine import llama
from desktop.engine.api import Load
from desktop.engine.log import EngineLog
from desktop.engine.tools.calibrator import BATCH, Calibrate, calibrate
from desktop.engine.tools.synthetic_models import ForgedShape, forge
from desktop.system.cores import physical_threads

KIND = "Q8_0"
SHAPES = {
    "1B, heads of 64": ForgedShape(16, 2048, 8192, 32, 8, vocabulary=32768),
    "2B, heads of 96": ForgedShape(20, 2304, 6912, 24, 8, vocabulary=32768),
    "3B, heads of 128": ForgedShape(28, 3072, 8192, 24, 8, vocabulary=32768),
}
WAYS: tuple[tuple[KvType, FlashAttention], ...] = (("f16", "auto"), ("q8_0", "auto"), ("f16", "off"))
DEPTHS = (1024, 4096)
TOKENS = 12


@dataclass(frozen=True)
class Row:
    """One model at one depth: tokens per second."""

    name: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """Relative, above 0 where the prediction is too quick."""
        return self.predicted / self.measured - 1


def speed_here(folder: Path, seconds: float) -> DeviceSpeed:
    """This computer's CPU: one type of weights, and attention in every way."""
    request = Calibrate(str(folder), (KIND,), ("f16", "q8_0"), seconds=seconds, experts=False, unfused=True)
    return calibrate(request, lambda _step: None).speed


def rows(shape: ForgedShape, name: str, speed: DeviceSpeed, folder: Path, depths: Sequence[int]) -> Iterator[Row]:
    """Every way and depth of one shape; the best of the tokens, since others only ever slow one down."""
    path = forge(folder / "model.gguf", shape, KIND)
    try:
        with path.open("rb") as stream:
            header = read_header(BytesSource(stream.read(HEADER_BYTES)), partial=True)
        known = shape_of(header)
        assert known is not None
        for kv_type, flash in WAYS:
            work = token_work(header.tensors, known, (kv_type, kv_type), fused=flash != "off")
            said = decode_rates([DeviceWork(one, speed) for one in work], depths)
            load = Load(str(path), depths[-1] + BATCH, kv_type, kv_type, flash, threads=physical_threads())
            for depth, rate, took in zip(depths, said, _measured(load, depths), strict=True):
                yield Row(f"{name}, {kv_type}, flash {flash}, {depth:,} tokens", rate.expected, 1 / took)
    finally:
        path.unlink(missing_ok=True)


def _measured(load: Load, depths: Sequence[int]) -> Iterator[float]:
    """Seconds of a token at each depth."""
    model = llama.Model(load, 0)
    try:
        filled = 0
        for depth in depths:
            while filled < depth:
                model.decode([1 + 11 * i % 400 for i in range(BATCH)])
                filled += BATCH
            took = []
            for turn in range(TOKENS):
                begun = time.perf_counter()
                model.decode((1 + 37 * turn % 400,))
                took.append(time.perf_counter() - begun)
                model.keep_prefix(filled)
            yield statistics.median(took[1:])
    finally:
        model.close()


def figures(quick: bool) -> list[Figure]:
    """Median and 90th percentile of the error over all of them."""
    callback = llama.start(EngineLog(lambda _line: None))
    listed: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speed = speed_here(folder, 60.0)
        for title, shape in list(SHAPES.items())[: 1 if quick else None]:
            for row in rows(shape, title, speed, folder, DEPTHS):
                listed.append(row)
                print(
                    f"{row.name:46} predicted {row.predicted:6.1f}  measured {row.measured:6.1f}  {row.error:+.0%}",
                    file=sys.stderr,
                    flush=True,
                )
    del callback
    errors = sorted(abs(row.error) for row in listed)
    median, most = statistics.median(errors), errors[round(0.9 * (len(errors) - 1))]
    what = f"decode tok/s deep in a context, {len(listed)} of KV type, head size, depth and flash"
    return [
        Figure(f"{what}: median error", f"{median:.0%}", median, "below 0.05", median < 0.05),
        Figure("the same: 90% of errors below", f"{most:.0%}", most, "below 0.12", most < 0.12),
    ]


if __name__ == "__main__":
    from measure import markdown

    print(markdown(figures("--quick" in sys.argv)))
