"""Mutated files of every format, seeded and bounded: each gives a summary, in little time, and never an exception.

HEFT_FUZZ_CASES and HEFT_FUZZ_SEED widen it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import time
from pathlib import Path

import pytest
from support import gguf_bytes
from support import model_files as m

from desktop.core.errors import FileFormatError
from desktop.core.formats import FolderFile, Summary, recognise, recognise_folder
from desktop.core.gguf import BytesSource, SubSource, read_header
from desktop.store.format_catalog import format_catalog

CASES = int(os.environ.get("HEFT_FUZZ_CASES", "20000"))
SEED = int(os.environ.get("HEFT_FUZZ_SEED", "20260602"))
SLOWEST_SECONDS = 5.0  # processor time of one case; the usual one takes 0.5 ms
MOST_MEMORY = 64 << 20
TELLING = (0, 1, 7, 8, 0x0A, 0x2E, 0x52, 0x7F, 0x80, 0x93, 0xFF)
ENDINGS = ("", ".bin", ".pkl", ".pt", ".part", ".safetensors", ".part2of2")


def _seeds(folder: Path) -> list[bytes]:
    llamafile = folder / "x.llamafile"
    m.llamafile(llamafile, gguf_bytes.model(layers=1).header()[0])
    return [
        m.small_safetensors(),
        m.TORCH_STATE,
        m.torch_zip(),
        m.torch_zip(deflated=True),
        m.torch_legacy(),
        *m.harmless_pickles()[::5],
        b"cos\nsystem\n(S'echo x'\ntR.",
        llamafile.read_bytes(),
        m.keras_zip("Lambda"),
        m.onnx("weights.data"),
        m.saved_model("WriteFile"),
        m.old_ggml(b"tjgg", 3, m.LLAMA_7B),
        m.old_imatrix(),
        m.hdf5("keras"),
        m.hdf5("keras-latest"),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 4920739232\n",
    ]


def _mutated(random_: random.Random, data: bytes, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(random_.randint(1, 6)):
        at = random_.randrange(len(out) + 1)
        kind = random_.randrange(7)
        if kind == 0 and at < len(out):
            out[at] = random_.choice(TELLING)
        elif kind == 1 and at < len(out):
            out[at] ^= 1 << random_.randrange(8)
        elif kind == 2:
            width = random_.choice((1, 2, 4, 8))
            value = random_.choice((0, 1, 2**31, 2**63, 2**width * 8 - 1, len(out), len(out) + 1))
            out[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
        elif kind == 3:
            del out[at : at + random_.choice((1, 4, 50))]
        elif kind == 4:
            out[at:at] = out[at : at + random_.choice((1, 8, 100))] * random_.choice((1, 2, 30))
        elif kind == 5:
            start = random_.randrange(len(other))
            out[at : at + random_.choice((0, 10))] = other[start : start + 40]
        else:
            del out[at:]
        if not out:
            out = bytearray(b"\0")
    return bytes(out)


def _checked(summary: Summary, size: int) -> None:
    assert summary.title and summary.what
    for text in (*(f.value for f in summary.facts), *(f.message for f in summary.findings)):
        assert len(text) < 1000
        assert "\n" not in text
    assert all(f.message and f.reason and f.action for f in summary.findings), summary.findings
    assert all(0 < len(fact.label) <= 40 for fact in summary.facts)
    if summary.gguf_offset is not None:
        assert 0 <= summary.gguf_offset < size


def test_mutated_files_give_a_summary(tmp_path: Path) -> None:
    random_, catalog = random.Random(SEED), format_catalog()
    seeds = _seeds(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    kinds: dict[str, int] = {}
    broken = 0
    for case in range(CASES):
        data = _mutated(random_, random_.choice(seeds), random_.choice(seeds))
        source = BytesSource(data)
        started = time.process_time()
        summary = recognise(source, f"x{random_.choice(ENDINGS)}", catalog)
        took = time.process_time() - started
        assert took < SLOWEST_SECONDS, (case, took)
        if summary is None:
            assert data.startswith(b"GGUF")
            continue
        _checked(summary, len(data))
        kinds[summary.id] = kinds.get(summary.id, 0) + 1
        broken += bool(summary.findings)
        if summary.gguf_offset is not None:
            with contextlib.suppress(FileFormatError):
                read_header(SubSource(source, summary.gguf_offset, summary.gguf_bytes), partial=True)
    assert len(kinds) > 15, kinds  # the cases reached most of the readers
    assert CASES // 10 < broken < CASES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MOST_MEMORY


def test_random_bytes_after_each_magic_give_a_summary() -> None:
    random_, catalog = random.Random(SEED), format_catalog()
    magics = [
        b"",
        b"\x80\x02",
        b"\x80\x04",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n",
        b"\x08\x01\x12",
        b"\x08\x08\x3a",
        b"tjgg",
        b"lmgg",
    ]
    magics += [b"ftrt", b"\x93NUMPY\x01", b"(", b"c", b"MZ", b"\x20\0\0\0\0\0\0\0{"]
    for case in range(CASES // 3):
        data = magics[case % len(magics)] + random_.randbytes(random_.randrange(1, 300))
        summary = recognise(BytesSource(data), "x.bin", catalog)
        assert summary is not None
        _checked(summary, len(data))


def _value(random_: random.Random, depth: int = 0) -> object:
    kind = random_.randrange(8 if depth < 3 else 6)
    if kind == 6:
        return [_value(random_, depth + 1) for _ in range(random_.randrange(4))]
    if kind == 7:
        return {random_.choice(("bits", "weights", "quant_method", "x")): _value(random_, depth + 1)}
    return random_.choice((None, True, -1, 10**30, 2.5, "gptq", "a\nb", "", "org/name"))


@pytest.mark.parametrize("name", ["config.json", "adapter_config.json", "quantize_config.json", "hf_quant_config.json"])
def test_configurations_of_any_values_give_a_summary(name: str) -> None:
    random_, catalog = random.Random(SEED), format_catalog()
    keys = (
        "quantization_config",
        "quantization",
        "architectures",
        "text_config",
        "num_hidden_layers",
        "torch_dtype",
        "hidden_size",
        "base_model_name_or_path",
        "auto_map",
        "peft_type",
        "r",
        "model_type",
        "config_groups",
    )
    for _ in range(CASES // 20):
        texts = {"config.json": b"{}"}
        texts[name] = json.dumps({key: _value(random_) for key in random_.sample(keys, 5)}).encode()
        texts["README.md"] = b"---\nbase_model: " + random_.randbytes(20) + b"\n---\n"
        files = [FolderFile("model.safetensors", 9), *(FolderFile(n, len(data)) for n, data in texts.items())]
        _checked(recognise_folder(files, texts.__getitem__, catalog), 1)
