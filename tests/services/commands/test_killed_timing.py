"""Speed tests, tuning and the choice of a mix that were killed half-way: they go on where they were, to the same end.

Each command is held at a certain request to its helper, so that it is half-way when it is killed; see
``support.held_command``. Other jobs of the Lab are in ``test_killed_jobs.py``.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.forge import TINY, forge
from support.program import poll

from desktop.cli import main
from desktop.engine.helper_process import Tool
from desktop.engine.tools.bencher import Time
from desktop.engine.tools.sensitivity import Errors, Probe
from desktop.services.container import Container
from desktop.services.job_kinds import Job
from desktop.services.job_work import Work
from desktop.services.jobs_left import any_left, take_up
from desktop.services.lab import benching, part_losses, tune_trials, tuning
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
Answer = Callable[..., Any]
TESTS = Path(__file__).resolve().parents[2]
ALWAYS = {f"{module.__name__}:_KEEP_SECONDS": -1.0 for module in (benching, part_losses, tune_trials)}


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def tiny(tmp_path: Path, vocab_dir: Path) -> Path:
    return forge(tmp_path / "tiny-F16.gguf", TINY, "F16", vocab_dir / "ggml-vocab-gpt-2.gguf")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[type]:
    """How often this process asked a helper each kind of request."""
    counted: Counter[type] = Counter()
    call = Tool.call

    def counting(tool: Tool[Any], request: Any, **how: Any) -> Any:
        counted[type(request)] += 1
        return call(tool, request, **how)

    monkeypatch.setattr(Tool, "call", counting)
    return counted


def killed(
    command: tuple[str, ...], kind: type, number: int, reached: Callable[[], Any], constants: Mapping[str, float] = {}
) -> Any:
    """A command that is killed when it has ``reached`` something and waits at a request; what it had reached."""
    helper = kind.__module__.rpartition(".")[2]
    values = json.dumps({**ALWAYS, **constants})
    words = [sys.executable, "-m", "support.held_command", helper, kind.__name__, str(number), values]
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [*words, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    try:

        def half_way() -> Any:
            assert process.poll() is None, "it ended before it was killed"
            return reached()

        return poll(half_way, 120, "the work to be half done")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)


def kept(paths: Paths, name: str) -> Mapping[str, Any]:
    """What a job of this kind has written down so far."""
    for file in (paths.data / "lab").glob(f"{name}-*.msgpack"):
        found: Mapping[str, Any] = msgspec.msgpack.decode(file.read_bytes())
        return found
    return {}


def test_a_matrix_keeps_what_was_timed(
    answer: Answer, tiny: Path, tmp_path: Path, paths: Paths, asked: Counter[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benching, "_WAITED", 1e9)  # a busy computer is no reason to time anything again
    out = tmp_path / "speeds.json"
    lists = ("--prompts", "32", "--generates", "8", "--depths", "0,64", "--repeat", "3")
    command = ("bench", str(tiny), "--matrix", *lists, "--export", str(out))

    def reached() -> list[list[int]]:
        samples: list[list[int]] = kept(paths, "bench").get("samples", [])
        return samples if sum(map(len, samples)) == 6 else []

    before = killed(command, Time, 6, reached, {f"{benching.__name__}:_WAITED": 1e9})
    assert not out.exists()
    assert sorted(map(len, before)) == [1, 1, 2, 2]  # one whole round, and half of the second
    rows = answer(*command)["rows"]
    assert [row["samples_ns"][: len(one)] for row, one in zip(rows, before, strict=True)] == before
    assert [len(row["samples_ns"]) for row in rows] == [3] * 4 and asked[Time] == 6
    assert len(json.loads(out.read_text())) == 4 and not kept(paths, "bench")


def test_a_matrix_of_a_window_that_was_killed_is_there_after_its_next_start(
    tiny: Path, paths: Paths, asked: Counter[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for what a job finds that goes on at a start: it is kept for who looks."""
    monkeypatch.setattr(benching, "_WAITED", 1e9)
    order = benching.BenchOrder(str(tiny), benching.matrix(prompts=(32,), generates=(8,)), 3)
    command = ("bench", str(tiny), "--matrix", "--prompts", "32", "--generates", "8", "--repeat", "3")

    def reached() -> list[list[int]]:
        samples: list[list[int]] = kept(paths, "bench").get("samples", [])
        return samples if sum(map(len, samples)) == 3 else []

    before = killed(command, Time, 3, reached, {f"{benching.__name__}:_WAITED": 1e9})
    with Container(paths) as first:
        kind = first.benching._kind
        assert first.benching.last(str(tiny)) is None
        kind.save(Work(order), Job(kind.id_of(order), kind.name, "Speed of tiny", "running"))
    with Container(paths) as later:
        take_up(later)
        (job,) = later.jobs.jobs()
        assert later.jobs.wait(job.id, 120).phase == "done" and asked[Time] == 3
        found = later.benching.last(str(tiny))
    assert found is not None and not any_left(paths)
    assert [list(cell.row.samples_ns)[: len(one)] for cell, one in zip(found.cells, before, strict=True)] == before


def test_tuning_keeps_what_was_tried(
    answer: Answer, tiny: Path, paths: Paths, asked: Counter[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {"PROMPT": 32, "LONG_PROMPT": 48, "GENERATE": 8, "DEPTH": 32, "SPOKEN": 4}
    for name, value in short.items():
        monkeypatch.setattr(tune_trials, name, value)
    monkeypatch.setattr(tuning, "_SETTLED", 1e9)

    def reached() -> dict[str, list[list[int]]]:
        rounds: dict[str, list[list[int]]] = kept(paths, "tune").get("rounds", {})
        return rounds if sum(map(len, rounds.values())) == 4 else {}

    constants: dict[str, float] = {f"{tune_trials.__name__}:{name}": value for name, value in short.items()}
    constants[f"{tuning.__name__}:_SETTLED"] = 1e9
    before = killed(("tune", str(tiny)), Time, 8, reached, constants)
    (own,) = [rounds for rounds in before.values() if len(rounds) == 3]  # Heft's own choice, and one more time
    assert not any(answer("settings", str(tiny))["settings"].values())
    found = answer("tune", str(tiny))
    first, *others = found["tried"]
    assert first["step"] == "as Heft would"
    assert first["prompt_tokens_per_second"] == 32e9 / statistics.median(reading for reading, _ in own)
    assert first["tokens_per_second"] == 8e9 / statistics.median(writing for _, writing in own)
    timed = [one for one in found["tried"] if one["tokens_per_second"] and one["step"] != "speculation"]
    assert len(others) >= 3 and asked[Time] == 2 * (3 * len(timed) - 4) and not kept(paths, "tune")
    now = answer("settings", str(tiny))["settings"]
    assert {key: now[key] for key in found["remembered"]} == found["remembered"]


def test_a_mix_for_a_size_keeps_what_its_parts_lose(
    answer: Answer, tiny: Path, tmp_path: Path, paths: Paths, asked: Counter[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while errors of tensors are computed, and again while the model is measured with parts quantized."""
    made, other = tmp_path / "made.gguf", tmp_path / "other.gguf"
    command = ("quantize", str(tiny), "--target-size", "9 MB", "--text", "code", "--chunks", "1")

    def reached(part: str, number: int) -> dict[str, Any]:
        found: dict[str, Any] = kept(paths, "sensitivity").get(part, {})
        return found if len(found) == number else {}

    errors = killed((*command, "--to", str(made)), Errors, 5, lambda: reached("errors", 5))
    losses = killed((*command, "--to", str(made)), Probe, 3, lambda: reached("divergences", 3))
    assert not made.exists() and not list(tmp_path.glob(".heft-*")) and not list(paths.models.glob("*"))
    measured = kept(paths, "sensitivity")["errors"]
    assert {name: measured[name] for name in errors} == errors
    found = answer(*command, "--to", str(made))
    parts = {one["group"]: one for one in found["mix"]["groups"]}
    assert asked[Probe] == len(parts) - 3 and not asked[Errors]
    assert [parts[group]["kld"] for group in losses] == [kld for kld, _, _ in losses.values()]
    monkeypatch.setenv("HEFT_HOME", str(tmp_path / "another"))
    whole = answer(*command, "--to", str(other))
    assert asked[Errors] == len(measured)
    for one in whole["mix"]["groups"]:
        assert parts[one["group"]]["kld"] == pytest.approx(one["kld"], rel=1e-3)
    assert found["types"] == whole["types"] and made.stat().st_size == other.stat().st_size
