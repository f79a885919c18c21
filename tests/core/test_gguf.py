"""The parser on files that are as they should be: every version, byte order and value type, and real files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from support import gguf_bytes as g

from desktop.core.errors import FileFormatError
from desktop.core.gguf import Array, BytesSource, Text, ValueType, read_header

# All of llama.cpp's folder models.
VOCABULARIES = [
    "aquila",
    "baichuan",
    "bert-bge",
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gemma-4",
    "gpt-2",
    "gpt-neox",
    "llama-bpe",
    "llama-spm",
    "mpt",
    "nomic-bert-moe",
    "phi-3",
    "qwen2",
    "qwen35",
    "refact",
    "starcoder",
]
EVERY_SCALAR = [
    ("u8", g.U8, 255),
    ("i8", g.I8, -128),
    ("u16", g.U16, 65535),
    ("i16", g.I16, -32768),
    ("u32", g.U32, 2**32 - 1),
    ("i32", g.I32, -(2**31)),
    ("f32", g.F32, -0.5),
    ("yes", g.BOOL, True),
    ("no", g.BOOL, False),
    ("text", g.STRING, "grüße 漢字 🙂"),
    ("u64", g.U64, 2**64 - 1),
    ("i64", g.I64, -(2**63)),
    ("f64", g.F64, math.pi),
]


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_value_type_in_every_version_and_byte_order(version: int, order: str) -> None:
    arrays = [(f"{name}s", g.ARRAY, (kind, [value] * 3)) for name, kind, value in EVERY_SCALAR]
    model = g.model()
    model.metadata += [*EVERY_SCALAR, *arrays]
    data, size = model.header(order, version)

    header = read_header(BytesSource(data + bytes(size)))

    assert header.version == version
    assert header.endianness == ("little" if order == "<" else "big")
    for name, kind, value in EVERY_SCALAR:
        assert header.metadata[name].type == kind
        assert header.metadata[name].data == value
        assert type(header.metadata[name].data) is type(value)
        array = header.array(f"{name}s")
        assert array is not None and array.type == kind
        assert list(array) == [value] * 3
    assert [(t.name, t.shape, t.type_id) for t in header.tensors] == model.tensors
    assert header.data_offset == len(data)
    assert header.file_bytes == header.position(header.tensors[-1]) + 256 * 64 // 256 * 210
    assert [p.severity for p in header.problems] == ["error"] * (version == 1) + ["warning"] * (order == ">")


def test_long_string_arrays_are_read_in_place() -> None:
    words = [f"word {i} " + "é" * (i % 7) for i in range(5000)]
    model = g.Model([("general.architecture", g.STRING, "llama"), ("words", g.ARRAY, (g.STRING, words))])
    data, _ = model.header()
    array = read_header(BytesSource(data)).array("words")
    assert array is not None
    assert len(array) == 5000
    assert array[0] == words[0] and array[-1] == words[-1] and array[1023:1026] == words[1023:1026]
    assert array[4990:9999] == words[4990:] and array[10:2000:500] == words[10:2000:500]
    assert array[7:7] == [] and list(array) == words
    assert data[array.offset : array.end].endswith(words[-1].encode())
    with pytest.raises(IndexError):
        array[5000]
    with pytest.raises(TypeError):
        array.numbers()


def test_arrays_of_long_strings_are_read_one_by_one() -> None:
    words = [f"{i} " + "x" * (6000 if i % 2 else 0) for i in range(2500)]
    data, _ = g.Model([("general.architecture", g.STRING, "x"), ("words", g.ARRAY, (g.STRING, words))]).header()
    source = _Windows(data, 0)
    array = read_header(source).array("words")
    assert array is not None and list(array) == words
    assert array[1500:1503] == words[1500:1503] and array[-1] == words[-1]
    assert source.largest < 100_000


def test_an_array_in_a_file_that_was_cut_since() -> None:
    words = [f"word {i}" for i in range(2000)]
    data, _ = g.Model([("general.architecture", g.STRING, "x"), ("words", g.ARRAY, (g.STRING, words))]).header()
    source = _Windows(data, 0)
    array = read_header(source).array("words")
    assert array is not None
    source.data = data[: array.offset + 5000]
    with pytest.raises(FileFormatError, match="inside an array of strings"):
        list(array)


def test_nested_arrays_are_read_and_reported() -> None:
    rows = (g.ARRAY, [(g.U16, [1, 2]), (g.U16, []), (g.U16, [3])])
    data, _ = g.Model([("general.architecture", g.STRING, "x"), ("rows", g.ARRAY, rows)]).header()
    header = read_header(BytesSource(data))
    array = header.array("rows")
    assert array is not None and array.type is ValueType.ARRAY
    assert [list(row) for row in array if isinstance(row, Array)] == [[1, 2], [], [3]]
    assert any("array of arrays" in problem.message for problem in header.problems)


def test_a_very_long_text_stays_in_the_file() -> None:
    template = "x" * (2 << 20)
    data, _ = g.Model([("general.architecture", g.STRING, "x"), ("long", g.STRING, template)]).header()
    header = read_header(BytesSource(data))
    value = header.metadata["long"].data
    assert isinstance(value, Text) and value.length == len(template)
    assert value.read(10) == header.text("long", 10) == "x" * 10
    assert value.read(1 << 30) == template


def test_facts_of_the_starter_model(starter_model: Path) -> None:
    header = read_header(BytesSource(starter_model.read_bytes()))
    assert (header.architecture, header.parameters, header.quantization) == ("llama", 134_515_008, "Q4_1")
    assert header.context_length == 8192
    assert header.problems == ()
    assert header.data_offset + header.tensor_bytes <= header.file_bytes
    # 98.36 MB of file for 134.5 M parameters
    assert header.size.bits_per_weight == pytest.approx(header.tensor_bytes * 8 / 134_515_008)


class _QuickReader(gguf.GGUFReader):  # type: ignore[misc] # gguf has no types
    """gguf-py's reader with the same logic over bytes in memory: it takes a view of a memory map for every number,
    and with it 17 s and 1.4 GB for gemma-4's vocabulary."""

    def __init__(self, path: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(np, "memmap", lambda path, mode: np.fromfile(path, np.uint8))
            super().__init__(path)

    def _get(self, offset: Any, dtype: Any, count: Any = 1, override_order: Any = None) -> Any:
        order = self.byte_order if override_order is None else override_order
        kind = np.dtype(dtype) if order == "I" else np.dtype(dtype).newbyteorder(order)
        return np.frombuffer(self.data, kind, int(count), int(offset))


def _same_as_gguf_py(path: Path, reader: type[gguf.GGUFReader] = _QuickReader) -> int:
    theirs = reader(path)
    ours = read_header(BytesSource(path.read_bytes()))
    fields = {key: field for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
    assert list(ours.metadata) == list(fields)
    for key, field in fields.items():
        value = ours.metadata[key]
        assert value.type == field.types[0], key
        expected = field.contents()
        if isinstance(value.data, Array):
            assert value.data.type == field.types[-1], key
            assert list(value.data) == expected, key
        elif isinstance(value.data, float) and math.isnan(value.data):
            assert math.isnan(expected), key
        else:
            assert value.data == expected, key
    assert [(t.name, list(t.shape), t.type_id, ours.position(t), t.elements, t.size_bytes) for t in ours.tensors] == [
        (t.name, t.shape.tolist(), t.tensor_type, t.data_offset, t.n_elements, t.n_bytes) for t in theirs.tensors
    ]
    if ours.tensors:
        assert ours.data_offset == theirs.data_offset
    return len(fields)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_equal_to_gguf_py_on_the_starter_model(starter_model: Path) -> None:
    assert _same_as_gguf_py(starter_model, gguf.GGUFReader) > 30


@pytest.mark.parametrize("name", VOCABULARIES)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_equal_to_gguf_py_on_real_vocabularies(vocab_dir: Path, name: str) -> None:
    assert _same_as_gguf_py(vocab_dir / f"ggml-vocab-{name}.gguf") > 10


def test_the_vocabularies_are_all_named_here(vocab_dir: Path) -> None:
    assert {path.stem.removeprefix("ggml-vocab-") for path in vocab_dir.glob("*.gguf")} == set(VOCABULARIES)


def test_the_largest_vocabulary(vocab_dir: Path) -> None:
    header = read_header(BytesSource((vocab_dir / "ggml-vocab-gemma-4.gguf").read_bytes()))
    tokens, merges = header.array("tokenizer.ggml.tokens"), header.array("tokenizer.ggml.merges")
    assert tokens is not None and merges is not None
    # Counts of gguf-py 0.19.0 for this file.
    assert (len(tokens), len(merges)) == (262_144, 514_906)
    assert tokens[:4] == ["<pad>", "<eos>", "<bos>", "<unk>"]
    assert header.header_bytes == header.file_bytes == 15_776_467


class _Windows:
    """A source that hands out no more than ``extra`` bytes beyond what was asked for, and counts the requests."""

    def __init__(self, data: bytes, extra: int) -> None:
        self.data, self._extra, self.requests, self.largest = data, extra, 0, 0

    @property
    def size(self) -> int:
        return len(self.data)

    def window(self, offset: int, at_least: int) -> memoryview:
        self.requests += 1
        self.largest = max(self.largest, at_least)
        return memoryview(self.data)[offset : offset + at_least + self._extra]


@pytest.mark.parametrize("extra", [0, 1, 7, 100, 5000])
def test_any_size_of_window_gives_the_same_header(extra: int) -> None:
    words = [f"word {i}" for i in range(3000)]
    model = g.model()
    model.metadata.append(("words", g.ARRAY, (g.STRING, words)))
    data = model.header()[0]
    whole, pieces = read_header(BytesSource(data)), read_header(_Windows(data, extra))
    assert pieces.tensors == whole.tensors and pieces.problems == whole.problems
    assert (pieces.header_bytes, pieces.data_offset) == (whole.header_bytes, whole.data_offset)
    array = pieces.array("words")
    assert array is not None and list(array) == words


def test_a_large_window_is_asked_for_once() -> None:
    data = g.model(layers=100).header()[0]
    source = _Windows(data, 1 << 20)
    read_header(source)
    assert source.requests == 2  # the first eight bytes, then everything
