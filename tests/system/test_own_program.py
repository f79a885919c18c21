"""The command that works where this Heft runs: by name only where every shell finds it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from desktop.system.own_program import heft_command


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A heft beside the interpreter of an environment, in a folder whose name has a space."""
    folder = tmp_path / "a checkout" / "bin"
    folder.mkdir(parents=True)
    found = folder / ("heft.exe" if sys.platform == "win32" else "heft")
    found.write_text("#!/bin/sh\necho the-key\n")
    found.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setattr(sys, "prefix", str(folder.parent))
    return found


def test_a_checkouts_program_is_named_by_its_path_also_where_it_is_activated(program: Path) -> None:
    for path in ("", str(program.parent)):
        assert shlex.split(heft_command({"PATH": path})) == [str(program)]


@pytest.mark.skipif(sys.platform == "win32", reason="a link in the user's own folder of programs")
def test_one_that_every_shell_finds_is_named_by_its_name(program: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "heft").symlink_to(program)
    assert heft_command({"PATH": str(programs)}) == "heft"
    (programs / "heft").unlink()
    (programs / "heft").write_text("#!/bin/sh\n")  # another program of that name
    (programs / "heft").chmod(0o755)
    assert shlex.split(heft_command({"PATH": str(programs)})) == [str(program)]


def test_an_image_is_named_by_its_file_and_a_bare_package_by_its_interpreter(program: Path) -> None:
    assert heft_command({"APPIMAGE": "/home/me/Heft.AppImage"}) == "/home/me/Heft.AppImage"
    program.unlink()
    assert shlex.split(heft_command({"PATH": ""})) == [sys.executable, "-P", "-m", "desktop"]
