"""Calibration of the speed prediction: forged models, decoded by the real engine, in a process of their own.

Per quantization type two models of realistic width, one small and one well beyond any cache, give seconds per byte, and
one with experts what choosing among them costs; a very narrow one gives what a layer costs beside its matrices; those
with a long context the attention, by type of the cache, size of heads and depth, and without flash attention. Only
turns count during which no other program took a core away: on a busy machine a thread pool of llama.cpp is not a little
slower but ten times.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.load_settings import FlashAttention, KvType
from desktop.core.progress import Progress, Report
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.speed.device import AttentionSample, AttentionSpeed, DeviceSpeed, SpeedSample, TypeSpeed
from desktop.core.words import tr
from desktop.engine import llama
from desktop.engine.api import Load, Sampling
from desktop.engine.helper_process import serve
from desktop.engine.llama import Model, Sampler
from desktop.engine.log import EngineLog
from desktop.engine.tools.synthetic_models import ForgedShape, forge, layer_bytes
from desktop.engine.tools.waiting import waited_seconds
from desktop.system.cores import physical_threads

WIDE = ForgedShape(layers=1, embedding=2048, feed_forward=8192, heads=32, kv_heads=8)
NARROW = ForgedShape(layers=4, embedding=64, feed_forward=64, heads=1, kv_heads=1, vocabulary=32768, output_type="F16")
# As many bytes in layers of a quarter of the width, sixteen times as many: what differs is what a layer takes beside.
LOW = ForgedShape(layers=16, embedding=1024, feed_forward=4096, heads=16, kv_heads=4)
BROAD = ForgedShape(layers=1, embedding=4096, feed_forward=16384, heads=64, kv_heads=16)
# Attention as in usual models: how far a head's keys lie apart and how many heads share them decides its speed. They
# have too many layers for their matrices to stay in a processor's cache, out of which a deep context would drive them.
ATTENTIVE = (
    ForgedShape(layers=4, embedding=2048, feed_forward=64, heads=32, kv_heads=8),  # heads of 64, four share a key
    ForgedShape(layers=1, embedding=4096, feed_forward=64, heads=32, kv_heads=8),  # of 128
    ForgedShape(layers=3, embedding=2048, feed_forward=64, heads=16, kv_heads=16),  # of 128, each with its own
)
EXPERT = ForgedShape(layers=1, embedding=2048, feed_forward=768, heads=32, kv_heads=4, experts=64, experts_used=8)
_WIDTH_TYPE = "Q4_K"
SMALL_BYTES, LARGE_BYTES, EXPERT_BYTES = 96e6, 448e6, 1e9  # experts lie far apart in memory
DEEP = 32  # layers of the second narrow model
# Tokens before, in the attention's measurements: llama.cpp takes another kernel from 512 on. Tokens read at a time.
DEPTHS, BATCH = (512, 1536, 3072), 512
PROMPT = 256
WAITED = 0.03  # part of a turn that its threads may have waited for a core
UNCERTAINTY = 0.08  # of a calibrated type, from tests/bench/bench_speed.py
_ALL_LAYERS = 999
_MEMORY_SHARE = 6  # a forged model takes at most this part of the memory and of the disk that are free
_TOKENS, _LEAST_TOKENS = 32, 4
_LEAST_FACTOR = 0.3  # experts may be quicker than plain matrices: other kernels; not by more than that


class Calibrate(msgspec.Struct, frozen=True):
    """What to calibrate, in about ``seconds``; models are written into ``folder`` and removed.

    ``device`` is the engine's name of the one to measure, "" for the processor; ``room_bytes`` what may be taken there
    (0: as the main memory allows). ``experts`` measures the choice of experts too. ``known`` is what an earlier
    request of the same calibration measured: the result holds it too. ``later`` timings are left for further ones in
    the same time (see :func:`timings`). ``unfused`` measures attention over f16 without flash attention.
    """

    folder: str
    types: tuple[str, ...]
    kv_types: tuple[KvType, ...] = ("f16",)
    threads: int = 0
    seconds: float = 50.0
    device: str = ""
    room_bytes: int = 0
    experts: bool = True
    known: DeviceSpeed | None = None
    later: int = 0
    unfused: bool = False


def timings(request: Calibrate) -> int:
    """How many things a request times one after the other."""
    overheads = 5 if request.known is None else 0
    attention = (len(DEPTHS) + 3) * len(ATTENTIVE) * (len(request.kv_types) + request.unfused)
    return overheads + attention + (5 if request.experts else 3) * len(request.types)


class Calibrated(msgspec.Struct, frozen=True):
    """The device's speed; ``undisturbed`` is the part of all turns during which no other program took a core."""

    speed: DeviceSpeed
    threads: int
    undisturbed: float
    seconds: float


class _Bench:
    """Forges, loads and times, within the time that is left."""

    def __init__(self, request: Calibrate, progress: Report) -> None:
        self._request = request
        self._progress = progress
        self._folder = Path(request.folder)
        self._started = time.monotonic()
        self._steps = (request.known is None) + len(request.kv_types) + request.unfused + len(request.types)
        self._done = 0
        self._timings = timings(request) + request.later
        self.threads = request.threads or physical_threads()
        self.undisturbed: list[float] = []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def step(self, note: str) -> None:
        """Say what comes next."""
        where = f" on {self._request.device}" if self._request.device else ""
        self._progress(Progress.of(min(0.99, self._done / self._steps), f"measuring {note}{where}"))
        self._done += 1

    def _share(self) -> float:
        """Of the seconds left, with as much again for writing and loading, for one more timing."""
        left = self._request.seconds - self.seconds
        return max(0.2, left / max(1, self._timings - len(self.undisturbed)) / 2)

    @contextmanager
    def model(
        self, shape: ForgedShape, kind: str, context: int = 512, kv_type: KvType = "f16", *, fused: bool = True
    ) -> Iterator[Model]:
        """A forged model, loaded as Heft loads; the file is gone with the block."""
        path = self._folder / f"calibration-{kind}-{shape.layers}-{shape.embedding}.gguf"
        try:
            forge(path, shape, kind)
            flash: FlashAttention = "auto" if fused else "off"
            device = self._request.device
            load = Load(str(path), context, kv_type, kv_type, flash, threads=self.threads, devices=device)
            model = Model(load, _ALL_LAYERS if device else 0)
        except (OSError, RuntimeError) as error:
            path.unlink(missing_ok=True)
            raise EngineError(
                tr("The calibration could not write or load its model."),
                tr("Make some room on the disk and in memory, then calibrate again."),
                detail=f"{kind}, {shape}: {error}",
                kind=FailureKind.CALIBRATION,
            ) from error
        try:
            yield model
        finally:
            model.close()
            path.unlink(missing_ok=True)

    def settled(self, once: Callable[[int], None], most: int = _TOKENS, *, varied: bool = False) -> float:
        """Seconds of ``once``: the mean of the fastest half of its undisturbed turns, of up to ``most``; the median of
        all where they are ``varied``, by what they do.

        While there is none it goes on to the end of the time for the whole calibration. Raises EngineError "disturbed"
        when there was none even then.
        """
        once(0)
        turns: list[tuple[float, float]] = []  # seconds, and those a thread waited for a core
        clean: list[float] = []
        deadline, end = time.monotonic() + self._share(), self._started + self._request.seconds
        before = waited_seconds()
        while (
            (len(turns) < most and time.monotonic() < deadline)
            or len(turns) < min(most, _LEAST_TOKENS)
            or (not clean and time.monotonic() < end)
        ):
            begun = time.perf_counter()
            once(len(turns) + 1)
            seconds = time.perf_counter() - begun
            after = waited_seconds()
            turns.append((seconds, after - before))
            if after - before <= WAITED * seconds:
                clean.append(seconds)
            before = after
        self.undisturbed.append(len(clean) / len(turns))
        if not clean:
            raise EngineError(
                tr("Other programs keep the processor busy, so its speed cannot be measured now."),
                tr("Calibrate again when the computer has nothing else to do."),
                detail=tr(
                    "least part of a turn spent waiting: {value:.0%}",
                    value=min(waited / seconds for seconds, waited in turns),
                ),
                kind=FailureKind.DISTURBED,
            )
        if varied:
            return statistics.median(clean)
        return statistics.mean(sorted(clean)[: (len(clean) + 1) // 2])


def _token(model: Model, before: int = 0) -> Callable[[int], None]:
    """One token after ``before`` others; ever another one, so that experts are chosen anew."""

    def decode(turn: int) -> None:
        model.keep_prefix(before)
        model.decode((1 + 37 * turn % 400,))

    return decode


def calibrate(request: Calibrate, progress: Report) -> Calibrated:
    """Measure one device. Raises EngineError when a model cannot be written or loaded."""
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("calibration-*.gguf"):
        left.unlink(missing_ok=True)  # of a calibration that was cancelled
    bench = _Bench(request, progress)
    free = [psutil.virtual_memory().available, psutil.disk_usage(str(folder)).free]
    room = min([*free, request.room_bytes] if request.room_bytes else free) / _MEMORY_SHARE
    speed = request.known or _overheads(bench, room)
    for kind in request.types:
        found = _type_speed(bench, kind, speed, room)
        if request.experts:
            found = _with_experts(bench, kind, found, speed, room)
        speed = msgspec.structs.replace(speed, types={**speed.types, kind: found})
    attention: dict[str, AttentionSpeed] = {kv_type: _attention(bench, kv_type) for kv_type in request.kv_types}
    speed = msgspec.structs.replace(speed, attention={**speed.attention, **attention})
    if request.unfused:
        speed = msgspec.structs.replace(speed, unfused={**speed.unfused, "f16": _attention(bench, "f16", fused=False)})
    if request.experts and request.types:  # for types that are not calibrated
        known = speed.types.values()
        speed = msgspec.structs.replace(
            speed,
            expert_factor=statistics.mean(one.expert_factor for one in known),
            expert_prompt_factor=statistics.mean(one.expert_prompt_factor for one in known),
        )
    return Calibrated(speed, bench.threads, statistics.mean(bench.undisturbed), bench.seconds)


def _overheads(bench: _Bench, room: float) -> DeviceSpeed:
    """A speed of no types yet: what layers and tokens take beside the matrices, and drawing from the vocabulary."""
    bench.step(tr("the fixed costs"))
    with bench.model(NARROW, "F16") as shallow, bench.model(NARROW.with_layers(DEEP), "F16") as deep:
        low, high = bench.settled(_token(shallow)), bench.settled(_token(deep))
        sampler = Sampler(shallow, Sampling(), 1)
        try:
            drawing = bench.settled(lambda turn: (_token(shallow)(turn), sampler.next_token())[0]) - low
        finally:
            sampler.close()
    narrow = max(0.0, (high - low) / (DEEP - NARROW.layers))
    width = _width_seconds(bench, narrow, room)
    layer = max(0.0, narrow - NARROW.embedding * width)
    token = max(0.0, low - NARROW.layers * narrow)
    drawn = max(0.0, drawing) / NARROW.vocabulary
    return DeviceSpeed("calibrated", {}, {}, layer, token, drawn, width_seconds=width)


def _width_seconds(bench: _Bench, layer: float, room: float) -> float:
    """What a layer takes for each element of its width, from the same bytes in many layers and in few."""
    times = max(1, round(min(SMALL_BYTES * 4, room) / layer_bytes(BROAD, _WIDTH_TYPE)))
    took = []
    for shape in (LOW, BROAD):
        with bench.model(shape.with_layers(shape.layers * times), _WIDTH_TYPE) as model:
            took.append(bench.settled(_token(model)))
    more = times * (LOW.layers - BROAD.layers)
    widths = times * (LOW.layers * LOW.embedding - BROAD.layers * BROAD.embedding)
    return max(0.0, took[0] - took[1] - more * layer) / widths


def _type_speed(bench: _Bench, kind: str, speed: DeviceSpeed, room: float) -> TypeSpeed:
    size = layer_bytes(WIDE, kind)
    few = max(2, round(min(SMALL_BYTES, room) / size))
    many = max(few + 1, round(min(LARGE_BYTES, room) / size))
    bench.step(kind)
    points = []
    prompt = 0.0
    for layers in (few, many):
        with bench.model(WIDE.with_layers(layers), kind) as model:
            beside = layers * speed.beside_matrices(WIDE.embedding) + speed.token_seconds
            seconds = bench.settled(_token(model)) - beside
            points.append(SpeedSample(layers * size, max(seconds, 0.0) / (layers * size)))
            if layers == few:
                prompt = _prompt(bench, model, layers)
    return TypeSpeed(tuple(points), prompt, UNCERTAINTY)


def _prompt(bench: _Bench, model: Model, layers: int) -> float:
    """Seconds per weight and token. The last layer computes its feed-forward part for the last token only."""
    weights = layers * _attention_weights(WIDE) + (layers - 1) * 3 * WIDE.embedding * WIDE.feed_forward
    return bench.settled(lambda turn: _read_from(model, 0, PROMPT), most=6) / PROMPT / weights


def _attention(bench: _Bench, kv_type: KvType, *, fused: bool = True) -> AttentionSpeed:
    bench.step(tr("attention over {kv_type}", kv_type=kv_type) if fused else tr("attention that is not fused"))
    samples = tuple(sample for shape in ATTENTIVE for sample in _attention_of(bench, kv_type, shape, fused=fused))
    deepest = max(samples, key=lambda one: (one.cells, -one.head))
    return AttentionSpeed(deepest.decode, deepest.prompt, samples=samples)


def _attention_of(bench: _Bench, kv_type: KvType, shape: ForgedShape, *, fused: bool) -> Iterator[AttentionSample]:
    """Heads of one size, at each depth; what a token takes behind a single other one is not attention."""
    head, group = shape.embedding // shape.heads, shape.heads // shape.kv_heads
    width = shape.layers * 2 * shape.embedding
    took: list[float] = []
    with bench.model(shape, "Q8_0", DEPTHS[-1] + BATCH, kv_type, fused=fused) as model:
        first = bench.settled(lambda turn: _read_from(model, 0), most=3)
        rest = bench.settled(_token(model, 1))  # behind none at all llama.cpp would clear the whole cache each time
        filled = 0
        for depth in DEPTHS:
            while filled < depth:
                _read_from(model, filled)
                filled += BATCH
            took.append(bench.settled(_token(model, depth)))
        last = bench.settled(lambda turn: _read_from(model, DEPTHS[-1] - BATCH), most=1)  # the slowest of all
    prompt = max(0.0, last - first) / BATCH / (DEPTHS[-1] - BATCH) / width
    least = 0.0
    for seconds, depth in zip(took, DEPTHS, strict=True):
        least = max(least, seconds - rest)
        yield AttentionSample(head, depth, least / depth / width, prompt, group)


def _read_from(model: Model, before: int, count: int = BATCH) -> None:
    model.keep_prefix(before)
    model.decode([1 + 11 * i % 400 for i in range(count)])


def _with_experts(bench: _Bench, kind: str, known: TypeSpeed, speed: DeviceSpeed, room: float) -> TypeSpeed:
    """How much longer what is read and multiplied through a choice of experts takes."""
    size = layer_bytes(EXPERT, kind)
    layers = max(2, round(min(EXPERT_BYTES, room) / size))
    weights = 3 * EXPERT.embedding * EXPERT.feed_forward * EXPERT.experts_used
    experts = TYPES_BY_NAME[kind].size(weights)
    dense = size - experts * EXPERT.experts // EXPERT.experts_used
    with bench.model(EXPERT.with_layers(layers), kind) as model:
        writing = bench.settled(_token(model, 1), varied=True)  # each token has other experts
        reading = bench.settled(lambda turn: _read_from(model, 0, PROMPT), most=6)
    per_byte = known.seconds_per_byte(layers * size)
    rest = layers * (speed.beside_matrices(EXPERT.embedding) + dense * per_byte) + speed.token_seconds
    chosen = layers * experts * per_byte
    # the last layer's experts see the last token only
    others, routed = layers * _attention_weights(EXPERT), (layers - 1) * weights
    prompt = reading / PROMPT / known.prompt
    return msgspec.structs.replace(
        known,
        expert_factor=max(_LEAST_FACTOR, (writing - rest) / chosen),
        expert_prompt_factor=max(_LEAST_FACTOR, (prompt - others) / routed),
    )


def _attention_weights(shape: ForgedShape) -> int:
    """Weights of the attention's matrices in one layer."""
    e = shape.embedding
    return 2 * e * e + 2 * e * e // shape.heads * shape.kv_heads


def main() -> None:
    """Entry point of the process."""
    log = EngineLog()
    callback = llama.start(log)
    serve(Calibrate, calibrate)
    del callback


if __name__ == "__main__":
    main()
