"""A pip that builds the engine in no time: what it is asked for, what it prints, and how it can fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.engine.builder import compiling
from desktop.engine.server import program

STEPS = 12
# Run as pip would be: "download ... --dest FOLDER NAME==VERSION" and "wheel ... --wheel-dir FOLDER SDIST". It writes
# down what it was asked, and fails or never ends where the file "mood" beside it says so.
_PIP = f"""
import os, signal, sys, zipfile
from pathlib import Path

here = Path(__file__).parent
mood = (here / "mood").read_text()
arguments = sys.argv[1:]
with (here / "asked").open("a") as asked:
    print(*arguments, sep="\\t", file=asked)
if arguments[0] == "download":
    if mood == "no network":
        sys.exit("ERROR: Could not find a version that satisfies the requirement")
    Path(arguments[arguments.index("--dest") + 1], "llama_cpp_python-0.tar.gz").write_bytes(b"sources")
    sys.exit()
assert "engine.cmake" in os.environ["CMAKE_ARGS"] and "LLAMA_BUILD_SERVER=ON" in os.environ["CMAKE_ARGS"]
print("  Configuring")
for step in range(1, {STEPS} + 1):
    print(f"  [{{step}}/{STEPS}] g++ file{{step}}.cpp", flush=True)
    if step == 3 and mood == "no end":
        signal.pause()
    if step == 3 and mood == "bad compiler":
        print("fatal error: nonesuch.h", flush=True)
        sys.exit(1)
wheel = Path(arguments[arguments.index("--wheel-dir") + 1], "llama_cpp_python-0-py3-none-any.whl")
wheel.parent.mkdir()
engine = (here / "engine").read_text()
with zipfile.ZipFile(wheel, "w") as archive:
    if engine:
        for file in Path(engine).iterdir():
            archive.write(file, f"llama_cpp/lib/{{file.name}}")
        sys.exit()
    for name in ("libllama.so", "libllama.so.0", "libllama.so.0.5.0"):
        archive.writestr(f"llama_cpp/lib/{{name}}", "a library")
    archive.writestr("llama_cpp/llama.py", "")
    archive.writestr("include/llama.h", "")
    server = zipfile.ZipInfo("llama_cpp/lib/{program.NAME}")
    server.external_attr = 0o100755 << 16
    archive.writestr(server, "#!/bin/sh\\necho the server\\n")
"""


class FakePip:
    """Stands in for pip until the test ends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "pip.py").write_text(_PIP)
        (folder / "asked").touch()
        (folder / "engine").touch()
        self.mood()
        monkeypatch.setattr(compiling, "PIP", (sys.executable, str(folder / "pip.py")))

    def mood(self, mood: str = "") -> None:
        """ "no network", "bad compiler", "no end", or "" for all is well."""
        (self._folder / "mood").write_text(mood)

    def give(self, engine: Path) -> None:
        """What it "builds" is this folder, a real engine, in the place of a few words."""
        (self._folder / "engine").write_text(str(engine))

    @property
    def asked(self) -> list[list[str]]:
        """The arguments of each call so far."""
        return [line.split("\t") for line in (self._folder / "asked").read_text().splitlines()]


def without_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if llama-cpp-python had been installed by plain pip."""
    package = folder / "llama_cpp"
    package.mkdir(exist_ok=True)
    monkeypatch.setattr(program, "engine_package", lambda: package)
