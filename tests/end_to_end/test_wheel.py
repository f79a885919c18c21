"""The wheel: what is in it, and that it works where there is no checkout."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop import __version__

ROOT = Path(__file__).resolve().parents[2]


def run(command: Sequence[str | Path], cwd: Path, **environment: str) -> str:
    """Standard output of ``command``, run away from the checkout; its standard error is shown when it fails."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    result = subprocess.run(
        command, cwd=cwd, env={**inherited, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def source_files(package: str) -> set[str]:
    """Files of ``package`` in the checkout, relative to it."""
    found = (path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout with the build tools that are installed."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    run(command, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment elsewhere: third-party packages linked, Heft itself installed from the wheel."""
    folder = tmp_path_factory.mktemp("elsewhere") / "environment"
    run([sys.executable, ROOT / "packaging" / "linked_environment.py", folder], cwd=folder.parent)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], cwd=folder.parent)
    return folder


def test_holds_all_of_the_program_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        metadata = f"heft_desktop-{__version__}.dist-info"
        entry_points = configparser.ConfigParser()
        entry_points.read_string(archive.read(f"{metadata}/entry_points.txt").decode())
    program = {name for name in names if not name.startswith(metadata)}
    assert program == source_files("desktop") | source_files("resources")
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert dict(entry_points["console_scripts"]) == {"heft": "desktop.cli:main"}


def test_the_engine_can_be_built_from_what_is_in_it(environment: Path, tmp_path: Path) -> None:
    """CMake is given a file that lies in the installed Heft, with the sources that it names beside it."""
    code = """
import shlex
from pathlib import Path
from desktop.engine.builder.recipe import Recipe
given = dict(option.split("=", 1) for option in shlex.split(Recipe("1").environment()["CMAKE_ARGS"]))
print(*Path(given["-DCMAKE_PROJECT_llama_cpp_INCLUDE"]).parent.iterdir(), sep=chr(10))
"""
    files = [Path(line) for line in run([environment / "bin" / "python", "-c", code], cwd=tmp_path).splitlines()]
    assert all(file.is_relative_to(environment) for file in files)
    native = (ROOT / "desktop" / "engine" / "server" / "native").iterdir()
    assert {file.name for file in files} == {file.name for file in native}


def test_is_imported_from_where_it_was_installed(environment: Path, tmp_path: Path) -> None:
    code = "import desktop, resources; print(desktop.__file__); print(resources.__file__)"
    for line in run([environment / "bin" / "python", "-c", code], cwd=tmp_path).splitlines():
        assert Path(line).is_relative_to(environment)


def test_resources_are_readable_when_installed(environment: Path, tmp_path: Path) -> None:
    code = """
import importlib.resources, json
def walk(folder, prefix):
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from walk(entry, prefix + entry.name + "/")
        else:
            yield prefix + entry.name, len(entry.read_bytes())
print(json.dumps(dict(walk(importlib.resources.files("resources"), "resources/"))))
"""
    sizes = json.loads(run([environment / "bin" / "python", "-c", code], cwd=tmp_path))
    assert sizes == {name: (ROOT / name).stat().st_size for name in source_files("resources")}


def test_the_command_knows_its_version(environment: Path, tmp_path: Path) -> None:
    assert run([environment / "bin" / "heft", "--version"], cwd=tmp_path) == f"heft {__version__}\n"


def test_the_command_describes_this_machine(environment: Path, tmp_path: Path) -> None:
    output = run([environment / "bin" / "heft", "machine", "--json"], cwd=tmp_path, HEFT_HOME=str(tmp_path))
    report = json.loads(output)
    assert report["cpu"]["logical_cores"] == os.cpu_count()
    assert report["memory"]["total_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert report["engine"]["architectures"], "the engine was not found from the installed wheel"
