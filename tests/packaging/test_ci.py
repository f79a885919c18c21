""".ci/run around stand-ins for packaging/test.sh and the engine's cache: when packages are proved, and what counts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEST = """#!/usr/bin/env bash
case ${1:-} in
    --artefacts) %s ;;
    --coverage) %s ;;
    *) echo "7 passed in 1s"; %s ;;
esac
"""
MEASURED = "The coverage of no floor fell."


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of .ci/run alone, whose engine is in the cache."""
    for folder in (".ci", "packaging"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "packaging" / "build_engine.py").write_text("")
    return tmp_path


def ci(
    checkout: Path, *, tests: str = "true", packages: str = "true", coverage: str = "true", seconds: int = 4800
) -> tuple[int, list[str]]:
    """Exit code and output where the runs of packaging/test.sh end with these words of the shell."""
    (checkout / "packaging" / "test.sh").write_text(TEST % (packages, coverage, tests))
    environment = {**os.environ, "HEFT_CI_SECONDS": str(seconds)}
    done = subprocess.run(
        ["bash", ".ci/run"], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout.splitlines()


def test_packages_are_proved_after_the_tests_and_then_the_coverage_measured(checkout: Path) -> None:
    assert ci(checkout, packages="echo proving", coverage="echo tracing") == (
        0, ["7 passed in 1s", "proving", "The packages are built and proved.", "tracing", MEASURED],
    )  # fmt: skip


def test_failed_tests_end_the_run_before_any_package(checkout: Path) -> None:
    assert ci(checkout, tests="exit 3", packages="echo proving") == (3, ["7 passed in 1s"])


def test_tests_that_hang_are_stopped_and_fail_the_run(checkout: Path) -> None:
    code, output = ci(checkout, tests="exec sleep 50", packages="echo proving", seconds=1)
    assert code == 124
    assert output == ["7 passed in 1s", "The tests were stopped after 0 minutes."]


def test_a_package_that_fails_its_proof_fails_the_run(checkout: Path) -> None:
    code, output = ci(checkout, packages="echo 'heft.deb: FAILED: no window'; exit 1")
    assert code == 1
    assert output[1:] == [
        "heft.deb: FAILED: no window",
        "The packages failed: packaging/test.sh --artefacts ended with 1.",
    ]


def test_no_time_for_packages_is_said_and_fails_nothing(checkout: Path) -> None:
    code, output = ci(checkout, packages="echo proving", seconds=1499)
    assert code == 0
    assert output[1] == "The packages are not proved, no time: 24 minutes are left of 24, and it takes about 25."
    assert output[2:] == [MEASURED]
    code, output = ci(checkout, packages="echo proving", coverage="echo tracing", seconds=899)
    assert code == 0
    assert output[2:] == ["The coverage is not measured, no time: 14 minutes are left of 14, and it takes about 15."]


def test_a_floor_that_fell_fails_the_run(checkout: Path) -> None:
    code, output = ci(checkout, coverage="echo 'core: 3%'; exit 1")
    assert code == 1
    assert output[-2:] == ["core: 3%", "The coverage failed: packaging/test.sh --coverage ended with 1."]


def test_an_engine_that_is_not_compiled_yet_needs_more_time(checkout: Path) -> None:
    (checkout / "packaging" / "build_engine.py").write_text("raise SystemExit(3)")
    code, output = ci(checkout, packages="echo proving", seconds=2399)
    assert code == 0
    assert output[1].startswith("The packages are not proved, no time")


def test_a_proof_that_takes_too_long_is_stopped_and_fails_nothing(checkout: Path) -> None:
    run = checkout / ".ci" / "run"
    run.write_text(run.read_text().replace("PROOF_SECONDS=1500", "PROOF_SECONDS=0"))
    code, output = ci(checkout, packages="exec sleep 50", seconds=5)
    assert code == 0
    assert output[1] == "The packages are not proved, no time: it was stopped after 0 minutes."
    assert output[2].startswith("The coverage is not measured, no time")
