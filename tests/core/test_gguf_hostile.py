"""The parser on files made to harm it: a typed error with its place, or a list of problems; never anything else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from support import gguf_bytes as g

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.gguf.checks import MAX_LISTED
from desktop.core.gguf.reader import MAX_TENSORS

W = g.Writer()
LIMIT_BYTES = 64 << 20


def _array(element: int, length: int, items: bytes = b"") -> bytes:
    return W.string("a") + W.number("IIQ", g.ARRAY, element, length) + items


FATAL: dict[str, tuple[bytes, int | None]] = {
    "empty": (b"", 0),
    "three bytes": (b"GGU", 3),
    "wrong magic": (b"GGML" + bytes(20), 0),
    "version 0": (b"GGUF" + bytes(20), 4),
    "version 4": (b"GGUF" + W.number("IQQ", 4, 0, 0), 4),
    "keys 2^63": (W.head(0, 2**63) + bytes(64), 24),
    "keys 2^64-1": (W.head(0, 2**64 - 1), 24),
    "tensors 2^60": (W.head(2**60, 0) + bytes(64), 24),
    "key of 2^62": (W.head(0, 1) + W.number("Q", 2**62) + bytes(64), 24),
    "string of 2^62": (W.head(0, 1) + W.string("k") + W.number("IQ", g.STRING, 2**62), 37),
    "U8 array of 2^40": (W.head(0, 1) + _array(g.U8, 2**40), 37),
    "U64 array of 2^61": (W.head(0, 1) + _array(g.U64, 2**61), 37),
    "string array of 2^40": (W.head(0, 1) + _array(g.STRING, 2**40, bytes(64)), 49),
    "array of arrays of 2^60": (W.head(0, 1) + _array(g.ARRAY, 2**60, bytes(64)), 37),
    "string in an array of 2^62": (
        W.head(0, 1) + _array(g.STRING, 2, W.string("x") + W.number("Q", 2**62) + bytes(64)),
        None,
    ),
    "string in an array of 2^64-1": (W.head(0, 1) + _array(g.STRING, 3, W.number("QQQ", 2**64 - 1, 0, 0)), None),
    "5,000 nested arrays": (W.head(0, 1) + W.string("a") + W.number("I", 9) + W.number("IQ", 9, 1) * 5000, None),
    "unknown value type": (W.head(0, 1) + W.string("k") + W.number("I", 77) + bytes(20), 33),
    "unknown element type": (W.head(0, 1) + _array(77, 1, bytes(20)), 37),
    "9 dimensions": (W.head(1, 0) + W.tensor("t", (1,) * 9, 0, 0), 24),
    "2^32-1 dimensions": (W.head(1, 0) + W.string("t") + W.number("I", 2**32 - 1) + bytes(64), 24),
}


@pytest.mark.parametrize("name", FATAL)
def test_fatal_faults_are_typed_and_placed(name: str) -> None:
    data, offset = FATAL[name]
    with pytest.raises(FileFormatError) as caught:
        read_header(BytesSource(data))
    assert caught.value.message and caught.value.hint
    assert caught.value.offset is not None
    if offset is not None:
        assert caught.value.offset == offset


def _with(change: Callable[[g.Model], object]) -> Header:
    model = g.model()
    change(model)
    data, size = model.header()
    return read_header(BytesSource(data + bytes(size)))


def _entry(index: int, key: str, kind: int, value: object) -> Header:
    return _with(lambda model: model.metadata.__setitem__(index, (key, kind, value)))


def _aligned(kind: int, value: int) -> Header:
    return _with(lambda model: model.metadata.append(("general.alignment", kind, value)))


def _tensor(shape: tuple[int, ...], kind: int, offset: int = 0, name: str | bytes = "t") -> Header:
    arch = W.entry("general.architecture", g.STRING, "llama")
    data = W.head(1, 1) + arch + W.tensor(name, shape, kind, offset)
    return read_header(BytesSource(data + bytes(4096)))


def _two_tensors(first: int, second: int) -> Header:
    arch = W.entry("general.architecture", g.STRING, "llama")
    data = W.head(2, 1) + arch + W.tensor("a", (32,), 0, first) + W.tensor("b", (32,), 0, second)
    return read_header(BytesSource(data + bytes(4096)))


FINDINGS: dict[str, tuple[Callable[[], Header], str]] = {
    "duplicate key": (lambda: _with(lambda m: m.metadata.append(m.metadata[0])), "more than once"),
    "empty key": (lambda: _with(lambda m: m.metadata.append(("", g.U8, 1))), "key is empty"),
    "no architecture": (lambda: _with(lambda m: m.metadata.pop(0)), "architecture is missing"),
    "alignment 0": (lambda: _aligned(g.U32, 0), "power of two"),
    "alignment 3": (lambda: _aligned(g.U32, 3), "power of two"),
    "alignment u64": (lambda: _aligned(g.U64, 64), "power of two"),
    "alignment 2^31": (lambda: _aligned(g.U32, 2**31), "beyond"),
    "block count 0": (lambda: _entry(2, "llama.block_count", g.U32, 0), "block_count"),
    "block count 100000": (lambda: _entry(2, "llama.block_count", g.U32, 100_000), "block_count"),
    "duplicate tensor": (lambda: _with(lambda m: m.tensors.append(m.tensors[-1])), "more than once"),
    "offset 2^40": (lambda: _tensor((32,), 0, 2**40), "beyond the end"),
    "offset 2^64-1": (lambda: _tensor((32,), 0, 2**64 - 1), "beyond the end"),
    "dimensions that overflow": (lambda: _tensor((2**33, 2**33), 0), "64 bits"),
    "dimension 2^63": (lambda: _tensor((2**63,), 0), "64 bits"),
    "5 dimensions": (lambda: _tensor((1,) * 5, 0), "4 dimensions"),
    "type 200": (lambda: _tensor((32,), 200), "does not know"),
    "removed type": (lambda: _tensor((32,), 31), "removed"),
    "half a block": (lambda: _tensor((31,), 8), "blocks"),
    "misplaced": (lambda: _tensor((32,), 0, 33), "not where"),
    "overlapping": (lambda: _two_tensors(0, 64), "over the data of another"),
    "overlapping, far one first": (lambda: _two_tensors(64, 0), "over the data of another"),
    "invalid UTF-8 name": (lambda: _tensor((32,), 0, name=b"\xff\xfe"), "UTF-8"),
    "name of 64 bytes": (lambda: _tensor((32,), 0, name="n" * 64), "longer"),
    "file type that contradicts": (lambda: _entry(4, "general.file_type", g.U32, 7), "file_type says Q8_0"),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_other_faults_are_listed(name: str) -> None:
    make, words = FINDINGS[name]
    header = make()
    assert any(words in problem.message for problem in header.problems), header.problems
    assert all(problem.reason and problem.action for problem in header.problems)


def test_the_model_the_findings_start_from_is_sound() -> None:
    assert _with(lambda model: None).problems == ()


def test_truncated_at_every_byte() -> None:
    model = g.model()
    model.metadata.append(("words", g.ARRAY, (g.STRING, ["one", "two", ""])))
    model.metadata.append(("numbers", g.ARRAY, (g.F32, [1.0, 2.0])))
    data, size = model.header()
    whole = read_header(BytesSource(data + bytes(size)))
    for end in range(whole.header_bytes):
        with pytest.raises(FileFormatError) as caught:
            read_header(BytesSource(data[:end]))
        assert caught.value.offset is not None and caught.value.offset <= end
    short = read_header(BytesSource(data + bytes(size - 32)))
    assert [p.severity for p in short.problems] == ["error"] and "beyond the end" in short.problems[0].message


def test_partial_reading_keeps_what_was_there() -> None:
    data, _ = g.model().header()
    whole = read_header(BytesSource(data), partial=True)
    cut = read_header(BytesSource(data[: whole.header_bytes - 3]), partial=True)
    assert not cut.complete and whole.complete
    assert cut.architecture == "llama" and len(cut.tensors) == len(whole.tensors) - 1
    assert "expected at byte" in cut.problems[-1].message and cut.problems[-1].offset is not None


def test_where_reading_stopped_is_told_after_any_number_of_problems() -> None:
    infos = b"".join(W.tensor("n" * 64 + str(i), (1,), 0, 0) for i in range(300))
    header = read_header(BytesSource(W.head(301, 0) + infos + W.number("Q", 3)), partial=True)
    assert len(header.problems) == MAX_LISTED + 2
    assert header.problems[-2].message == "200 more problems of this kind are not listed one by one."
    assert header.problems[-1].offset == len(W.head(0, 0) + infos)


@pytest.mark.parametrize(
    ("kind", "shown"), [(77, "type 77"), (g.ARRAY, "array of type 77"), (2**32 - 1, "type 4294967295")]
)
def test_a_value_of_unknown_type_is_shown_as_such(kind: int, shown: str) -> None:
    data = W.head(0, 3) + W.entry("general.architecture", g.STRING, "llama")
    data += W.string("odd") + W.number("I", kind) + W.number("IQ", 77, 1) + bytes(20)
    header = read_header(BytesSource(data), partial=True)
    assert list(header.metadata) == ["general.architecture", "odd"] and not header.complete
    assert (header.metadata["odd"].type.name, header.metadata["odd"].data) == ("UNKNOWN", shown)
    assert header.string("odd") == "" and "unknown type" in header.problems[-1].message


def test_invalid_utf8_in_values_is_replaced() -> None:
    data = W.head(0, 2) + W.entry("general.architecture", g.STRING, b"ll\xffma")
    data += W.entry("words", g.ARRAY, (g.STRING, [b"\xc3\x28", b"ok"]))
    header = read_header(BytesSource(data))
    words = header.array("words")
    assert header.architecture == "ll\ufffdma" and words is not None and words[:] == ["\ufffd(", "ok"]
    assert any("UTF-8" in problem.message for problem in header.problems)


def _largest_texts() -> bytes:
    return W.head(0, 40) + b"".join(W.entry(f"k{i}", g.STRING, b"\xf0\x9f\x99\x82" * (1 << 18)) for i in range(40))


def _many_tensors() -> bytes:
    infos = b"".join(W.tensor(f"{i}", (2**62, 2**62 + i, 2**62), 0, 2**62 - i) for i in range(MAX_TENSORS))
    return W.head(MAX_TENSORS, 0) + infos


def _many_bad_names() -> bytes:
    count = MAX_TENSORS // 3
    return W.head(count, 0) + b"".join(W.tensor(b"\xff" * 58 + b"%06d" % i, (2**33,), 0, i) for i in range(count))


def _many_long_names() -> bytes:
    count = 100_000
    return W.head(count, 0) + b"".join(W.tensor("n" * 58 + f"{i:06}", (2**33,), 0, i) for i in range(count))


def _wide_texts() -> bytes:
    """ASCII with one character that makes Python keep four bytes for each of the others."""
    text = b"a" * 996 + "\U0001f642".encode()
    return W.head(0, 8_000) + b"".join(W.entry(f"k{i}", g.STRING, text) for i in range(8_000))


def _repeated_keys() -> bytes:
    return W.head(0, 16_384) + _array(g.STRING, 0) * 16_384


def _empty_strings() -> bytes:
    return W.head(0, 1) + _array(g.STRING, 4 << 20, bytes(8 * (4 << 20)))


def _nested_arrays() -> bytes:
    rows = (W.number("IQ", g.STRING, 1) + W.string("x")) * 200_000
    return W.head(0, 1) + _array(g.ARRAY, 200_000, rows)


@pytest.mark.parametrize(
    "make",
    [
        _largest_texts,
        _many_tensors,
        _many_bad_names,
        _many_long_names,
        _wide_texts,
        _repeated_keys,
        _empty_strings,
        _nested_arrays,
    ],
)
def test_memory_stays_bounded(make: Callable[[], bytes]) -> None:
    data = make()
    tracemalloc.start()
    try:
        header = read_header(BytesSource(data), partial=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert header.file_bytes == len(data)
    assert peak < LIMIT_BYTES
