"""Losses computed piece by piece, held against the definition in 64-bit floats and against llama-perplexity."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.core.errors import HeftError
from desktop.core.loss_statistics import Sums, counted_tokens, distance, logits_bytes, perplexity
from desktop.engine.helper_process import Tool
from desktop.engine.tools.measurer import Answer, Chunks, Measured, Open, Opened
from desktop.engine.tools.token_losses import compressed, distances, losses
from desktop.system.packaged import FOLDER

RECORDED = Path(__file__).parent / "recorded" / "llama_perplexity.json"
TEXTS = FOLDER / "texts"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool[Any]]:
    made = Tool[Any]("desktop.engine.tools.measurer", Answer, tmp_path, tmp_path / "measurer.log")
    yield made
    made.close()


def softmax(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    wide = np.exp(wide)
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))


def test_losses_and_distances_are_those_of_the_definition(pool: ThreadPoolExecutor) -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(0, 3, (40, 1001)).astype(np.float32)
    logits = base + rng.normal(0, 0.3, base.shape).astype(np.float32)
    tokens = [int(token) for token in rng.integers(0, 1001, 40)]
    p, q = softmax(base), softmax(logits)
    rows = np.arange(40)
    nll = -np.log(q[rows, tokens])
    found = losses(logits, tokens, pool, 2)
    assert found.count == 40 and found.nll == pytest.approx(nll.sum(), rel=1e-5)
    assert found.nll2 == pytest.approx((nll**2).sum(), rel=1e-5)
    sums, klds = distances(logits, compressed(base, pool, 2), tokens, pool, 2)
    kld = (p * (np.log(p) - np.log(q))).sum(axis=1)
    np.testing.assert_allclose(klds, kld, rtol=2e-3, atol=2e-5)  # the reference is kept in 16 bits
    assert sums.nll == pytest.approx(nll.sum(), rel=1e-5)
    assert sums.base == pytest.approx(-np.log(p[rows, tokens]).sum(), rel=1e-3)
    assert sums.same_top == (p.argmax(axis=1) == q.argmax(axis=1)).sum()
    dp = q[rows, tokens] - p[rows, tokens]
    assert sums.dp2 == pytest.approx((dp**2).sum(), rel=1e-2)


def test_a_model_is_no_distance_from_itself_and_odd_rows_are_kept(pool: ThreadPoolExecutor) -> None:
    rng = np.random.default_rng(6)
    logits = rng.normal(0, 4, (5, 7)).astype(np.float32)
    logits[2] = 1.0  # all alike: no step between them
    kept = compressed(logits, pool, 1)
    assert kept.shape == (5, 12)
    sums, klds = distances(logits, kept, [0, 1, 2, 3, 6], pool, 1)
    assert np.abs(klds).max() < 1e-4 and sums.same_top == 5
    # what lies far below the largest is kept as the least, and counts nothing
    logits[0, 0] = -200
    kept = compressed(logits, pool, 1)
    step, least = kept[0, :4].view(np.float32)
    assert kept[0, 4] == 0 and step == pytest.approx(16 / 65535, rel=1e-6) and least < -15.9


@pytest.mark.engine
def test_a_text_is_cut_as_it_is_said(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    opened = tool.call(Open(str(starter_model), str(TEXTS / "prose.txt"), 512, vocabulary_only=True))
    assert isinstance(opened, Opened)
    assert opened.chunks == opened.tokens // 512 > 30 and opened.vocabulary == 49152
    short = tmp_path / "short.txt"
    short.write_text("Too short.")
    with pytest.raises(HeftError) as caught:
        tool.call(Open(str(starter_model), str(short), 512, vocabulary_only=True))
    assert caught.value.kind == "usage" and "1,024" in caught.value.message


@pytest.mark.engine
def test_in_pieces_it_is_the_same_as_at_once(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.logits"
    opened = tool.call(Open(str(starter_model), str(TEXTS / "languages.txt"), 64, 2))
    written = tool.call(Chunks(0, 1, write=str(kept), all_chunks=3))
    assert kept.stat().st_size == logits_bytes(opened.vocabulary, 64, 3) - 2 * (
        logits_bytes(opened.vocabulary, 64, 1) - logits_bytes(opened.vocabulary, 64, 0) - 4 * 64
    )
    with kept.open("ab") as out:
        out.write(b"what a kill has left")
    for chunk in (1, 2):
        written = tool.call(Chunks(chunk, 1, write=str(kept), all_chunks=3))
    assert kept.stat().st_size == logits_bytes(opened.vocabulary, 64, 3)
    assert written.sums.count == counted_tokens(64, 1)
    whole = tool.call(Chunks(0, 3, base=str(kept)))
    parts = [tool.call(Chunks(chunk, 1, base=str(kept))) for chunk in range(3)]
    sums = parts[0].sums.plus(parts[1].sums).plus(parts[2].sums)
    assert isinstance(whole, Measured) and sums.count == whole.sums.count == 93
    assert sums.nll == pytest.approx(whole.sums.nll, rel=1e-6)
    assert b"".join(part.klds for part in parts) == whole.klds
    assert np.abs(np.frombuffer(whole.klds, np.float32)).max() < 1e-3  # the reference is the model itself
    plain = tool.call(Chunks(0, 3))
    assert plain.klds == b"" and plain.sums.nll == pytest.approx(whole.sums.nll, rel=1e-5)


@pytest.mark.engine
def test_a_reference_of_another_text_is_refused(tool: Tool[Any], starter_model: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.logits"
    tool.call(Open(str(starter_model), str(TEXTS / "languages.txt"), 64, 2))
    tool.call(Chunks(0, 1, write=str(kept), all_chunks=1))
    tool.call(Open(str(starter_model), str(TEXTS / "prose.txt"), 64, 2))
    with pytest.raises(HeftError) as caught:
        tool.call(Chunks(0, 1, base=str(kept)))
    assert "another model" in caught.value.message


def three_digits(value: float, expected: float) -> bool:
    return math.isclose(value, expected, rel_tol=5e-4) or f"{value:.3g}" == f"{expected:.3g}"


@pytest.mark.engine
@pytest.mark.parametrize("which", json.loads(RECORDED.read_text())["runs"], ids=lambda run: run["name"])
def test_the_figures_are_llama_perplexitys(tool: Tool[Any], starter_model: Path, tmp_path: Path, which: Any) -> None:
    """To three digits; how they were recorded stands in the file."""
    from desktop.core.quantize_recipe import TARGETS
    from desktop.engine.tools.quantizer import Answer as QuantizerAnswer
    from desktop.engine.tools.quantizer import Quantize

    quantizer = Tool[Any]("desktop.engine.tools.quantizer", QuantizerAnswer, tmp_path, tmp_path / "quantizer.log")
    model = tmp_path / f"{which['type']}.gguf"
    try:
        quantizer.call(Quantize(str(starter_model), str(model), TARGETS[which["type"]], 2, requantize=True))
    finally:
        quantizer.close()
    text, context, chunks = str(TEXTS / which["text"]), which["context"], which["chunks"]
    kept = tmp_path / "kept.logits"
    tool.call(Open(str(starter_model), text, context, 2))
    tool.call(Chunks(0, chunks, write=str(kept), all_chunks=chunks))
    tool.call(Open(str(model), text, context, 2))
    found = tool.call(Chunks(0, chunks, base=str(kept)))
    assert isinstance(found, Measured)
    expected = which["figures"]
    own, far = perplexity(found.sums), distance(found.sums, list(memoryview(found.klds).cast("f")))
    pairs = {
        "perplexity": own.value, "perplexity_error": own.error, "base_perplexity": far.base_perplexity.value,
        "kld": far.kld.value, "kld_error": far.kld.error, "kld_p999": far.p999,
        "same_top_percent": 100 * far.top_agreement.value, "same_top_error_percent": 100 * far.top_agreement.error,
        "rms_dp_percent": 100 * far.dp_rms.value, "rms_dp_error_percent": 100 * far.dp_rms.error,
    }  # fmt: skip
    wrong = {name: (value, expected[name]) for name, value in pairs.items() if not three_digits(value, expected[name])}
    assert not wrong


def test_sums_of_nothing_add_nothing() -> None:
    one = Sums(3, 1.0, same_top=2)
    assert one.plus(Sums()) == one
