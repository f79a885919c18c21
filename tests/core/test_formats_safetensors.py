"""safetensors headers: what they say, what is wrong with them, and what only their names tell."""

from __future__ import annotations

import tracemalloc

import pytest
from support import model_files as m
from support import recognised
from support.recognised import facts

from desktop.core.formats import Summary, recognise
from desktop.core.formats.reading import MAX_JSON_MARKS
from desktop.core.gguf import BytesSource
from desktop.store.format_catalog import format_catalog


class Counting(BytesSource):
    """Notes the furthest byte that was asked for, as a remote source would have to fetch it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.furthest = 0

    def window(self, offset: int, at_least: int) -> memoryview:
        self.furthest = max(self.furthest, offset + at_least)
        return super().window(offset, at_least)[:at_least]


def read(data: bytes, name: str = "model.safetensors") -> Summary:
    return recognised.read(data, name)


def test_tensors_types_and_metadata() -> None:
    summary = read(m.small_safetensors())
    start = 8 + int.from_bytes(m.small_safetensors()[:8], "little")
    assert summary.id == "safetensors"
    assert summary.danger == "none"
    assert [(t.name, t.shape, t.dtype, t.bytes, t.offset - start) for t in summary.tensors] == [
        ("a", (2, 3), "F16", 12, 0),
        ("b", (4,), "BF16", 8, 12),
    ]
    assert summary.parameters == 10
    assert summary.metadata == {"format": "pt"}
    assert facts(summary)["Bits per weight"] == "16.00"
    assert not summary.findings


def test_only_the_header_is_fetched() -> None:
    header = {"a": m.tensor("F32", (1000, 1000), 0, 4_000_000)}
    data = m.safetensors(header, bytes(4_000_000))
    source = Counting(data)
    summary = recognise(source, "x", format_catalog())
    assert summary is not None and not summary.findings
    assert source.furthest <= 4096


def test_a_scalar_and_an_empty_tensor_are_no_problem() -> None:
    header = {"empty": m.tensor("F32", (0, 5), 0, 0), "one": m.tensor("F32", (), 0, 4)}
    summary = read(m.safetensors(header, bytes(4)))
    assert not summary.findings
    assert summary.parameters == 1


def test_halves_of_bytes_are_counted() -> None:
    summary = read(m.safetensors({"w": m.tensor("F4", (3, 8), 0, 12)}, bytes(12)))
    assert not summary.findings
    assert facts(summary)["Bits per weight"] == "4.00"


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        ({"a": m.tensor("F16", (2,), 0, 4), "b": m.tensor("F16", (2,), 2, 6)}, 6, "overlaps"),
        ({"a": m.tensor("F16", (2,), 4, 8)}, 8, "4 bytes before 'a' belong to no tensor"),
        ({"a": m.tensor("F16", (2,), 0, 4)}, 9, "5 bytes after the last tensor"),
        ({"a": m.tensor("F16", (2,), 0, 6)}, 6, "need another size"),
        ({"a": m.tensor("F99", (2,), 0, 6)}, 6, "unknown type F99"),
        ({"a": m.tensor("F16", (2,), 6, 0)}, 6, "malformed"),
        ({"a": m.tensor("F16", (-2,), 0, 4)}, 4, "malformed"),
        ({"a": m.tensor("F16", (2**62, 2**62), 0, 4)}, 4, "malformed"),
        ({"a": m.tensor("F16", (1,) * 40, 0, 4)}, 4, "malformed"),
        ({"a": 5}, 0, "has no type"),
        ({"__metadata__": 5, "a": m.tensor("F16", (2,), 0, 4)}, 4, "no JSON object"),
        ({"__metadata__": {"n": 5}, "a": m.tensor("F16", (2,), 0, 4)}, 4, "no texts"),
    ],
)
def test_wrong_headers_are_named(header: dict[str, object], data: int, said: str) -> None:
    summary = read(m.safetensors(header, bytes(data)))
    assert any(said in finding.message for finding in summary.findings), summary.findings


def test_a_file_that_was_cut_short_says_so_once() -> None:
    header = {f"t{i}": m.tensor("F16", (2,), 4 * i, 4 * i + 4) for i in range(100)}
    (finding,) = read(m.safetensors(header, bytes(101))).findings
    assert finding.severity == "error"
    assert finding.message.startswith("75 of 100 tensors end behind")


def test_duplicate_names_are_an_error() -> None:
    entry = b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
    summary = read(m.raw_safetensors(b"{" + entry + b"," + entry + b"}", b"x"))
    assert any("occurs 2 times" in finding.message for finding in summary.findings)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (m.raw_safetensors(b"{" + b" " * 40)[:30], "claims 41 bytes"),
        (m.raw_safetensors(b'{"a":'), "no valid JSON"),
        (m.raw_safetensors(b'{"a\xff":1}'), "no valid JSON"),
        (m.raw_safetensors(b'{"a":' * 20_000), "nested too deeply"),
        (m.raw_safetensors(b'{"a":' + b"9" * 5000 + b"}"), "no valid JSON"),
        (m.raw_safetensors(b'{"a":[' + b"[]," * MAX_JSON_MARKS + b"[]]}"), "more than Heft reads"),
        (m.raw_safetensors(b"{" + b" " * (13 << 20)), "Heft reads up to"),
    ],
)
def test_hostile_headers_end_with_a_reason(data: bytes, said: str) -> None:
    summary = read(data)
    assert summary.id == "safetensors"
    assert said in summary.findings[0].message


def test_the_largest_header_stays_within_64_mb() -> None:
    entry = '"layers.{0}.mlp.experts.{0}.down_proj.weight":{{"dtype":"F8_E4M3","shape":[9,9],"data_offsets":[0,1]}}'
    count = MAX_JSON_MARKS // 12
    data = m.raw_safetensors(("{" + ",".join(entry.format(i) for i in range(count)) + "}").encode(), b"x")
    tracemalloc.start()
    try:
        summary = read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(summary.tensors) == count
    assert peak < 64 << 20


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (("l.qweight", "l.qzeros", "l.scales", "l.g_idx"), "GPTQ"),
        (("l.qweight", "l.qzeros", "l.scales"), "AWQ"),
        (("l.q_weight", "l.q_invperm", "l.q_scale"), "EXL2"),
        (("l.trellis", "l.suh"), "EXL3"),
        (("l.weight", "l.weight.quant_state.bitsandbytes__nf4"), "bitsandbytes"),
        (("l.weight", "l.SCB"), "bitsandbytes"),
        (("l.weight_packed", "l.weight_scale"), "compressed-tensors"),
        (("l.weight", "l.weight_scale_inv"), "FP8"),
        (("base_model.model.l.lora_A.weight",), "LoRA"),
    ],
)
def test_names_give_the_quantization_away(names: tuple[str, ...], title: str) -> None:
    header = {name: m.tensor("U8", (2,), 2 * i, 2 * i + 2) for i, name in enumerate(names)}
    summary = read(m.safetensors(header, bytes(2 * len(names))))
    assert summary.id == "safetensors"
    assert title in summary.title
    assert summary.parameters == 0  # several weights lie in one element
    assert not summary.findings


def test_mlx_and_fp8_are_told_by_metadata_and_type() -> None:
    mlx = {
        "__metadata__": {"format": "mlx"},
        "l.weight": m.tensor("U32", (1,), 0, 4),
        "l.scales": m.tensor("F16", (1,), 4, 6),
    }
    assert "MLX" in read(m.safetensors(mlx, bytes(6))).title
    fp8 = {"l.weight": m.tensor("F8_E4M3", (4,), 0, 4)}
    assert "FP8" in read(m.safetensors(fp8, bytes(4))).title
