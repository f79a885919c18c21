"""Memory by formulas: shapes from headers, caches, weights and the replayed allocator."""

from pathlib import Path

import pytest
from support.forge_header import Forged
from support.forge_shapes import deepseek2_lite, gemma3_12b, gemma3n_e4b, llama_8b, qwen35_9b

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import (
    ModelShape,
    Split,
    checkpoint_bytes,
    estimate,
    shape_of,
    weights_from_size,
    weights_of,
    weights_on,
)
from desktop.core.memory.cache import cells, kv_bytes, recurrent_bytes
from desktop.core.memory.replay import Graph, Result

MIB = 1024 * 1024


def header_of(model: Forged, folder: Path) -> Header:
    path = model.write(folder / "model.gguf")
    with path.open("rb") as file:
        return read_header(BytesSource(file.read(32 * MIB)), partial=True)


def shape(model: Forged, folder: Path) -> ModelShape:
    found = shape_of(header_of(model, folder))
    assert found is not None
    return found


def test_every_layer_of_a_plain_model_keeps_keys_and_values(tmp_path: Path) -> None:
    plain = shape(llama_8b(), tmp_path)
    assert plain.layer_count == 32
    assert plain.vocabulary == 128256
    # 8 heads of 128 numbers, keys and values, two bytes each
    assert kv_bytes(plain, 0, 4096) == 4096 * 2 * 8 * 128 * 2
    # a block of 32 numbers takes 34 bytes
    assert kv_bytes(plain, 0, 4096, ("q8_0", "q8_0")) == kv_bytes(plain, 0, 4096) * 34 // 64


def test_a_sliding_window_needs_its_length_and_one_batch(tmp_path: Path) -> None:
    windowed = shape(gemma3_12b(), tmp_path)
    assert [layer.window for layer in windowed.layers[:6]] == [1024] * 5 + [0]
    assert cells(windowed, 0, 32768) == 1024 + 512
    assert cells(windowed, 5, 32768) == 32768
    assert cells(windowed, 0, 300) == 512  # padded to 256


def test_layers_that_read_another_layers_cache_have_none(tmp_path: Path) -> None:
    shared = shape(gemma3n_e4b(), tmp_path)
    assert kv_bytes(shared, 19, 4096) > 0
    assert kv_bytes(shared, 20, 4096) == 0


def test_a_compressed_cache_holds_keys_only(tmp_path: Path) -> None:
    latent = shape(deepseek2_lite(), tmp_path)
    assert kv_bytes(latent, 3, 4096) == 4096 * (512 + 64) * 2


def test_recurrent_layers_have_a_state_instead_of_a_cache(tmp_path: Path) -> None:
    hybrid = shape(qwen35_9b(), tmp_path)
    assert [layer.recurrent for layer in hybrid.layers[:4]] == [True, True, True, False]
    assert kv_bytes(hybrid, 0, 4096) == 0
    assert recurrent_bytes(hybrid, 0) == 4 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096)
    assert recurrent_bytes(hybrid, 3) == 0


def test_what_cannot_be_rolled_back_is_kept_twice(tmp_path: Path) -> None:
    windowed, hybrid = shape(gemma3_12b(), tmp_path), shape(qwen35_9b(), tmp_path)
    windows = 40 * 1024 * 2 * 8 * 256 * 2  # layers, tokens, keys and values, heads, numbers, bytes
    assert checkpoint_bytes(windowed, 32768) == 2 * windows
    assert checkpoint_bytes(windowed, 512) == windows  # of half the window
    states = sum(recurrent_bytes(hybrid, i) for i in range(hybrid.layer_count))
    assert checkpoint_bytes(hybrid, 32768) == checkpoint_bytes(hybrid, 512) == 2 * states > 0
    assert checkpoint_bytes(shape(llama_8b(), tmp_path), 32768) == 0
    header = [header_of(gemma3_12b(), tmp_path)]
    memory = estimate(windowed, weights_of(header, windowed), LoadSettings(context=32768))
    assert memory.checkpoint_bytes == 2 * windows
    assert memory.total_bytes == memory.loaded_bytes + 2 * windows


def test_a_file_that_is_no_language_model_has_no_shape() -> None:
    projector = Forged("clip", 1, {"projection_dim": 4})
    assert shape_of(read_header(BytesSource(_bytes(projector)))) is None


def _bytes(model: Forged) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return model.write(Path(folder) / "m.gguf").read_bytes()


@pytest.mark.parametrize("make", [llama_8b, gemma3_12b, deepseek2_lite, qwen35_9b])
def test_the_first_kilobytes_give_nearly_the_whole_estimate(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = make().write(tmp_path / "model.gguf")
    with path.open("rb") as file:
        begun = read_header(BytesSource(file.read(4096)), partial=True)
    assert not begun.complete
    partial = shape_of(begun)
    full_header = header_of(make(), tmp_path)
    full = shape_of(full_header)
    assert partial is not None and full is not None
    settings = LoadSettings(8192)
    quick = estimate(partial, weights_from_size(partial, path.stat().st_size), settings).total_bytes
    exact = estimate(full, weights_of([full_header], full), settings).total_bytes
    assert abs(quick / exact - 1) < 0.02


def test_what_is_scaled_keeps_its_sum(tmp_path: Path) -> None:
    header = header_of(llama_8b(), tmp_path)
    plain = shape(llama_8b(), tmp_path)
    scaled = weights_of([header], plain).scaled(10_000_000_000)
    assert scaled.total_bytes == 10_000_000_000
    assert not scaled.exact


def test_devices_share_out_everything_once(tmp_path: Path) -> None:
    header = header_of(llama_8b(), tmp_path)
    plain = shape(llama_8b(), tmp_path)
    weights = weights_of([header], plain)
    alone = estimate(plain, weights, LoadSettings(4096))
    split = estimate(plain, weights, LoadSettings(4096), Split((0,) * 20 + (1,) * 12, 1))
    assert split.weights_bytes == alone.weights_bytes == weights.total_bytes
    assert split.kv_bytes == alone.kv_bytes
    assert split.devices[1].kv_bytes == 12 * kv_bytes(plain, 0, 4096)
    assert split.devices[1].output_bytes == 0


def small(architecture: str, layers: int, **more: object) -> Forged:
    keys = {
        "block_count": layers, "context_length": 8192, "embedding_length": 256, "feed_forward_length": 512,
        "attention.head_count": 4, "attention.head_count_kv": 2,
        **{key.replace("__", "."): value for key, value in more.items()},
    }  # fmt: skip
    model = Forged(architecture, 1000, keys)
    model.ends(tied=True)
    return model


def test_windows_of_one_size_of_a_family_are_not_those_of_another(tmp_path: Path) -> None:
    """EXAONE 4 has windows in its model of 64 layers only, whatever a file says (src/models/exaone4.cpp)."""
    assert not any(
        layer.window for layer in shape(small("exaone4", 30, attention__sliding_window=1024), tmp_path).layers
    )
    assert any(layer.window for layer in shape(small("exaone4", 64, attention__sliding_window=1024), tmp_path).layers)


def test_what_chooses_the_cells_to_read_has_a_cache_of_its_own(tmp_path: Path) -> None:
    indexer = {"key_length": 128, "head_count": 8, "top_k": 64}
    keys = {f"attention__indexer__{key}": value for key, value in indexer.items()}
    latent = {"key_length": 96, "value_length": 64, "key_length_mla": 64, "value_length_mla": 64, "kv_lora_rank": 64}
    keys |= {f"attention__{key}": value for key, value in latent.items()}
    sparse = shape(small("deepseek32", 2, attention__q_lora_rank=64, rope__dimension_count=32, **keys), tmp_path)
    dense = shape(small("deepseek2", 2, attention__q_lora_rank=64, rope__dimension_count=32, **keys), tmp_path)
    assert kv_bytes(sparse, 0, 4096) == kv_bytes(dense, 0, 4096) + 4096 * 128 * 2


def test_a_feed_forward_part_is_as_wide_as_its_matrices(tmp_path: Path) -> None:
    """Qwen's first models say twice the width (src/models/qwen.cpp); fused ones hold gate and up in one."""
    halved, fused = small("qwen", 1), small("plamo3", 1)
    halved.block(0, attn_qkv=(256, 512), ffn_gate=(256, 256), ffn_up=(256, 256), ffn_norm=(256,))
    fused.block(0, attn_qkv=(256, 512), ffn_up=(256, 1024), ffn_norm=(256,))
    assert shape(halved, tmp_path).layers[0].feed_forward == 256
    found = shape(fused, tmp_path)
    assert found.layers[0].feed_forward == 512
    assert found.fused.gate_up


def test_an_encoder_on_a_gpu_has_no_second_copy_of_its_embedding(tmp_path: Path) -> None:
    def on_gpu(architecture: str) -> int:
        header = header_of(small(architecture, 1), tmp_path)
        found = shape(small(architecture, 1), tmp_path)
        split = Split((1,), 1)
        return sum(weights_on(weights_of([header], found), split)) - weights_of([header], found).total_bytes

    assert on_gpu("llama") > 0
    assert on_gpu("bert") == on_gpu("bitnet") == 0


# -- the replayed allocator ------------------------------------------------------------------------


def test_a_freed_block_is_used_again() -> None:
    graph = Graph()
    first = Result(1024, (graph.leaf(64),))
    second = Result(1024, (first,))
    third = Result(1024, (second,))  # fits where the first was
    graph.expand(third)
    assert graph.size() == 64 + 2 * 1024


def test_an_addition_is_written_over_an_argument_nothing_else_needs() -> None:
    graph = Graph()
    first, second = (Result(1024, (graph.leaf(32),)) for _ in range(2))
    graph.expand(Result(1024, (first, second), inplace=True))
    assert graph.size() == 2 * 32 + 2 * 1024


def test_a_view_keeps_what_it_shows() -> None:
    graph = Graph()
    first = Result(1024, (graph.leaf(32),))
    view = Result(1024, (first,), viewed=first)
    unrelated = Result(1024, (graph.leaf(32),))
    graph.expand(view)
    graph.expand(unrelated)
    graph.expand(Result(1024, (view, unrelated)))
    assert graph.size() == 2 * 32 + 3 * 1024


def test_what_another_device_needs_is_copied_to_it_once() -> None:
    graph = Graph()
    here = Result(1024, (graph.leaf(32),), device=0)
    there = Result(512, (here,), device=1)
    again = Result(256, (here, there), device=1)
    graph.expand(Result(128, (again,), device=1))
    assert graph.sizes(2) == [32 + 1024, 1024 + 512 + 256]  # the last fits where the copy was


def test_a_result_without_a_weight_is_where_its_neighbours_are() -> None:
    graph = Graph()
    first = Result(1024, (graph.leaf(32),), device=0)
    between = Result(1024, (first,), inplace=True)  # taken by the GPU that follows
    graph.expand(Result(1024, (between,), device=1))
    assert between.device is None
    assert graph.sizes(2) == [32 + 1024, 2 * 1024]
    assert between.device == 1


def test_an_output_is_never_freed() -> None:
    graph = Graph()
    kept = Result(1024, (graph.leaf(32),))
    kept.is_output = True
    graph.expand(Result(1024, (Result(1024, (kept,)),)))
    assert graph.size() == 32 + 3 * 1024
