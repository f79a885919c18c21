"""desktop/engine/builder/cuda.py: what CMake is asked for, and what a library is kept by. No nvcc is needed here."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from support.archive import FakeArchive
from support.cuda_wheels import FakeWheels

from desktop.engine.builder.compiling import BuildError
from desktop.engine.builder.cuda import CudaBuilder
from desktop.engine.builder.cuda_tools import WHEELS, Toolkit


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeArchive:
    return FakeArchive(tmp_path / "programs", monkeypatch)


@pytest.fixture
def toolkit(tmp_path: Path) -> Toolkit:
    """One of NVIDIA's that is installed."""
    root = tmp_path / "cuda-13.0"
    return Toolkit(root / "bin" / "nvcc", root, "release 13.0", root / "lib64")


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
    archive: FakeArchive, cache: Path, toolkit: Toolkit
) -> None:
    library = CudaBuilder(cache, "9.9.9", toolkit, "89").library()
    assert library.name == "libggml-cuda.so" and library.read_text() == "the backend"
    configured = next(words for words in archive.asked if words[:2] == ["cmake", "-S"])
    wanted = {"-DGGML_CUDA=ON", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU=OFF", "-DCMAKE_CUDA_ARCHITECTURES=89"}
    assert wanted < set(configured) and f"-DCMAKE_CUDA_COMPILER={toolkit.nvcc}" in configured
    (path,) = [word for word in configured if word.startswith("-DCMAKE_INSTALL_RPATH=")][-1:]
    assert path.split("=", 1)[1].split(";") == ["$ORIGIN", "$ORIGIN/..", "$ORIGIN/../..", f"{toolkit.root}/lib64"]
    asked = len(archive.asked)
    assert CudaBuilder(cache, "9.9.9", toolkit, "89").library() == library and len(archive.asked) == asked
    assert CudaBuilder(cache, "9.9.9", toolkit, "90").cached() is None
    newer = replace(toolkit, version="release 13.1")
    assert CudaBuilder(cache, "9.9.9", newer, "89").cached() is None


def test_a_failure_names_the_step_and_leaves_nothing(archive: FakeArchive, cache: Path, toolkit: Toolkit) -> None:
    archive.fails("cmake")
    builder = CudaBuilder(cache, "9.9.9", toolkit)
    with pytest.raises(BuildError) as failed:
        builder.library()
    assert failed.value.label == "Compiling the CUDA backend" and "no such luck" in failed.value.tail
    assert builder.cached() is None and not [entry for entry in (cache / "cuda").iterdir() if entry.is_dir()]


def test_without_a_toolkit_the_wheels_are_fetched_and_the_library_finds_cudas_own_in_them(
    archive: FakeArchive, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = FakeWheels(tmp_path / "pip", monkeypatch)
    builder = CudaBuilder(cache, "9.9.9", None, "89")
    assert builder.library().read_text() == "the backend"
    assert len(wheels.asked) == len(WHEELS)
    configured = next(words for words in archive.asked if words[:2] == ["cmake", "-S"])
    (root,) = (cache / "cuda").glob("toolkit-*")
    assert f"-DCMAKE_CUDA_COMPILER={root}/bin/nvcc" in configured and f"-DCUDAToolkit_ROOT={root}" in configured
    assert configured[configured.index("-G") - 1].endswith(f";{root}/lib")
    assert builder.cached() is not None


def test_what_was_compiled_before_a_failure_is_gone_on_with(
    archive: FakeArchive, cache: Path, toolkit: Toolkit
) -> None:
    archive.fails("--build")
    builder = CudaBuilder(cache, "9.9.9", toolkit, "89")
    with pytest.raises(BuildError):
        builder.library()
    (left,) = (cache / "cuda").glob("building-*")
    source = left / "work" / "source" / "ggml" / "CMakeLists.txt"
    unpacked = source.stat().st_mtime_ns
    archive.fails("--build")
    with pytest.raises(BuildError):
        CudaBuilder(cache, "9.9.9", toolkit, "89").library()
    assert source.stat().st_mtime_ns == unpacked  # of new files ninja would compile all again
    archive.fails()
    assert CudaBuilder(cache, "9.9.9", toolkit, "89").library().read_text() == "the backend"
    assert not list((cache / "cuda").glob("building-*"))


def test_what_a_stopped_build_has_left_can_be_removed(archive: FakeArchive, cache: Path, toolkit: Toolkit) -> None:
    archive.fails("--build")
    builder = CudaBuilder(cache, "9.9.9", toolkit, "89")
    with pytest.raises(BuildError):
        builder.library()
    builder.discard()
    assert not list((cache / "cuda").glob("building-*"))
