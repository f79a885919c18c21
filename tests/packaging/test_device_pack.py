"""tests/device/pack.py: what travels to a machine with a card is enough to compile a backend there, and no more."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from device.pack import pack_sources
from support.archive import FakeArchive

from desktop.engine.builder.cuda import CudaBuilder
from desktop.engine.builder.cuda_tools import Toolkit

NAME = "llama_cpp_python-9.9.9"


def test_the_sources_that_travel_are_those_of_a_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tmp_path / f"{NAME}.tar.gz"
    with tarfile.open(whole, "w:gz") as packed:
        for name in ("ggml/CMakeLists.txt", "models/vocab.gguf", "tools/server/server.cpp"):
            entry = tarfile.TarInfo(f"{NAME}/vendor/llama.cpp/{name}")
            entry.size = 4
            packed.addfile(entry, io.BytesIO(b"ggml"))
    sources = tmp_path / "cache" / "sdist"
    sources.mkdir(parents=True)
    pack_sources(whole, sources)
    with tarfile.open(sources / whole.name) as part:
        assert part.getnames() == [f"{NAME}/vendor/llama.cpp/ggml/CMakeLists.txt"]
    FakeArchive(tmp_path / "programs", monkeypatch)
    toolkit = Toolkit(tmp_path / "nvcc", tmp_path, "13.0", tmp_path / "lib64")
    assert CudaBuilder(tmp_path / "cache", "9.9.9", toolkit).library().read_text() == "the backend"
