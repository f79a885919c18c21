"""What a graph's parts take: told by the tensors a file has, whatever its architecture's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.forge_header import Forged

from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.load_settings import FlashAttention, LoadSettings
from desktop.core.memory import ModelShape, Split, estimate, shape_of, weights_of
from desktop.core.memory.architectures import Norms
from desktop.core.memory.replay import Graph, Result

WIDTH, HIDDEN, CONTEXT, KIB = 256, 384, 4096, 1024
ROWS = 512 * WIDTH * 4  # of one activation: a batch of 4-byte numbers
HERE = Split((0, 0), 0)
ATTENTION = {f"attn_{name}": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
DENSE = {"ffn_gate": (WIDTH, HIDDEN), "ffn_up": (WIDTH, HIDDEN), "ffn_down": (HIDDEN, WIDTH)}
NORMS = {"attn_norm": (WIDTH,), "ffn_norm": (WIDTH,)}
PLAIN = {**NORMS, **ATTENTION, **DENSE}
NARROW = {"ffn_gate": (WIDTH, 32), "ffn_up": (WIDTH, 32), "ffn_down": (32, WIDTH)}  # so that attention takes the most
STATES = {
    "ssm__conv_kernel": 4, "ssm__inner_size": 512, "ssm__state_size": 128, "ssm__time_step_rank": 2,
    "ssm__group_count": 2,
}  # fmt: skip


def header_of(architecture: str, folder: Path, *layers: Mapping[str, tuple[int, ...]], **more: object) -> Header:
    """A header of two layers of a kind, or of those given; ``more`` are keys, with ``__`` for a dot."""
    blocks = layers if len(layers) > 1 else layers * 2
    keys = {
        "block_count": len(blocks), "context_length": CONTEXT, "embedding_length": WIDTH,
        "feed_forward_length": HIDDEN, "attention.head_count": 2, "attention.head_count_kv": 2,
        **{key.replace("__", "."): value for key, value in more.items()},
    }  # fmt: skip
    model = Forged(architecture, 16384, keys)
    for number, tensors in enumerate(blocks):
        model.block(number, **tensors)
    model.ends(tied=False)
    return read_header(BytesSource(model.write(folder / "m.gguf").read_bytes()))


def shape(header: Header) -> ModelShape:
    found = shape_of(header)
    assert found is not None
    return found


def compute(header: Header, split: Split = HERE, flash: FlashAttention = "auto") -> list[int]:
    """Bytes of each device's compute buffer."""
    found = shape(header)
    settings = LoadSettings(CONTEXT, "f16", "f16", flash)
    return [device.compute_bytes for device in estimate(found, weights_of([header], found), settings, split).devices]


def test_a_gate_beside_attention_is_read_from_the_tensors(tmp_path: Path) -> None:
    whole = header_of("llama", tmp_path, {**PLAIN, "attn_gate": (WIDTH, WIDTH)})
    assert [layer.gate for layer in shape(whole).layers] == [WIDTH, WIDTH]
    assert [layer.gate for layer in shape(header_of("llama", tmp_path, PLAIN)).layers] == [0, 0]
    # of a recurrent layer it belongs to the state (qwen35), which has its own graph
    recurrent = header_of("qwen35", tmp_path, {**PLAIN, "attn_gate": (WIDTH, WIDTH)}, **STATES)
    assert [layer.gate for layer in shape(recurrent).layers] == [0, 0]


def test_what_a_gate_reads_is_kept_through_attention(tmp_path: Path) -> None:
    gated = header_of("llama", tmp_path, {**PLAIN, **NARROW, "attn_gate": (WIDTH, WIDTH)})
    (more,) = compute(gated)
    (plain,) = compute(header_of("llama", tmp_path, {**PLAIN, **NARROW}))
    assert more - plain == ROWS


@pytest.mark.parametrize(
    ("changed", "norms"),
    [
        ({}, Norms()),
        ({"attn_norm": None, "ffn_norm": None, "post_attention_norm": (WIDTH,)}, Norms(behind=True)),
        ({"attn_norm__bias": (WIDTH,)}, Norms(centred=True)),
        ({"attn_sub_norm": (WIDTH,), "ffn_sub_norm": (HIDDEN,)}, Norms(inside=True)),
        ({"ffn_norm_exps": (WIDTH,)}, Norms(experts=True)),
        ({"layer_output_scale": (1,)}, Norms(scaled=True)),
        ({"attn_norm_2": (WIDTH,)}, Norms(second=True)),
    ],
)
def test_the_tensors_say_where_norms_are(
    changed: Mapping[str, tuple[int, ...] | None], norms: Norms, tmp_path: Path
) -> None:
    tensors = {name: dims for name, dims in {**PLAIN, **changed}.items() if dims is not None}
    assert shape(header_of("llama", tmp_path, tensors)).norms == norms


def test_a_layer_without_any_norm_has_its_parts_one_after_the_other(tmp_path: Path) -> None:
    """OLMo's norms have no weights, which is no sign that attention and feed-forward part read the same."""
    assert not shape(header_of("olmo", tmp_path, {**ATTENTION, **DENSE})).fused.parallel
    assert shape(header_of("falcon", tmp_path, {"attn_norm": (WIDTH,), **ATTENTION, **DENSE})).fused.parallel


def test_shared_experts_are_those_there_are_matrices_of(tmp_path: Path) -> None:
    keys = {"expert_count": 4, "expert_used_count": 2, "expert_shared_feed_forward_length": 192}
    routed = {
        **NORMS, **ATTENTION, "ffn_gate_inp": (WIDTH, 4), "ffn_up_exps": (WIDTH, HIDDEN, 4),
        "ffn_gate_exps": (WIDTH, HIDDEN, 4), "ffn_down_exps": (HIDDEN, WIDTH, 4),
    }  # fmt: skip
    assert shape(header_of("dbrx", tmp_path, routed, **keys)).shared_feed_forward == 0
    with_shared = {**routed, "ffn_up_shexp": (WIDTH, 128)}
    assert shape(header_of("qwen2moe", tmp_path, with_shared, **keys)).shared_feed_forward == 128


def test_values_are_turned_where_flash_attention_is_given_up_late(tmp_path: Path) -> None:
    """The last attention in main memory goes where the states behind it are; its cache was made for another."""
    recurrent = {
        **NORMS, **DENSE, "ssm_in": (WIDTH, 1538), "ssm_conv1d": (4, 1024), "ssm_dt__bias": (2,), "ssm_a_": (1, 2),
        "ssm_d_": (1, 2), "ssm_norm": (256, 2), "ssm_out": (512, WIDTH),
    }  # fmt: skip
    keys = {**STATES, "attention__head_count_kv": [2, 0]}
    header = header_of("granitehybrid", tmp_path, PLAIN, recurrent, **keys)
    there = Split((0, 1), 1)
    late, off = compute(header, there), compute(header, there, "off")
    assert 0 <= late[1] - off[1] - CONTEXT * WIDTH * 2 < 4 * KIB


def test_a_matrix_of_the_embedding_computes_where_the_embedding_is(tmp_path: Path) -> None:
    logits = 4 * 16384
    alone = Split((0, 0), 1)
    assert compute(header_of("bitnet", tmp_path, PLAIN), alone)[1] < logits
    assert compute(header_of("llama", tmp_path, PLAIN), alone)[1] >= logits


def test_a_layer_of_one_part_has_no_other(tmp_path: Path) -> None:
    """Nemotron-H has no norm in front of its feed-forward part, for it is a layer of its own."""
    mixing, part = {"attn_norm": (WIDTH,), **ATTENTION}, {"attn_norm": (WIDTH,), **DENSE}
    keys = {"attention__head_count_kv": [2, 0], "feed_forward_length": [0, 8 * WIDTH], **STATES}
    wide = {name: tuple(8 * WIDTH if size == HIDDEN else size for size in dims) for name, dims in part.items()}
    (both,) = compute(header_of("nemotron_h", tmp_path, mixing, wide, **keys))
    (hidden,) = compute(header_of("nemotron_h", tmp_path, mixing, part, **{**keys, "feed_forward_length": [0, HIDDEN]}))
    assert both > hidden


def test_a_router_behind_the_layers_is_computed_before_them(tmp_path: Path) -> None:
    adapters = {"adapters__count": 1, "adapters__lora_rank": 8}
    fused = {**NORMS, **DENSE, "attn_qkv": (WIDTH, 3 * WIDTH), "attn_output": (WIDTH, WIDTH)}
    header = header_of("graniteswitch", tmp_path, fused, **adapters)
    found = shape(header)
    assert (found.adapter_rank, found.layer_count) == (8, 3)
    here, there = compute(header, Split((0, 0, 1), 1))
    mask = CONTEXT * 512 * 2
    assert there > mask  # the router attends where it is
    assert here > mask + ROWS


def test_a_copy_of_columns_takes_all_from_the_first_to_the_last() -> None:
    graph = Graph()
    rows = Result(4096, (graph.leaf(32),), device=0)
    columns = Result(1024, (rows,), viewed=rows, span=3328)
    graph.expand(Result(1024, (columns,), device=1))
    assert graph.sizes(2) == [32 + 4096, 3328 + 1024]


def test_experts_of_a_narrower_stream_are_as_wide_as_it(tmp_path: Path) -> None:
    keys = {"expert_count": 4, "expert_used_count": 2, "attention__head_count_kv": [2, 2], **STATES}
    routed = {
        "attn_norm": (WIDTH,), **ATTENTION, "ffn_gate_inp": (WIDTH, 4), "ffn_latent_down": (WIDTH, 64),
        "ffn_latent_up": (64, WIDTH), "ffn_up_exps": (64, HIDDEN, 4), "ffn_down_exps": (HIDDEN, 64, 4),
    }  # fmt: skip
    found = shape(header_of("nemotron_h_moe", tmp_path, routed, **keys))
    assert [layer.expert_width for layer in found.layers] == [64, 64]
    assert not found.fused.gated


def test_layers_of_other_shards_are_not_without_what_this_one_cannot_list(tmp_path: Path) -> None:
    keys = {"expert_count": 4, "expert_used_count": 2, "expert_shared_feed_forward_length": 192}
    routed = {
        **NORMS, **ATTENTION, "attn_gate": (WIDTH, WIDTH), "ffn_gate_inp": (WIDTH, 4),
        "ffn_up_exps": (WIDTH, HIDDEN, 4), "ffn_gate_exps": (WIDTH, HIDDEN, 4), "ffn_down_exps": (HIDDEN, WIDTH, 4),
    }  # fmt: skip
    whole = header_of("afmoe", tmp_path, PLAIN, routed, routed, leading_dense_block_count=1, **keys)
    count = whole.metadata["afmoe.block_count"]
    split = {"split.no": replace(count, data=0), "split.count": replace(count, data=2)}

    def shard(layers: int) -> ModelShape:
        held = tuple(tensor for tensor in whole.tensors if tensor.name < f"blk.{layers}.")
        return shape(replace(whole, metadata={**whole.metadata, **split}, tensors=held))

    assert [layer.experts for layer in shard(1).layers] == [layer.experts for layer in shape(whole).layers] == [0, 4, 4]
    assert [layer.gate for layer in shard(2).layers] == [0, WIDTH, WIDTH]
    assert (shape(whole).shared_feed_forward, shard(2).shared_feed_forward) == (0, 192)


def test_a_decoder_s_own_layers_say_whether_its_feed_forward_part_has_a_gate(tmp_path: Path) -> None:
    """T5 names its layers ``dec.blk.N``; its first models have no gate there."""

    def gated(*roles: str) -> bool:
        model = Forged("t5", 16384, {
            "block_count": 1, "embedding_length": WIDTH, "feed_forward_length": HIDDEN, "attention.head_count": 2,
        })  # fmt: skip
        for role in ("attn_norm", *roles):
            model.add(f"dec.blk.0.{role}.weight", *{**NORMS, **DENSE}[role])
        model.ends(tied=False)
        return shape(read_header(BytesSource(model.write(tmp_path / "t5.gguf").read_bytes()))).fused.gated

    assert gated("ffn_gate", "ffn_up", "ffn_down")
    assert not gated("ffn_up", "ffn_down")
