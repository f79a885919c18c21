"""packaging/run.sh, setup.sh and build_engine.py: the real scripts in a copy of their folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("constraints.txt", "pyproject.toml")
SCRIPTS = ("packaging/run.sh", "packaging/setup.sh", "packaging/build_engine.py", "packaging/gather_converter.py")
BUILDER = (
    "desktop/__init__.py",
    "desktop/engine/__init__.py",
    "desktop/engine/builder",
    "desktop/engine/server/native",
)
HEFT = """#!/usr/bin/env bash
printf '%s\\n' "heft" "$@"
"""
SECOND_START_SECONDS = 0.2  # processor time that the second start may spend before the program itself starts


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space, already set up; its ``heft`` prints the arguments it was given."""
    root = tmp_path / "a checkout"
    for name in REQUIREMENTS + SCRIPTS + BUILDER:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    programs = root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "heft").write_text(HEFT)
    (programs / "heft").chmod(0o755)
    shell(root, 'fingerprint >"$VENV/.heft-run"')
    return root


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without a display."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return {name: value for name, value in os.environ.items() if name not in hidden} | changes


def shell(root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with setup.sh sourced."""
    return subprocess.run(
        ["bash", "-c", f"source packaging/setup.sh\n{code}"],
        cwd=root, env=environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def start(root: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run run.sh from another folder."""
    return subprocess.run(
        ["bash", root / "packaging" / "run.sh", *arguments],
        cwd=root.parent, env=environment(**changes), capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("display", ["DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
def test_a_display_gets_the_window(checkout: Path, display: str) -> None:
    result = start(checkout, **{display: ":7"})
    assert (result.stdout, result.stderr) == ("heft\n", "")


@pytest.mark.parametrize(("arguments", "model"), [((), "starter"), (("my model.gguf",), "my model.gguf")])
def test_no_display_says_so_and_chats_in_the_terminal(checkout: Path, arguments: tuple[str, ...], model: str) -> None:
    result = start(checkout, *arguments)
    assert result.stdout == f"heft\nchat\n{model}\n"
    assert "no display" in result.stderr


def test_a_command_is_passed_on_as_it_is(checkout: Path) -> None:
    result = start(checkout, "machine", "--json", "two words")
    assert (result.stdout, result.stderr) == ("heft\nmachine\n--json\ntwo words\n", "")


def test_the_second_start_takes_no_set_up_time(checkout: Path) -> None:
    durations = []
    for _ in range(3):
        before = os.times()
        assert start(checkout, "machine").returncode == 0
        after = os.times()
        durations.append(sum(after[2:4]) - sum(before[2:4]))  # of children: what else runs beside takes none of it
    assert min(durations) < SECOND_START_SECONDS


BACKEND_ASKED_FOR = """
has_gpu() { %s; }
set_up_vulkan %s
"""


@pytest.fixture
def engine(checkout: Path) -> Path:
    """Where an engine's further backends lie; the environment's Python knows it, and a program that builds some."""
    package = checkout / "packages" / "llama_cpp"
    (package / "lib" / "further").mkdir(parents=True)
    (package / "__init__.py").touch()
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text(f"#!/bin/sh\nPYTHONPATH='{package.parent}' exec '{sys.executable}' \"$@\"\n")
    python.chmod(0o755)
    return package / "lib" / "further"


def builds(checkout: Path, code: str) -> None:
    (checkout / "packaging" / "build_engine.py").write_text(f"import sys\nfrom pathlib import Path\n{code}\n")


@pytest.mark.parametrize(("has_gpu", "mode"), [("true", "run"), ("false", "test"), ("true", "test")])
def test_the_backend_for_graphics_cards_is_put_beside_the_engine(
    checkout: Path, engine: Path, has_gpu: str, mode: str
) -> None:
    builds(checkout, "(Path(sys.argv[sys.argv.index('--into') + 1]) / 'built').touch()")
    done = shell(checkout, BACKEND_ASKED_FOR % (has_gpu, mode))
    assert done.returncode == 0 and (engine / "built").exists()
    assert done.stderr == "Setting up the backend for graphics cards (Vulkan; a few minutes the first time)\n"


def test_a_computer_without_a_graphics_card_gets_no_backend_and_no_words(checkout: Path, engine: Path) -> None:
    builds(checkout, "raise SystemExit('asked')")
    done = shell(checkout, BACKEND_ASKED_FOR % ("false", "run"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not engine.exists()  # one of an earlier engine does not stay


def test_a_backend_that_cannot_be_built_is_a_sentence_and_is_tried_again_a_day_later(
    checkout: Path, engine: Path
) -> None:
    builds(checkout, "raise SystemExit('Fetching failed. The whole log: x')")
    done = shell(checkout, BACKEND_ASKED_FOR % ("true", "run"))
    assert done.returncode == 0 and not engine.exists()
    assert "models run on the processor" in done.stderr.splitlines()[-1]
    shell(checkout, 'fingerprint >"$VENV/.heft-run"')
    assert shell(checkout, "is_set_up run").returncode == 0
    mark = checkout / ".venv" / ".heft-no-vulkan"
    os.utime(mark, (time.time() - 90_000, time.time() - 90_000))
    assert shell(checkout, "is_set_up run").returncode == 1


NATIVE = "desktop/engine/server/native/control.cpp"


@pytest.mark.parametrize("name", [*REQUIREMENTS, NATIVE, "desktop/engine/builder/recipe.py"])
def test_a_changed_requirement_calls_for_the_set_up_again(checkout: Path, name: str) -> None:
    assert shell(checkout, "is_set_up run").returncode == 0
    with (checkout / name).open("a", encoding="utf-8") as file:
        file.write("\n# changed\n")
    assert shell(checkout, "is_set_up run").returncode == 1


def test_the_set_up_to_run_is_not_the_one_to_test(checkout: Path) -> None:
    assert shell(checkout, "is_set_up test").returncode == 1


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="asks dpkg")
def test_only_missing_packages_are_named() -> None:
    wanted = "coreutils heft-nonesuch 'heft-nonesuch-b|coreutils' 'heft-nonesuch-c|heft-nonesuch-d'"
    result = shell(ROOT, f"missing_packages {wanted}")
    assert result.stdout.split() == ["heft-nonesuch", "heft-nonesuch-c"]


def test_the_engine_is_looked_for_before_anything_is_installed(checkout: Path, tmp_path: Path) -> None:
    """With no package but the standard library, and none of the checkout's environment."""
    command = [sys.executable, "-I", "-S", str(checkout / "packaging" / "build_engine.py"), "--cached"]
    done = subprocess.run(command, env=environment(XDG_CACHE_HOME=str(tmp_path)), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


def build(tmp_path: Path, compiler: str) -> subprocess.CompletedProcess[str]:
    """``run_logged`` of build_engine.py on a Python program that stands for pip and ninja."""
    code = """
import os, sys
from pathlib import Path
import build_engine
build_engine.run_logged([sys.executable, "-c", sys.argv[1]], dict(os.environ), Path(sys.argv[2]), "Compiling")
"""
    return subprocess.run(
        [sys.executable, "-c", code, compiler, tmp_path / "build.log"],
        env=environment(PYTHONPATH=str(ROOT / "packaging")), capture_output=True, text=True,
    )  # fmt: skip


def test_progress_is_a_line_for_every_tenth_and_the_log_keeps_all(tmp_path: Path) -> None:
    result = build(tmp_path, "for step in range(1, 145): print(f'  [{step}/144] g++ file{step}.cpp')")
    lines = result.stderr.splitlines()
    assert result.returncode == 0
    assert [line.split(",")[0] for line in (lines[0], lines[-1])] == ["Compiling: 1 of 144", "Compiling: 144 of 144"]
    assert len(lines) == 11
    assert "file144.cpp" in (tmp_path / "build.log").read_text()


def test_a_failed_build_shows_the_end_of_its_log(tmp_path: Path) -> None:
    compiler = "for step in range(99): print(f'line {step}.')\nprint('fatal error: nonesuch.h'); raise SystemExit(2)"
    result = build(tmp_path, compiler)
    assert result.returncode == 1
    assert "fatal error: nonesuch.h" in result.stderr
    assert str(tmp_path / "build.log") in result.stderr
    assert "line 10." not in result.stderr
