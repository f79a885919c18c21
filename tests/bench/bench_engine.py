"""Tokens per second of ``heft run`` beside a bare low-level loop; the second turn beside a cold prompt; cancel."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Figure, median_ratio
from support.engine import GREEDY, driven_engine
from support.forge import LLAMA_1B, forge

from desktop.engine.api import Cancel, ChatMessage, Finished, Generate, PromptProgress, Text

HERE = Path(__file__).parent
PROMPT = "Once upon a time, in a land far away, there lived"
CONTEXT = 4096


def _json(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def bare(model: Path, tokens: int) -> float:
    """Tokens per second of the bare loop, in a fresh process."""
    script = str(HERE / "bare_loop.py")
    return _json([sys.executable, script, str(model), str(CONTEXT), str(tokens), PROMPT])["tokens_per_second"]


def heft_run(model: Path, tokens: int) -> float:
    """Tokens per second that ``heft run --json`` reports, same settings."""
    command = [sys.executable, "-m", "desktop", "run", str(model), "--json", "--raw", "--prompt", PROMPT]
    options = ["--max-tokens", str(tokens), "--context", str(CONTEXT), "--temperature", "0.7", "--seed", "1"]
    return _json(command + options)["tokens_per_second"]


def run_against_bare(name: str, model: Path, tokens: int, rounds: int, at_least: float) -> Figure:
    """Alternate both, so that a noisy neighbour hits both."""
    pairs = [(heft_run(model, tokens), bare(model, tokens)) for _ in range(rounds)]
    ratio = median_ratio(pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        f"tok/s of heft run ÷ bare llama.cpp loop, {name}",
        f"{ours:.1f} ÷ {theirs:.1f}",
        ratio,
        f"at least {at_least}",
        ratio >= at_least,
    )


def second_turn(model: Path, rounds: int) -> Figure:
    """Time to first token of a second turn against a cold prompt of the same length, about 2,000 tokens."""
    question = "The tide comes in and the tide goes out. " * 190
    pairs = []
    with tempfile.TemporaryDirectory() as folder, driven_engine(Path(folder)) as engine:
        for number in range(rounds):
            engine.load(model, CONTEXT)
            opening = (ChatMessage("user", f"{number} {question}"),)
            text, _ = engine.generate(Generate(1, opening, sampling=GREEDY, max_tokens=16))
            turns = (*opening, ChatMessage("assistant", text), ChatMessage("user", "Why is that so?"))
            _, warm = engine.generate(Generate(2, turns, sampling=GREEDY, max_tokens=4))
            engine.load(model, CONTEXT)
            _, cold = engine.generate(Generate(3, turns, sampling=GREEDY, max_tokens=4))
            pairs.append((warm.statistics.seconds_to_first_token, cold.statistics.seconds_to_first_token))
            prompt = cold.statistics.prompt_tokens
    ratio = median_ratio(pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        f"second turn's time to first token ÷ cold prompt of {prompt:,} tokens",
        f"{ours * 1000:.0f} ms ÷ {theirs * 1000:.0f} ms",
        ratio,
        "below 0.1",
        ratio < 0.1,
    )


def cancel(name: str, model: Path, rounds: int) -> Figure:
    """From asking for a cancel to the end of the answer, while reading a long prompt and while generating."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder, driven_engine(Path(folder)) as engine:
        engine.load(model, 8192)
        for number in range(rounds):
            generating = number % 2 == 0
            prompt = "Once" if generating else f"{number} The tide comes in and goes out. " * 700
            engine.send(Generate(number, prompt=prompt, sampling=GREEDY, max_tokens=2000))
            # a step of the prompt is under way, or tokens flow
            engine.wait(Text if generating else PromptProgress)
            engine.wait(Text if generating else PromptProgress)
            asked = time.monotonic()
            engine.send(Cancel())
            engine.wait(Finished)
            seconds.append(time.monotonic() - asked)
    worst = max(seconds)
    return Figure(
        f"cancel, worst of {rounds}, {name}",
        f"median {statistics.median(seconds) * 1000:.0f} ms",
        worst,
        "below 0.1 s",
        worst < 0.1,
    )


def figures(starter: Path, vocab_dir: Path, quick: bool) -> list[Figure]:
    """All figures of this file; ``quick`` for a look, not for quoting."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    rounds = 3 if quick else 7
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEFT_HOME"] = folder
        forged = forge(Path(folder) / "forged-1b.gguf", LLAMA_1B, "Q4_K", vocab_dir / "ggml-vocab-llama-bpe.gguf")
        return [
            run_against_bare("starter model", starter, 256, rounds, 0.97),
            run_against_bare("forged 1B Q4_K", forged, 48, rounds, 0.99),
            second_turn(starter, 2 if quick else 5),
            cancel("starter model", starter, 6 if quick else 12),
            cancel("forged 1B Q4_K", forged, 4 if quick else 8),
        ]
