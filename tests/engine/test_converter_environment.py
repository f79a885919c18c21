"""desktop/engine/converter: an environment by the real venv and pip, out of tiny wheels; the other Python's ways."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support.hub_server import HubServer
from support.stand_in_converter import put_converter, put_wheels, told

from desktop.core.cancelled import CancelledError, never
from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.engine.converter import environment
from desktop.engine.converter.cause import explain_converter, explain_packages
from desktop.engine.converter.environment import NO_INDEX, ConverterEnvironment
from desktop.engine.converter.process import ProcessFailed, run_python
from desktop.engine.converter.pythons import find_python
from desktop.engine.converter.sources import find_sources, read_sources
from desktop.store.paths import Paths

PYTHON = Path(sys.executable)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that pip finds."""
    folder = put_wheels(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(environment, "_FIRST_PIP", (22, 2))  # the one that comes with this Python will do here
    return folder


@pytest.fixture
def made(paths: Paths, wheels: Path) -> ConverterEnvironment:
    sources = read_sources(put_converter(paths, ready=False))
    return ConverterEnvironment(paths.data / "converter", sources, paths.logs / "converter.log", NO_INDEX)


def test_the_requirements_are_read_with_those_they_include_and_without_what_comes_along(paths: Paths) -> None:
    put_converter(paths, ready=False)
    found = find_sources(paths.cache)
    assert found is not None and found.index == "https://index.invalid/cpu"
    assert found.requirements == ("torch==2.0.1", "numpy~=2.0", "sentencepiece>=0.1", "transformers==4.0", "pyyaml")


def test_its_cost_is_said_before_and_it_is_made_of_just_that(made: ConverterEnvironment, wheels: Path) -> None:
    assert not made.ready
    cost = made.cost(never)
    assert {package.name for package in cost.packages} == {"torch", "numpy", "transformers", "sentencepiece", "pyyaml"}
    assert cost.download_bytes == sum(file.stat().st_size for file in wheels.glob("*.whl")) and cost.untold == 0
    assert cost.index == "" and not made.ready  # nothing was installed for that
    older = made.root.with_name("environment-of-an-older-converter")
    older.mkdir()
    steps: list[Progress] = []
    made.make(cost.packages, cost.index, steps.append, never)
    assert made.ready and made.python.is_file() and not older.exists()
    assert steps[0].done == 0 and steps[-1].done == steps[-1].total == cost.download_bytes
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    run_python(made.python, ["check", "torch", "yaml"], wheels / "log", cancelled=never)
    assert not list(made.root.rglob("*.whl")) and not list(made.root.parent.glob("making-*"))
    for wheel in wheels.glob("*.whl"):
        wheel.unlink()
    made.make(cost.packages, cost.index, steps.append, never)  # it is there: nothing is asked for again


def test_what_was_fetched_before_a_stop_is_not_fetched_again(made: ConverterEnvironment, wheels: Path) -> None:
    cost = made.cost(never)
    heard: list[str] = []
    with pytest.raises(CancelledError):
        made.make(
            cost.packages, "", lambda step: heard.append(step.note), lambda: f"{cost.packages[2].name}" in str(heard)
        )
    first = cost.packages[0]
    assert not made.ready
    for wheel in wheels.glob(f"{first.name}-*.whl"):
        wheel.unlink()  # so it cannot come again
    made.make(cost.packages, "", lambda step: None, never)
    assert made.ready
    made.discard()
    assert made.ready  # only what is half made goes


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch is for processors as it is")
def test_the_index_that_the_converter_names_is_asked_only_where_it_answers(paths: Paths, wheels: Path) -> None:
    sources = read_sources(put_converter(paths, ready=False))
    log = paths.logs / "converter.log"
    with HubServer([]) as server:  # pip is told to ask no index in these tests: only what it would be told counts
        there = replace(sources, index=server.endpoint)
        assert ConverterEnvironment(paths.data / "one", there, log).cost(never).index == server.endpoint
        assert ConverterEnvironment(paths.data / "two", there, log, NO_INDEX).cost(never).index == ""
    assert ConverterEnvironment(paths.data / "three", there, log).cost(never).index == ""


def test_an_index_that_lacks_something_is_told_in_words(made: ConverterEnvironment, wheels: Path) -> None:
    next(wheels.glob("torch-*")).unlink()
    with pytest.raises(ProcessFailed) as failed:
        made.cost(never)
    words = explain_packages(failed.value)
    assert words.kind == FailureKind.NO_PACKAGES and "torch" in words.message and "--torch-index" in words.hint


def test_a_packaged_heft_takes_the_systems_python_or_says_what_to_do(tmp_path: Path) -> None:
    assert find_python(frozen=False, which=lambda _: None) == PYTHON
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3 9\n")
    old.chmod(0o755)
    names = {"python3": str(old), "python3.11": str(PYTHON)}
    assert find_python(frozen=True, which=names.get) == PYTHON
    with pytest.raises(EngineError) as refused:
        find_python(frozen=True, which={"python3": str(old)}.get)
    assert refused.value.kind == FailureKind.NO_PYTHON and "Install Python 3.10" in refused.value.hint


def test_it_is_ended_when_it_is_to_stop(paths: Paths, tmp_path: Path) -> None:
    script = read_sources(put_converter(paths, ready=False)).script
    (tmp_path / "mood").write_text("no end")
    arguments = ["convert", str(script), str(tmp_path), "--outfile", str(tmp_path / "out")]
    begun = tmp_path / "out"
    with pytest.raises(CancelledError):
        run_python(PYTHON, arguments, tmp_path / "log", cancelled=begun.is_file)
    assert not psutil.pid_exists(int(str(told(tmp_path)["pid"])))


@pytest.mark.parametrize(
    ("printed", "code", "kind"),
    [
        ("ERROR:hf-to-gguf:Model NoveltyForCausalLM is not supported", 1, FailureKind.UNKNOWN_ARCHITECTURE),
        ("RuntimeError: HEFT-STRANGE-CODE: the model asks", 1, FailureKind.STRANGE_CODE),
        ("OSError: [Errno 28] No space left on device", 1, FailureKind.DISK_FULL),
        ("NotImplementedError: BPE pre-tokenizer was not recognized - update", 1, FailureKind.BAD_TOKENIZER),
        ("ModuleNotFoundError: No module named 'tiktoken'", 1, FailureKind.CONVERTER),
        ("", -9, FailureKind.OUT_OF_MEMORY),
        ("KeyError: 'hidden_size'", 1, FailureKind.CONVERTER),
    ],
)
def test_why_it_failed_is_told_in_words(printed: str, code: int, kind: FailureKind) -> None:
    words = explain_converter(ProcessFailed(code, f"INFO:hf-to-gguf:Loading model\n{printed}\n"), "Novelty-1B")
    assert words.kind == kind and words.hint and words.message
    if "hidden_size" in printed:
        assert words.message == "llama.cpp's converter could not convert Novelty-1B. It says: KeyError: 'hidden_size'"
