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
from support.engine import GREEDY, DrivenEngine, driven_engine
from support.forge import LLAMA_1B, forge
from support.forge_mtp import forge_mtp
from support.forge_windowed import forge_windowed

from desktop.engine.api import Cancel, ChatMessage, Finished, Generate, PromptProgress, Text
from desktop.engine.endpoint.http import Address, ConnectionLostError, Endpoint, EndpointError
from desktop.engine.server.program import server_program

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


QUESTION = "The tide comes in and the tide goes out. " * 190
FOLLOWS = ChatMessage("user", "Why is that so?")


def _first_token(engine: DrivenEngine, number: int, turns: tuple[ChatMessage, ...]) -> Finished:
    _, finished = engine.generate(Generate(number, turns, sampling=GREEDY, max_tokens=4))
    return finished


def second_turn(name: str, model: Path, rounds: int, below: float) -> Figure:
    """Time to first token of a second turn against a cold prompt of the same length, about 2,000 tokens."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder, driven_engine(Path(folder)) as engine:
        for number in range(rounds):
            engine.load(model, CONTEXT)
            opening = (ChatMessage("user", f"{number} {QUESTION}"),)
            text, _ = engine.generate(Generate(1, opening, sampling=GREEDY, max_tokens=16))
            turns = (*opening, ChatMessage("assistant", text), FOLLOWS)
            warm = _first_token(engine, 2, turns)
            engine.load(model, CONTEXT)
            cold = _first_token(engine, 3, turns)
            pairs.append((warm.statistics.seconds_to_first_token, cold.statistics.seconds_to_first_token))
            prompt = cold.statistics.prompt_tokens
    return _beside(f"second turn's time to first token ÷ cold prompt of {prompt:,} tokens, {name}", pairs, below)


def edited(model: Path, rounds: int) -> Figure:
    """The same after an edit in the middle: what stands before it is not read again."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder, driven_engine(Path(folder)) as engine:
        for number in range(rounds):
            engine.load(model, CONTEXT)
            opening = ChatMessage("user", f"{number} {QUESTION}")
            answer = ChatMessage("assistant", "It is the moon.")
            _first_token(engine, 1, (opening, answer, ChatMessage("user", "Why " + "is that " * 100 + "so?")))
            turns = (opening, answer, ChatMessage("user", "How " + "can that " * 100 + "be?"))
            warm = _first_token(engine, 2, turns)
            engine.load(model, CONTEXT)
            cold = _first_token(engine, 3, turns)
            read = warm.statistics.prompt_tokens - warm.statistics.reused_tokens
            part = read / warm.statistics.prompt_tokens
            pairs.append(
                (warm.statistics.seconds_to_first_token, cold.statistics.seconds_to_first_token * max(part, 0.01))
            )
    name = f"first token after an edit of the last {read:,} of {warm.statistics.prompt_tokens:,} tokens ÷ their part"
    return _beside(name, pairs, 2.0)


def _beside(name: str, pairs: list[tuple[float, float]], below: float) -> Figure:
    ratio = median_ratio(pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(name, f"{ours * 1000:.0f} ms ÷ {theirs * 1000:.0f} ms", ratio, f"below {below}", ratio < below)


def ready(model: Path, rounds: int) -> Figure:
    """From asking for a load to a model that answers, beside the server's start without Heft."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder, driven_engine(Path(folder)) as engine:
        engine.hello()
        for _ in range(rounds):
            begun = time.monotonic()
            engine.load(model, CONTEXT)
            pairs.append((time.monotonic() - begun, _bare_start(model, Path(folder))))
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        "start to ready, starter model",
        f"{ours:.2f} s ÷ {theirs:.2f} s of llama-server",
        ours,
        "below 0.5 s",
        ours < 0.5,
    )


def _bare_start(model: Path, folder: Path) -> float:
    socket = folder / "bare.sock"
    command = [server_program(), "--model", model, "--ctx-size", str(CONTEXT), "--parallel", "1", "--host", socket]
    begun = time.monotonic()
    with subprocess.Popen(
        [*map(str, command), "--no-warmup", "--offline"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while True:
            try:
                Endpoint(Address(socket)).get("/health", deadline_seconds=1)
                break
            except (ConnectionLostError, EndpointError, TimeoutError):
                time.sleep(0.005)
        taken = time.monotonic() - begun
        process.kill()
    socket.unlink(missing_ok=True)
    return taken


def cancel(name: str, model: Path, rounds: int) -> Figure:
    """From asking for a cancel to an engine that has begun the next answer, while it reads a long prompt or writes."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder, driven_engine(Path(folder)) as engine:
        engine.load(model, 8192)
        _, alone = engine.generate(Generate(0, prompt="Once", sampling=GREEDY, max_tokens=1))
        for number in range(1, rounds + 1):
            generating = number % 2 == 0
            prompt = "Once" if generating else f"{number} The tide comes in and goes out. " * 700
            engine.send(Generate(2 * number, prompt=prompt, sampling=GREEDY, max_tokens=2000))
            # a step of the prompt is under way, or tokens flow
            engine.wait(Text if generating else PromptProgress)
            engine.wait(Text if generating else PromptProgress)
            asked = time.monotonic()
            engine.send(Cancel())
            engine.wait(Finished)
            engine.generate(Generate(2 * number + 1, prompt="Twice", sampling=GREEDY, max_tokens=1))
            seconds.append(time.monotonic() - asked - alone.statistics.seconds_to_first_token)
    worst = max(seconds)
    return Figure(
        f"stop to the next answer's begin, worst of {rounds}, {name}",
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
        words = vocab_dir / "ggml-vocab-gpt-2.gguf"
        windowed = forge_windowed(Path(folder) / "windowed.gguf", words)
        recurrent = forge_mtp(Path(folder) / "recurrent.gguf", words)
        return [
            run_against_bare("starter model", starter, 256, rounds, 0.97),
            run_against_bare("forged 1B Q4_K", forged, 48, rounds, 0.99),
            second_turn("starter model", starter, 2 if quick else 5, 0.03),
            second_turn("forged with a sliding window", windowed, 2 if quick else 5, 0.2),
            second_turn("forged with recurrent states", recurrent, 2 if quick else 5, 0.2),
            edited(starter, 2 if quick else 5),
            ready(starter, 3 if quick else 9),
            cancel("starter model", starter, 6 if quick else 12),
            cancel("forged 1B Q4_K", forged, 4 if quick else 8),
        ]
