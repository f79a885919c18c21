"""A Debian with its archive, and the programs that compile: what they are asked, in the order they are asked it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from desktop.engine.builder import debian_tools

# Each is one program of this text under its own name. The file "fails" beside it names those that do not work, though
# they say what they are; "--build" is cmake's second step.
_PROGRAM = """#!{python}
import os, sys
from pathlib import Path

here, name, words = Path(__file__).parent, Path(__file__).name, sys.argv[1:]
with (here / "asked").open("a") as asked:
    print(name, *words, sep="\\t", file=asked)
if "indextargets" in words:
    print("bookworm-security main http://archive.test/security/")
    print("bookworm main http://archive.test/debian/")
elif words == ["--version"]:
    print("cmake version 3.25.1")
elif name in (here / "fails").read_text().split():
    print("E: no such luck")
    sys.exit(100)
elif name == "apt-cache":
    needs = {{"glslc": ["  Depends: libshaderc1", " |Depends: debconf"], "libshaderc1": ["  Depends: libc6"]}}
    for word in words[words.index("depends") + 1 :]:
        print(word, *needs.get(word, ()), sep="\\n")
elif name == "apt-get" and "download" in words:
    for package in words[words.index("download") + 1 :]:
        Path(f"{{package}}_1.2_amd64.deb").write_text(package)
elif name == "dpkg-deb":
    package, root = Path(words[1]).read_text(), Path(words[2])
    files = {{
        "glslc": ["usr/bin/glslc"],
        "libc6": ["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libc.so.6"],
        "libvulkan-dev": ["usr/lib/x86_64-linux-gnu/libvulkan.so"],
        "libvulkan1": ["usr/lib/x86_64-linux-gnu/libvulkan.so.1"],
        "spirv-headers": ["usr/share/cmake/SPIRV-Headers/SPIRV-HeadersConfig.cmake"],
    }}
    for file in [*files.get(package, []), f"usr/share/doc/{{package}}/copyright"]:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"{{package}} of {{root.parent.name}}")
elif name == "cmake" and words[0] == "-S":
    assert (Path(words[1]) / "ggml" / "CMakeLists.txt").read_text() == "ggml"
    Path(words[3]).mkdir(exist_ok=True)
elif name == "cmake":
    (Path(words[1]) / ".ninja_log").touch()
    if "--build" in (here / "fails").read_text().split():
        sys.exit("error: no such luck")
    print("[0/2] Looking what there is to do", "[1/2] shaders", "[2/2] library", sep="\\n", flush=True)
    (Path(words[1]) / f"lib{{words[words.index('--target') + 1]}}.so").write_text("the backend")
"""
_PROGRAMS = ("apt-get", "apt-cache", "dpkg-deb", "cmake", "ninja")


class FakeArchive:
    """Stands in for a Debian 12 and its compiler until the test ends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        folder.mkdir()
        for name in _PROGRAMS:
            (folder / name).write_text(_PROGRAM.format(python=sys.executable))
            (folder / name).chmod(0o755)
        (folder / "asked").touch()
        self.fails()
        monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
        monkeypatch.setattr(debian_tools, "own_release", lambda: ("debian", "bookworm"))

    def fails(self, *programs: str) -> None:
        """From now on these end with an error."""
        (self._folder / "fails").write_text(" ".join(programs))

    @property
    def asked(self) -> list[list[str]]:
        """Program and arguments of each call so far."""
        return [line.split("\t") for line in (self._folder / "asked").read_text().splitlines()]
