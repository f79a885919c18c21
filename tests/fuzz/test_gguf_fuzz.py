"""Mutated headers, real and made up, seeded and bounded: each is parsed, or refused with a typed error, in little time.

HEFT_FUZZ_CASES and HEFT_FUZZ_SEED widen it.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from support import gguf_bytes as g
from support.mutations import mutated

from desktop.core.errors import FileFormatError
from desktop.core.gguf import Array, BytesSource, Header, Text, read_header
from desktop.core.gguf.model_checks import check_model

CASES = int(os.environ.get("HEFT_FUZZ_CASES", "40000"))
SEED = int(os.environ.get("HEFT_FUZZ_SEED", "20260601"))
SLOWEST_SECONDS = 2.0  # processor time of one case; the usual one takes 0.1 ms
FIRST = 40  # elements of an array, and tensors, that are left of a real header
REQUIRED = {"*": ("*.block_count",), "llama": ("llama.rope.freq_base",)}


def _seeds() -> list[bytes]:
    rich = g.model(layers=1)
    rich.metadata += [
        ("words", g.ARRAY, (g.STRING, ["a", "bc", "", "déf"])),
        ("numbers", g.ARRAY, (g.I16, [1, -2, 3])),
        ("rows", g.ARRAY, (g.ARRAY, [(g.U8, [1]), (g.STRING, ["x"])])),
        ("general.alignment", g.U32, 64),
        ("half", g.F32, 0.5),
        ("yes", g.BOOL, True),
    ]
    return [rich.header(order, version)[0] for order in "<>" for version in (1, 2, 3)]


def _real(path: Path) -> bytes:
    """The header of a real file with the beginning of each array and of its list of tensors."""
    header = read_header(BytesSource(path.read_bytes()))
    writer = g.Writer()
    tensors = header.tensors[:FIRST]
    parts = [writer.head(len(tensors), len(header.metadata))]
    for key, value in header.metadata.items():
        data = value.data
        assert not isinstance(data, Text)
        parts.append(writer.entry(key, value.type, (data.type, data[:FIRST]) if isinstance(data, Array) else data))
    parts += [writer.tensor(tensor.name, tensor.shape, tensor.type_id, tensor.offset) for tensor in tensors]
    return b"".join(parts)


def _use(data: bytes) -> bool:
    """Parse and look at everything the window would show; False when the header was refused."""
    try:
        header = read_header(BytesSource(data))
    except FileFormatError as error:
        assert error.message and error.offset is not None and error.offset >= 0
        partial_is_possible = error.offset > 24 or len(data) > 64
        if partial_is_possible and data[:4] == b"GGUF":
            _partial(data)
        return False
    _judged(header)
    for value in header.metadata.values():
        if isinstance(value.data, Array):
            _walk(value.data)
        elif isinstance(value.data, Text):
            value.data.read(100)
    assert header.parameters >= 0 and header.tensor_bytes >= 0 and header.size.bits_per_weight >= 0
    assert isinstance(header.quantization, str) and len(header.problems) < 200
    assert all(tensor.type and header.position(tensor) >= 0 for tensor in header.tensors)
    return True


def _partial(data: bytes) -> None:
    try:
        header = read_header(BytesSource(data), partial=True)
    except FileFormatError:
        return  # broken before its counts
    assert not header.complete and header.problems
    _judged(header)


def _judged(header: Header) -> None:
    found = [*header.problems, *check_model([header], REQUIRED, lambda: ("llama",))]
    assert all(finding.message and finding.reason and finding.action for finding in found)


def _walk(array: Array) -> None:
    for item in array[:50]:
        if isinstance(item, Array):
            _walk(item)


def test_mutated_headers(vocab_dir: Path, starter_model: Path) -> None:
    chance = random.Random(SEED)
    real = [_real(path) for path in (*sorted(vocab_dir.glob("*.gguf")), starter_model)]
    for data in real:
        assert _use(data)
    seeds = [*_seeds() * 3, *real]
    accepted = 0
    for case in range(CASES):
        data = mutated(chance.choice(seeds), chance)
        started = time.process_time()
        try:
            accepted += _use(data)
        except Exception as error:
            raise AssertionError(f"case {case} of seed {SEED}: {data.hex()}") from error
        assert time.process_time() - started < SLOWEST_SECONDS, f"case {case} of seed {SEED}: {data.hex()}"
    # Both ways have to be walked often, or the mutations are too harsh or too mild to tell anything.
    assert CASES // 20 < accepted < CASES * 19 // 20
