"""Attention as Heft chooses it on a CPU beside llama.cpp's own choice (fused), behind a long conversation.

Seconds of the processor on one thread, so that other programs on the machine matter little.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from measure import Figure, median_ratio
from support.forge import LLAMA_1B, forge

TESTS = Path(__file__).resolve().parents[1]
DEPTH, QUESTION, CONTEXT = 2048, 17, 4096


class Seconds(msgspec.Struct):
    """To read ``DEPTH`` tokens, then ``QUESTION`` more, then to write one."""

    prompt: float
    question: float
    token: float


def measured(path: Path, choice: str) -> Seconds:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, str(path), choice]
    around = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS)))}
    done = subprocess.run(command, capture_output=True, check=True, env=around)
    return msgspec.json.decode(done.stdout, type=Seconds)


def beside_fused(name: str, path: Path, rounds: int) -> list[Figure]:
    """Both ways in turn."""
    pairs = [(measured(path, "auto"), measured(path, "on")) for _ in range(rounds)]
    figures = []
    for what, part, limit in (
        (f"write a token behind {DEPTH:,}", "token", 1.0),
        (f"read {QUESTION} tokens behind {DEPTH:,}", "question", 0.7),
        (f"read a prompt of {DEPTH:,}", "prompt", 1.35),
    ):
        sides = [(getattr(ours, part), getattr(theirs, part)) for ours, theirs in pairs]
        ratio = median_ratio(sides)
        ours, theirs = (statistics.median(column) for column in zip(*sides, strict=True))
        words = f"{ours * 1000:.0f} ms ÷ {theirs * 1000:.0f} ms"
        title = f"{what} tokens ÷ fused attention, {name}"
        figures.append(Figure(title, words, ratio, f"at most {limit}", ratio <= limit))
    return figures


def figures(starter: Path, vocab_dir: Path, quick: bool) -> list[Figure]:
    """All figures of this file."""
    with tempfile.TemporaryDirectory() as folder:
        forged = forge(Path(folder) / "forged-1b.gguf", LLAMA_1B, "Q4_K", vocab_dir / "ggml-vocab-llama-bpe.gguf")
        return [
            *beside_fused("starter model", starter, 2 if quick else 5),
            *beside_fused("forged 1B Q4_K", forged, 1 if quick else 3),
        ]


def _measure(path: str, choice: str) -> Seconds:
    import time

    from desktop.engine import llama
    from desktop.engine.llama import BATCH, AbortFlag, Model
    from desktop.engine.log import EngineLog
    from desktop.engine.protocol import Load

    callback = llama.start(EngineLog())
    load = Load(path, CONTEXT, flash_attention=choice)  # type: ignore[arg-type]
    model = Model(load, 0, 1, AbortFlag(), lambda fraction: True)

    def read(count: int) -> float:
        begun = time.thread_time()
        model.decode([100 + 7 * i % 400 for i in range(count)])
        return time.thread_time() - begun

    prompt = sum(read(BATCH) for _ in range(DEPTH // BATCH))
    found = Seconds(prompt, read(QUESTION), min(read(1) for _ in range(8)))
    model.close()
    del callback
    return found


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_measure(*sys.argv[1:])))
