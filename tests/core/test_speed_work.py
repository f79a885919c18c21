"""What a token costs: which tensors it reads, on which device, and what of the attention."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from desktop.core.memory import Layer, ModelShape, weights_from_size
from desktop.core.memory.weights import Weights
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.speed import token_work, work_by_size

E, F, VOCABULARY, LAYERS = 512, 1024, 1000, 4


@dataclass(frozen=True)
class Named:
    name: str
    shape: tuple[int, ...]
    type: str


def shape(experts: int = 0, used: int = 0, window: int = 0) -> ModelShape:
    layer = Layer(heads=8, kv_heads=2, key_length=64, value_length=64, feed_forward=F, expert_feed_forward=F)
    windowed = replace(layer, window=window)
    layers = tuple(windowed if window and i % 2 else layer for i in range(LAYERS))
    return ModelShape("llama", layers, E, VOCABULARY, 8192, experts=experts, experts_used=used)


def tensors(kind: str = "Q4_K", *, tied: bool = True, experts: int = 0) -> list[Named]:
    found = [Named("token_embd.weight", (E, VOCABULARY), "Q8_0"), Named("output_norm.weight", (E,), "F32")]
    if not tied:
        found.append(Named("output.weight", (E, VOCABULARY), "Q6_K"))
    for i in range(LAYERS):
        found += [
            Named(f"blk.{i}.attn_norm.weight", (E,), "F32"),
            Named(f"blk.{i}.attn_q.weight", (E, E), kind),
        ]
        if experts:
            found.append(Named(f"blk.{i}.ffn_up_exps.weight", (E, F, experts), kind))
        else:
            found.append(Named(f"blk.{i}.ffn_up.weight", (E, F), kind))
    return found


def size(kind: str, elements: int) -> int:
    return TYPES_BY_NAME[kind].size(elements)


def test_a_tied_embedding_is_read_as_the_output() -> None:
    (work,) = token_work(tensors(), shape())
    assert work.device == "cpu"
    assert work.types["Q8_0"].bytes == size("Q8_0", E * VOCABULARY)
    assert work.types["Q4_K"].bytes == LAYERS * size("Q4_K", E * E + E * F)
    assert work.vocabulary == VOCABULARY
    assert work.layers == LAYERS


def test_an_embedding_beside_an_output_is_looked_up_and_not_read() -> None:
    (work,) = token_work(tensors(tied=False), shape())
    assert "Q8_0" not in work.types
    assert work.types["Q6_K"].bytes == size("Q6_K", E * VOCABULARY)
    assert work.resident_bytes > work.bytes_read  # it lies in memory all the same


def test_of_the_experts_only_those_in_use_are_read() -> None:
    (work,) = token_work(tensors(experts=16), shape(16, 2))
    experts = LAYERS * size("Q4_K", E * F * 16)
    assert work.types["Q4_K"].experts == pytest.approx(experts * 2 / 16)
    assert work.types["Q4_K"].bytes == pytest.approx(experts * 2 / 16 + LAYERS * size("Q4_K", E * E))


def test_layers_go_to_devices_from_the_end_and_the_output_is_the_last() -> None:
    cpu, gpu = sorted(token_work(tensors(), shape(), offload=[("gpu", 3)]), key=lambda work: work.device)
    assert (cpu.layers, gpu.layers) == (2, 2)  # the third is the output
    assert (cpu.vocabulary, gpu.vocabulary) == (0, VOCABULARY)
    assert "Q8_0" in gpu.types and "Q8_0" not in cpu.types
    everything = token_work(tensors(), shape(), offload=[("gpu", LAYERS + 1)])
    assert [work.device for work in everything] == ["gpu"]


def test_experts_may_stay_in_main_memory() -> None:
    works = token_work(tensors(experts=16), shape(16, 2), offload=[("gpu", LAYERS + 1)], cpu_expert_layers=LAYERS)
    by_device = {work.device: work for work in works}
    assert by_device["gpu"].types["Q4_K"].experts == 0
    assert by_device["cpu"].types["Q4_K"].experts > 0
    assert by_device["cpu"].layers == 0


def test_draft_layers_are_not_computed() -> None:
    more = [*tensors(), Named(f"blk.{LAYERS}.attn_q.weight", (E, E), "F16")]
    assert token_work(more, shape()) == token_work(tensors(), shape())


def test_attention_counts_heads_and_windows() -> None:
    (work,) = token_work(tensors(), shape(window=256), ("q8_0", "q8_0"))
    whole, windowed = sorted(work.attention, key=lambda group: group.window)
    assert whole.width == windowed.width == 2 * 8 * 128
    assert whole.kv_bytes == pytest.approx(2 * 2 * 128 * 1.0625)
    assert whole.group == windowed.group == 4
    assert (whole.cells(4096), windowed.cells(4096), windowed.cells(100)) == (4096, 256, 100)


def test_of_a_prompt_only_the_last_token_reaches_the_output() -> None:
    (work,) = token_work(tensors(), shape())
    assert work.types["Q8_0"].once == work.types["Q8_0"].weights == E * VOCABULARY
    assert work.types["Q4_K"].once == E * F  # the last layer's feed-forward part


def test_a_size_alone_gives_nearly_the_same_work() -> None:
    listed = [tensor for tensor in tensors("Q8_0") if len(tensor.shape) > 1]
    (exact,) = token_work(listed, shape())
    layers = (size("Q8_0", E * E + E * F),) * LAYERS
    weights = Weights(size("Q8_0", E * VOCABULARY), layers, (0,) * LAYERS, 0, size("Q8_0", E * VOCABULARY))
    (guess,) = work_by_size(weights, shape(), "Q8_0").with_cache()
    assert guess.bytes_read == pytest.approx(exact.bytes_read)
    assert guess.types["Q8_0"].weights == pytest.approx(exact.types["Q8_0"].weights)
    assert guess.attention == exact.attention
    assert work_by_size(weights_from_size(shape(), 5_000_000), shape(), "Q4_K", offload=[("gpu", 2)]).with_cache()
