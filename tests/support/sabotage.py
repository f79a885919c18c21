"""Real programs and libraries that the system's loader refuses, compiled on the spot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ABSENT = "libabsent.so.7"  # the name of a library that is on no computer


def compile_c(target: Path, source: str = "", *options: str) -> Path:
    """``target`` from C: a library, unless ``source`` has a main(). Skips the test where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a library with")
    target.parent.mkdir(parents=True, exist_ok=True)
    kind = () if "main(" in source else ("-shared", "-fPIC")
    command = [compiler, *kind, "-x", "c", "-", "-x", "none", "-o", str(target), *options]
    subprocess.run(command, input=source or "int nothing;", text=True, check=True)
    return target


def needs_what_is_absent(target: Path, source: str = "", name: str = ABSENT) -> Path:
    """A library or program that asks for one of a ``name`` that nothing has."""
    absent = compile_c(target.parent / "absent" / name, "", f"-Wl,-soname,{name}")
    compile_c(target, source, "-Wl,--no-as-needed", str(absent))
    shutil.rmtree(absent.parent)
    return target
