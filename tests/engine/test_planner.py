"""The engine's dry run against real loads, and the formulas against the dry run."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.engine import driven_engine
from support.forge import TINY, Shape, forge
from support.forge_header import Forged
from support.forge_shapes import SHAPES, llama_8b
from support.rpc_device import rpc_device

from desktop.core.errors import HeftError
from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.skeleton import Skeleton, skeleton
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import estimate, shape_of, weights_of
from desktop.core.placement import split_layers
from desktop.engine import device_log
from desktop.engine.device_log import held_by_devices
from desktop.engine.helper_process import Tool
from desktop.engine.planner.plan_records import Plan, Variant, memory_of
from desktop.engine.planner.planner import STUB, PlanRequest, Plans

pytestmark = pytest.mark.engine

SMALL = Shape(layers=6, embedding=512, feed_forward=1024, heads=8, kv_heads=4)
RESOLUTION = 0.006 * 1024 * 1024  # of the log's figures, and what padding adds


@pytest.fixture
def planner(tmp_path: Path) -> Iterator[Tool[Plans]]:
    folder = tmp_path / "planner"
    folder.mkdir()
    tool: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, folder, tmp_path / "planner.log")
    yield tool
    tool.close()


def header_of(path: Path) -> Header:
    with path.open("rb") as file:
        return read_header(BytesSource(file.read(32 << 20)))


def skeleton_of(path: Path) -> Skeleton:
    header = header_of(path)
    shape = shape_of(header)
    assert shape is not None
    return skeleton([header], shape.vocabulary)


def plans(tool: Tool[Plans], model: Skeleton, variants: Sequence[Variant]) -> tuple[Plan, ...]:
    return tool.call(PlanRequest(model.header, model.file_bytes, tuple(variants)), deadline_seconds=60).plans


def test_formulas_agree_with_the_engine_to_its_resolution(tmp_path: Path, planner: Tool[Plans]) -> None:
    variants = [
        Variant(1024),
        Variant(8192, "q8_0", "q8_0"),
        Variant(4096, "q8_0", "f16"),
        Variant(4096, "f16", "q4_0"),
        Variant(2048, flash_attention="off"),
    ]
    for make in SHAPES:
        header = header_of(make().write(tmp_path / "model.gguf"))
        shape = shape_of(header)
        assert shape is not None
        weights = weights_of([header], shape)
        found = plans(planner, skeleton([header], shape.vocabulary), variants)
        for variant, plan in zip(variants, found, strict=True):
            where = f"{make.__name__} at {variant}"
            if shape.latent is not None and len(set(variant.kv_types)) > 1:
                assert plan.refused, where  # MLA keeps keys only
                continue
            assert not plan.refused, where
            settings = LoadSettings(variant.context, *variant.kv_types, variant.flash_attention)
            ours = estimate(shape, weights, settings)
            assert ours.kv_bytes == pytest.approx(plan.kv_bytes, abs=2 * RESOLUTION), where
            assert ours.recurrent_bytes == pytest.approx(plan.recurrent_bytes, abs=RESOLUTION), where
            assert ours.output_bytes == pytest.approx(sum(plan.output_bytes), abs=RESOLUTION), where
            slack = 2 * RESOLUTION if settings.flash else 0.1 * sum(plan.compute_bytes)
            assert ours.compute_bytes == pytest.approx(sum(plan.compute_bytes), abs=slack), where


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_plan_is_what_a_load_takes(kv_type: str, vocab_dir: Path, tmp_path: Path, planner: Tool[Plans]) -> None:
    path = forge(tmp_path / "m.gguf", SMALL, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    (plan,) = plans(planner, skeleton_of(path), [Variant(2048, kv_type, kv_type)])  # type: ignore[arg-type]
    with driven_engine(tmp_path) as engine:
        engine.hello()
        real = engine.load(path, 2048, cache_type_k=kv_type, cache_type_v=kv_type).memory
    assert plan.kv_bytes == real.kv_bytes
    assert sum(plan.compute_bytes) == real.compute_bytes
    assert sum(plan.output_bytes) == real.output_bytes
    assert not list((tmp_path / "planner").iterdir())  # the stub is gone


def test_a_repacked_model_is_counted_and_held_once(vocab_dir: Path, tmp_path: Path) -> None:
    path = forge(tmp_path / "m.gguf", SMALL, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    with driven_engine(tmp_path) as engine:
        engine.hello()
        real = engine.load(path, 512).memory
        text, _ = engine.ask("hello", max_tokens=3)
    assert real.weights_bytes == pytest.approx(header_of(path).tensor_bytes, rel=0.01)
    assert isinstance(text, str)  # what was dropped comes back when it is read


def test_the_engine_dying_of_a_file_is_an_error_with_its_reason(planner: Tool[Plans], tmp_path: Path) -> None:
    bad = Forged("llama", 1000, {"block_count": 0, "context_length": 8, "embedding_length": 64})  # a GGML_ASSERT
    bad.tensors.append(("token_embd.weight", (64, 1000), "F32"))
    header = header_of(bad.write(tmp_path / "bad.gguf"))
    with pytest.raises(HeftError) as caught:
        plans(planner, skeleton([header], 1000), [Variant(512)])
    assert caught.value.message
    (tmp_path / "planner" / STUB).unlink(missing_ok=True)
    (plan,) = plans(planner, skeleton_of(llama_8b().write(tmp_path / "good.gguf")), [Variant(512)])
    assert plan.kv_bytes == 64 * 1024 * 1024


def test_a_model_the_engine_does_not_know_is_refused_with_its_log(planner: Tool[Plans], tmp_path: Path) -> None:
    unknown = llama_8b()
    unknown.architecture = "never-heard-of"
    header = header_of(unknown.write(tmp_path / "m.gguf"))
    (plan,) = plans(planner, skeleton([header], 128256), [Variant(512)])
    assert "unknown model architecture" in plan.refused


# -- a second device -------------------------------------------------------------------------------


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with rpc_device() as endpoint:
        monkeypatch.setenv("HEFT_RPC", endpoint)
        yield


@pytest.mark.parametrize("layers", [3, 7])
def test_a_split_plan_is_what_a_split_load_takes(
    layers: int, vocab_dir: Path, tmp_path: Path, device: None, planner: Tool[Plans]
) -> None:
    path = forge(tmp_path / "m.gguf", SMALL, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    header = header_of(path)
    shape = shape_of(header)
    assert shape is not None
    variant = Variant(2048, gpu_layers=layers)
    (plan,) = plans(planner, skeleton([header], shape.vocabulary), [variant])
    planned = memory_of(plan, shape, weights_of([header], shape), variant)
    with driven_engine(tmp_path) as engine:
        engine.hello()
        real = engine.load(path, 2048, gpu_layers=layers)
    assert plan.gpu_layers == real.gpu_layers == layers
    for ours, theirs in zip(planned.devices, real.devices, strict=True):
        assert ours.kv_bytes == theirs.kv_bytes
        assert ours.compute_bytes == theirs.compute_bytes
        assert ours.output_bytes == theirs.output_bytes
        assert ours.weights_bytes == pytest.approx(theirs.weights_bytes, abs=4 * RESOLUTION)
    formulas = estimate(shape, weights_of([header], shape), LoadSettings(2048), split_layers(6, layers, [1]))
    for formula, dry in zip(formulas.devices, planned.devices, strict=True):
        assert (formula.weights_bytes, formula.kv_bytes) == (dry.weights_bytes, dry.kv_bytes)
        assert dry.compute_bytes <= formula.compute_bytes + RESOLUTION <= dry.compute_bytes + 4 * 2**20


def test_a_plan_for_one_of_two_devices_leaves_the_other_alone(
    vocab_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planner: Tool[Plans]
) -> None:
    path = forge(tmp_path / "m.gguf", SMALL, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")
    asked = [Variant(512, gpu_layers=7, devices=devices) for devices in ("", "RPC1", "none")]
    with rpc_device() as first, rpc_device() as second:
        monkeypatch.setenv("HEFT_RPC", f"{first} {second}")
        both, one, none = plans(planner, skeleton_of(path), asked)
    assert [len(plan.compute_bytes) for plan in (both, one, none)] == [3, 2, 1]
    assert set(one.layer_devices) == {1} and set(none.layer_devices) == {0}
    assert set(both.layer_devices) == {1, 2}
    assert all(both.compute_bytes) and all(one.compute_bytes)


def test_a_card_that_two_backends_see_is_one_device_of_the_plan() -> None:
    log = (
        "llama_model_load: skipping device Vulkan0 (RTX) with id 0000:01:00.0 - already using device CUDA0 (RTX) with "
        "the same id\n"
        "llama_model_load: using device RPC0 (10.0.0.2:50052) (unknown id) - 9 MiB free\n"
        "llama_model_load: using device RPC1 (10.0.0.2:50052) (unknown id) - 9 MiB free\n"
        "llama_model_load: using device RPC2 (10.0.0.3:50052) (unknown id) - 9 MiB free\n"
        "llama_model_load: using device CUDA0 (RTX) (0000:01:00.0) - 9 MiB free\n"
    )
    assert device_log.device_names(log) == ("RPC0", "RPC1", "RPC2", "CUDA0")
    assert device_log.buffer_names(device_log.used_devices(log)) == (
        "RPC0[10.0.0.2:50052]", "RPC1[10.0.0.2:50052]", "RPC0[10.0.0.3:50052]", "CUDA0",
    )  # fmt: skip


def test_experts_stay_in_main_memory_when_asked_to(vocab_dir: Path, tmp_path: Path, device: None) -> None:
    path = forge_experts(tmp_path / "moe.gguf", vocab_dir / "ggml-vocab-gpt-2.gguf")
    with driven_engine(tmp_path) as engine:
        engine.hello()
        engine.load(path, 512, gpu_layers=99)
        everything = _weights_there(tmp_path)
        engine.load(path, 512, gpu_layers=99, cpu_expert_layers=2)
        less = _weights_there(tmp_path)
        _, finished = engine.ask("hello", max_tokens=3)
    header = header_of(path)
    shape = shape_of(header)
    assert shape is not None
    experts = weights_of([header], shape).experts
    assert everything - less == pytest.approx(experts[0] + experts[1], abs=2 * RESOLUTION)
    assert finished.statistics.generated_tokens > 0


def _weights_there(folder: Path) -> int:
    """Weights on the second device in the newest load of the engine's log."""
    log = (folder / "logs" / "engine.log").read_text("utf-8")
    _, other = held_by_devices(log[log.rindex("loaded meta data") :])
    return other.weights_bytes


def forge_experts(path: Path, vocab: Path) -> Path:
    from support.forge import Value, metadata, tensors, vocabulary, write

    words = vocabulary(vocab)
    entries = metadata(TINY, words) | {"llama.expert_count": Value(4, 4), "llama.expert_used_count": Value(4, 2)}
    parts = []
    for name, dims, kind in tensors(TINY, "Q4_K", words["tokenizer.ggml.tokens"].length):
        if any(part in name for part in ("ffn_gate", "ffn_up", "ffn_down")):
            parts.append((name.replace(".weight", "_exps.weight"), (*dims, 4), kind))
        else:
            parts.append((name, dims, kind))
    for layer in range(TINY.layers):
        parts.append((f"blk.{layer}.ffn_gate_inp.weight", (TINY.embedding, 4), "F32"))
    return write(path, entries, parts)
