"""Importance matrices in both forms say the same; what is none is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from desktop.core.errors import FileFormatError
from desktop.core.progress import Progress
from desktop.engine.tools.imatrix_file import read_imatrix
from desktop.engine.tools.quantizer import _refused, _Watch

VALUES = {
    name: np.random.default_rng(1).uniform(0.5, 2, 64).astype(np.float32) for name in ("blk.0.ffn_up.weight", "b")
}


def legacy(path: Path, values: dict[str, NDArray[np.float32]], calls: int = 2, tail: bytes = b"") -> Path:
    with path.open("wb") as out:
        out.write(struct.pack("<i", len(values)))
        for name, sums in values.items():
            out.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<2i", calls, len(sums)))
            out.write((sums * max(1, calls)).tobytes())
        out.write(tail)
    return path


def modern(path: Path, values: dict[str, NDArray[np.float32]], *, counts: bool = True, whole: bool = True) -> Path:
    writer = gguf.GGUFWriter(str(path), "")
    if whole:
        writer.add_array("imatrix.datasets", ["text"])
        writer.add_uint32("imatrix.chunk_count", 12)
        writer.add_uint32("imatrix.chunk_size", 512)
    for name, means in values.items():
        rows = means.reshape(2, 32)  # two experts, of which the second was never asked
        asked = np.array([[24.0], [0.0]], np.float32)
        writer.add_tensor(f"{name}.in_sum2", rows * asked)
        if counts:
            writer.add_tensor(f"{name}.counts", asked)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_both_forms(tmp_path: Path) -> None:
    old = read_imatrix(legacy(tmp_path / "old", VALUES, tail=struct.pack("<2i", 12, 4) + b"text"))
    new = read_imatrix(modern(tmp_path / "new", VALUES))
    assert (old.dataset, old.chunks) == (new.dataset, new.chunks) == ("text", 12)
    for name, values in VALUES.items():
        np.testing.assert_allclose(old.entries[name], values, rtol=1e-6)
        np.testing.assert_allclose(new.entries[name][:32], values[:32], rtol=1e-6)
        assert (new.entries[name][32:] == 1).all()  # as llama-quantize takes an expert that was never asked
    plain = read_imatrix(legacy(tmp_path / "plain", VALUES, calls=0))
    assert (plain.dataset, plain.chunks) == ("", 0)
    np.testing.assert_array_equal(plain.entries["b"], VALUES["b"])


def test_what_is_no_importance_matrix_is_refused(tmp_path: Path) -> None:
    broken = legacy(tmp_path / "cut", VALUES).read_bytes()
    texts = (b"", b"text", struct.pack("<i", -1), struct.pack("<3i", 1, 1 << 30, 1), broken[:-20])
    for number, content in enumerate(texts):
        path = tmp_path / f"wrong {number}"
        path.write_bytes(content)
        with pytest.raises(FileFormatError):
            read_imatrix(path)
    for path in (
        modern(tmp_path / "no counts", VALUES, counts=False),
        modern(tmp_path / "no metadata", VALUES, whole=False),
        legacy(tmp_path / "nan", {"a": np.full(4, np.nan, np.float32)}),
    ):
        with pytest.raises(FileFormatError):
            read_imatrix(path)


def test_the_quantizers_log_tells_how_far_it_is() -> None:
    steps: list[Progress] = []
    watch = _Watch(100, steps.append)
    watch.read("[   1/   3] token_embd.weight                    - [    4,    10,     1,     1], type =    f16, ")
    watch.read("converting to q4_K .. ")
    watch.read("size =   54.00 MiB ->   15.19 MiB\n")
    watch.read("[   2/   3] blk.0.attn_norm.weight               - [    4,     1,     1,     1], type =    f32, ")
    watch.read("size =    0.002 MiB\n")
    watch.read("[   3/   3] blk.0.ffn_up.weight                  - [    4,    14,     1,     1], type =    f16, ")
    watch.read("size =     1.00 MiB ->     0.28 MiB (iq4_nl)\n")
    assert watch.types == {
        "token_embd.weight": "Q4_K",
        "blk.0.attn_norm.weight": "F32",
        "blk.0.ffn_up.weight": "IQ4_NL",
    }
    assert [(step.done, step.total, step.note) for step in steps] == [
        (0, 100, "token_embd.weight"), (40, 100, "blk.0.attn_norm.weight"), (44, 100, "blk.0.ffn_up.weight"),
    ]  # fmt: skip
    assert not watch.needs_imatrix
    watch.read(" ERROR: this quantization requires an importance matrix!\n")
    assert watch.needs_imatrix


def test_a_refusal_is_told_in_the_engines_words() -> None:
    log = "loading\nllama_model_quantize: failed to quantize: requantizing from type q4_1 is disabled\n"
    assert _refused(log, needs_imatrix=False).message == "The engine refused: requantizing from type q4_1 is disabled"
    assert _refused("", needs_imatrix=False).message == "The engine refused: it gave no reason"
    assert _refused(log, needs_imatrix=True).kind == "usage"
