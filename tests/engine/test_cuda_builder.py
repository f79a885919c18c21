"""desktop/engine/builder/cuda.py: what CMake is asked for, and what a library is kept by. No nvcc is needed here."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from support.archive import FakeArchive

from desktop.engine.builder import cuda
from desktop.engine.builder.compiling import BuildError
from desktop.engine.builder.cuda import CudaBuilder, find_nvcc


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeArchive:
    return FakeArchive(tmp_path / "programs", monkeypatch)


@pytest.fixture
def nvcc(tmp_path: Path) -> Path:
    """A toolkit of NVIDIA's, as far as its version goes."""
    program = tmp_path / "cuda-13.0" / "bin" / "nvcc"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho release 13.0\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    sources = tmp_path / "cache" / "sdist" / "llama_cpp_python-9.9.9.tar.gz"
    sources.parent.mkdir(parents=True)
    with tarfile.open(sources, "w:gz") as packed:
        entry = tarfile.TarInfo("llama_cpp_python-9.9.9/vendor/llama.cpp/ggml/CMakeLists.txt")
        entry.size = 4
        packed.addfile(entry, io.BytesIO(b"ggml"))
    return tmp_path / "cache"


def test_it_is_compiled_with_this_nvcc_for_one_architecture_and_kept(
    archive: FakeArchive, cache: Path, nvcc: Path
) -> None:
    library = CudaBuilder(cache, "9.9.9", nvcc, "89").library()
    assert library.name == "libggml-cuda.so" and library.read_text() == "the backend"
    configured = next(words for words in archive.asked if words[:2] == ["cmake", "-S"])
    wanted = {"-DGGML_CUDA=ON", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU=OFF", "-DCMAKE_CUDA_ARCHITECTURES=89"}
    assert wanted < set(configured) and f"-DCMAKE_CUDA_COMPILER={nvcc}" in configured
    (path,) = [word for word in configured if word.startswith("-DCMAKE_INSTALL_RPATH=")][-1:]
    assert path.split("=", 1)[1].split(";") == ["$ORIGIN", "$ORIGIN/..", "$ORIGIN/../..", f"{nvcc.parents[1]}/lib64"]
    asked = len(archive.asked)
    assert CudaBuilder(cache, "9.9.9", nvcc, "89").library() == library and len(archive.asked) == asked
    assert CudaBuilder(cache, "9.9.9", nvcc, "90").cached() is None
    nvcc.write_text("#!/bin/sh\necho release 13.1\n")
    assert CudaBuilder(cache, "9.9.9", nvcc, "89").cached() is None


def test_a_failure_names_the_step_and_leaves_nothing(archive: FakeArchive, cache: Path, nvcc: Path) -> None:
    archive.fails("cmake")
    builder = CudaBuilder(cache, "9.9.9", nvcc)
    with pytest.raises(BuildError) as failed:
        builder.library()
    assert failed.value.label == "Compiling the CUDA backend" and "no such luck" in failed.value.tail
    assert builder.cached() is None and not [entry for entry in (cache / "cuda").iterdir() if entry.is_dir()]


def test_nvcc_is_found_by_cuda_path_then_in_path_then_where_nvidia_puts_it(
    nvcc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("CUDA_PATH", raising=False)
    monkeypatch.setattr(cuda, "_USUAL", tmp_path / "nowhere")
    assert find_nvcc() is None
    monkeypatch.setattr(cuda, "_USUAL", nvcc.parent)
    assert find_nvcc() == nvcc
    monkeypatch.setenv("CUDA_PATH", str(nvcc.parents[1]))
    monkeypatch.setattr(cuda, "_USUAL", tmp_path / "nowhere")
    assert find_nvcc() == nvcc
