"""Models whose past cannot be rolled back, of sliding windows or recurrent states: the server keeps some of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.engine import GREEDY, DrivenEngine
from support.forge_mtp import forge_mtp
from support.forge_windowed import forge_windowed

from desktop.core.gguf import BytesSource, read_header
from desktop.core.memory import checkpoint_bytes, shape_of
from desktop.core.memory.cache import CHECKPOINTS

pytestmark = pytest.mark.engine
QUESTION = "The tide comes in and the tide goes out. " * 100
_MIB = 1024 * 1024
_RESOLUTION = 0.001 * _MIB  # of the log's figure
_HEAD = 4096  # bytes of a kept state that say which cells it holds


@pytest.mark.parametrize("forged", [forge_windowed, forge_mtp])
def test_a_second_turn_reads_only_what_is_new_and_the_plan_knows_what_is_kept(
    engine: DrivenEngine, vocab_dir: Path, tmp_path: Path, forged: Callable[[Path, Path], Path]
) -> None:
    model = forged(tmp_path / "model.gguf", vocab_dir / "ggml-vocab-gpt-2.gguf")
    engine.load(model, 4096)
    answer, first = engine.ask(QUESTION, sampling=GREEDY, max_tokens=8)
    _, second = engine.ask(QUESTION, answer, "Why is that so?", number=2, sampling=GREEDY, max_tokens=8)
    assert first.statistics.prompt_tokens > 800  # beyond the window and a batch
    assert second.statistics.reused_tokens >= first.statistics.prompt_tokens - 8
    log = (tmp_path / "logs" / "engine.log").read_text(encoding="utf-8")
    kept = [float(size) * _MIB for size in re.findall(r"created context checkpoint.*size = ([\d.]+) MiB", log)]
    assert f"context checkpoint 2 of {CHECKPOINTS}" in log
    shape = shape_of(read_header(BytesSource(model.read_bytes())))
    assert shape is not None
    assert max(kept) == pytest.approx(checkpoint_bytes(shape, 4096) / CHECKPOINTS, abs=_RESOLUTION + _HEAD)
