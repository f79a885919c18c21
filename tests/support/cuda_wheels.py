"""A pip that has NVIDIA's wheels, tiny ones, and a compiler that links anything: what they are asked, how they fail."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from desktop.engine.builder import cuda_tools

# "download ... --dest FOLDER NAME==VERSION"; what the file "mood" beside it names cannot be had, or never comes.
_PIP = """
import signal, sys, zipfile
from pathlib import Path

here = Path(__file__).parent
arguments = sys.argv[1:]
with (here / "asked").open("a") as asked:
    print(arguments[-1], file=asked)
name, _, version = arguments[-1].partition("==")
mood, _, whom = (here / "mood").read_text().partition(" ")
if whom == name and mood == "no-network":
    sys.exit("ERROR: Could not find a version that satisfies the requirement")
if whom == name and mood == "no-end":
    (here / "waits").touch()
    signal.pause()
FILES = {
    "nvidia-cuda-nvcc": ["bin/nvcc", "bin/nvcc.profile"],
    "nvidia-nvvm": ["nvvm/bin/cicc", "lib/libnvvm.so.4"],
    "nvidia-cuda-crt": ["include/crt/host_defines.h"],
    "nvidia-cuda-cccl": ["include/cccl/cub/cub.cuh"],
    "nvidia-cuda-runtime": ["include/cuda.h", "lib/libcudart.so.13", "lib/libcudart_static.a"],
    "nvidia-cublas": ["include/cublas_v2.h", "lib/libcublas.so.13", "lib/libcublasLt.so.13"],
}
HEADER = "#define cuMemAlloc cuMemAlloc_v2\\nCUresult CUDAAPI cuInit(int f);\\nCUresult CUDAAPI cuMemAlloc(int n);\\n"
wheel = Path(arguments[arguments.index("--dest") + 1], f"{name.replace('-', '_')}-{version}-py3-none-any.whl")
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr(f"{name}.dist-info/METADATA", "a wheel")
    for file in FILES[name]:
        entry = zipfile.ZipInfo(f"nvidia/cu13/{file}")
        entry.external_attr = (0o100755 if file in ("bin/nvcc", "nvvm/bin/cicc") else 0o100644) << 16
        archive.writestr(entry, HEADER if file.endswith("cuda.h") else name)
"""
_COMPILER = """#!{python}
import shutil, sys
from pathlib import Path

words = sys.argv[1:]
if (Path(__file__).parent / "mood").read_text() == "no-linker":
    sys.exit("cc: no such luck")
shutil.copyfile(words[-1], words[words.index("-o") + 1])
"""


class FakeWheels:
    """Stands in for pip and the C compiler until the test ends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "pip.py").write_text(_PIP)
        (folder / "cc").write_text(_COMPILER.format(python=sys.executable))
        (folder / "cc").chmod(0o755)
        (folder / "asked").touch()
        self.mood()
        monkeypatch.setattr(cuda_tools, "PIP", (sys.executable, str(folder / "pip.py")))
        monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
        monkeypatch.delenv("CC", raising=False)

    def mood(self, mood: str = "") -> None:
        """ "no-network NAME", "no-end NAME", "no-linker", or "" for all is well."""
        (self._folder / "mood").write_text(mood)

    @property
    def waits(self) -> bool:
        """Whether a download that never ends has begun."""
        return (self._folder / "waits").exists()

    @property
    def asked(self) -> list[str]:
        """What pip was asked for so far: NAME==VERSION."""
        return (self._folder / "asked").read_text().split()
