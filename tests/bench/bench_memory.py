"""Predicted memory against what the engine takes: plans against loads, formulas against plans, placement."""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from measure import Figure
from support.engine import GREEDY, DrivenEngine, driven_engine
from support.forge import LLAMA_1B, Shape, forge
from support.forge_shapes import header_files
from support.rpc_device import rpc_device

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.skeleton import skeleton
from desktop.core.hardware import RAM
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import Memory, ModelShape, Weights, estimate, packed, resident_bytes, shape_of, weights_of
from desktop.core.placement import settle
from desktop.core.pools import Devices, Pool
from desktop.engine.api import Generate
from desktop.engine.device_records import DeviceHeld
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Plan, Variant, memory_of
from desktop.engine.planner.planner import PlanRequest, Plans

LLAMA_3B = Shape(layers=28, embedding=3072, feed_forward=8192, heads=24, kv_heads=8, context_length=131072)
QUANTS = ("Q4_K", "Q4_0", "Q8_0")
CONTEXTS = (2048, 8192, 32768)
SPLITS = (0.25, 0.5, 1.0)  # of all layers and the output
RESIDENT_SLACK = 30_000_000
_LINE = 11_000  # the log's resolution, bytes


class _Model:
    """A file's header and what follows from it."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.header: Header = read_header(BytesSource(file.read(64 << 20)))
        shape = shape_of(self.header)
        assert shape is not None
        self.path = path
        self.shape: ModelShape = shape
        self.weights: Weights = weights_of([self.header], shape)

    def plans(self, tool: Tool[Plans], variants: Sequence[Variant]) -> tuple[Plan, ...]:
        model = skeleton([self.header], self.shape.vocabulary)
        return tool.call(PlanRequest(model.header, model.file_bytes, tuple(variants)), deadline_seconds=120).plans

    def planned(self, tool: Tool[Plans], variant: Variant) -> Memory:
        (plan,) = self.plans(tool, [variant])
        return memory_of(plan, self.shape, self.weights, variant)


@contextmanager
def _planner(folder: Path) -> Iterator[Tool[Plans]]:
    (folder / "planner").mkdir(exist_ok=True)
    tool: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, folder / "planner", folder / "planner.log")
    try:
        yield tool
    finally:
        tool.close()


def figures(starter: Path, vocabularies: Path, quick: bool) -> list[Figure]:
    """All memory figures; ``quick`` leaves the 3B models out."""
    vocab = vocabularies / "ggml-vocab-llama-bpe.gguf"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _planner(folder) as tool:
            found = [*_formulas(folder, tool), _variants(folder, tool)]
            found.append(_loads(starter, vocab, folder, tool, quick))
        found += _placements(vocab, folder, quick)
    return found


def _forged(vocab: Path, folder: Path, quick: bool) -> Iterator[Path]:
    for name, shape in (("1B", LLAMA_1B), ("3B", LLAMA_3B))[: 1 if quick else 2]:
        for quant in QUANTS:
            path = forge(folder / f"{name}-{quant}.gguf", shape, quant, vocab)
            yield path
            path.unlink()


def _loads(starter: Path, vocab: Path, folder: Path, tool: Tool[Plans], quick: bool) -> Figure:
    """The plan against the real load: buffers exactly, the process after a whole batch within 3% and 30 MB."""
    worst, exact, count = 0.0, True, 0
    for path in itertools.chain([starter], _forged(vocab, folder, quick)):
        model = _Model(path)
        for kv_type in ("f16", "q8_0"):
            with driven_engine(folder) as engine:
                hello = engine.hello()
                model.weights = packed(model.weights, hello.features)
                plan = model.planned(tool, Variant(4096, kv_type, kv_type))
                real = engine.load(path, 4096, cache_type_k=kv_type, cache_type_v=kv_type).memory
                pid = engine.pid
                _read_a_batch(engine)
                resident = psutil.Process(pid).memory_info().rss
            exact = exact and plan.kv_bytes == real.kv_bytes
            exact = exact and plan.compute_bytes == real.compute_bytes and plan.output_bytes == real.output_bytes
            worst = max(worst, abs(resident_bytes(plan, model.shape) - resident) / (0.03 * resident + RESIDENT_SLACK))
            count += 1
    sides = f"{count} loads; KV, compute, output {'equal' if exact else 'DIFFER'}"
    what = "memory: engine's plan against the load, resident error / (3% + 30 MB)"
    return Figure(what, sides, worst, "<= 1", worst <= 1 and exact)


def _read_a_batch(engine: DrivenEngine) -> None:
    engine.generate(Generate(1, prompt="word " * 600, sampling=GREEDY, max_tokens=2))


def _formulas(folder: Path, tool: Tool[Plans]) -> list[Figure]:
    errors: list[float] = []
    names = 0
    variants = [Variant(context, kv_type, kv_type) for context in CONTEXTS for kv_type in ("f16", "q8_0")]
    for _, path in header_files(folder):
        model = _Model(path)
        names += 1
        for variant, plan in zip(variants, model.plans(tool, variants), strict=True):
            engine = memory_of(plan, model.shape, model.weights, variant).total_bytes
            ours = estimate(model.shape, model.weights, LoadSettings(variant.context, *variant.kv_types)).total_bytes
            errors.append(abs(ours / engine - 1))
        path.unlink()
    sides = f"{names} shapes x 3 contexts x 2 KV types"
    median, worst = statistics.median(errors) * 100, max(errors) * 100
    return [
        Figure("memory: estimate against the engine's plan, median error %", sides, median, "< 1", median < 1),
        Figure("memory: estimate against the engine's plan, worst error %", sides, worst, "< 5", worst < 5),
    ]


def _variants(folder: Path, tool: Tool[Plans]) -> Figure:
    """Thirty files planned one after the other in a warm process."""
    _, path = next(header_files(folder))
    model = _Model(path)
    model.plans(tool, [Variant(512)])
    started = time.perf_counter()
    for _ in range(30):
        model.plans(tool, [Variant(8192), Variant(131072)])
    seconds = time.perf_counter() - started
    return Figure("30 variants planned by the engine, seconds", "2 contexts each", seconds, "< 5", seconds < 5)


# -- placement on a second device --------------------------------------------------------------------


def _placements(vocab: Path, folder: Path, quick: bool) -> list[Figure]:
    with rpc_device() as endpoint:
        os.environ["HEFT_RPC"] = endpoint
        try:
            with _planner(folder) as tool:
                return _on_two_devices(vocab, folder, tool, quick)
        finally:
            del os.environ["HEFT_RPC"]


def _on_two_devices(vocab: Path, folder: Path, tool: Tool[Plans], quick: bool) -> list[Figure]:
    half = Shape(layers=12, embedding=1024, feed_forward=4096, heads=16, kv_heads=4)
    shapes = [("0.3B", half), ("1B", LLAMA_1B), ("3B", LLAMA_3B)]
    exact = total = found = asked = 0
    for name, shape in shapes[: 2 if quick else 3]:
        path = forge(folder / f"{name}.gguf", shape, "Q4_K", vocab)
        model = _Model(path)
        for part in SPLITS:
            layers = round((shape.layers + 1) * part)
            planned = model.planned(tool, Variant(4096, gpu_layers=layers))
            exact += _same(planned, _loaded(folder, path, layers))
            total += 1
        found += _most_layers(model, folder, tool)
        asked += 1
        path.unlink()
    sides = f"{total} splits: KV, compute, output and weights per device"
    return [
        Figure("placement: plan against load on a second device, equal", sides, exact / total, "1", exact == total),
        Figure(
            "placement: most layers for a given memory load, one more is over", f"{asked} models", found / asked, "1",
            found == asked,
        ),
    ]  # fmt: skip


def _loaded(folder: Path, path: Path, layers: int) -> tuple[DeviceHeld, ...]:
    """What a real load holds by device: main memory, second device."""
    with driven_engine(folder) as engine:
        engine.hello()
        loaded = engine.load(path, 4096, gpu_layers=layers)
        assert loaded.gpu_layers == layers
    return loaded.devices


def _same(planned: Memory, loaded: tuple[DeviceHeld, ...]) -> bool:
    for ours, theirs in zip(planned.devices, loaded, strict=True):
        buffers = (theirs.kv_bytes, theirs.compute_bytes, theirs.output_bytes)
        if (ours.kv_bytes, ours.compute_bytes, ours.output_bytes) != buffers:
            return False
        if abs(ours.weights_bytes - theirs.weights_bytes) > _LINE:
            return False
    return True


def _most_layers(model: _Model, folder: Path, tool: Tool[Plans]) -> bool:
    """Two fifths of the model's bytes as the second device's memory: the plan's layers load, one more would be over."""
    given = round(0.4 * model.weights.total_bytes)
    pools = (Pool(RAM, "main memory", 1 << 40, 0), Pool(1, "device", given, 0))

    def planned(context: int, gpu_layers: int, experts: int) -> Memory:
        variant = Variant(context, gpu_layers=gpu_layers, cpu_expert_layers=experts)
        return model.planned(tool, variant)

    fit = settle(
        lambda _used: planned, model.shape, LoadSettings(4096), Devices(pools), has_experts=False, longest=False
    )
    taken, more = (_on_device(_loaded(folder, model.path, fit.gpu_layers + one)) for one in (0, 1))
    return taken <= given + _LINE and more > given


def _on_device(loaded: tuple[DeviceHeld, ...]) -> int:
    return loaded[1].total_bytes
