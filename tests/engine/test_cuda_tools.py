"""desktop/engine/builder/cuda_tools.py: which toolkit serves, and one out of wheels, with a pip that has tiny ones."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.cuda_wheels import FakeWheels

from desktop.engine.builder import cuda_tools
from desktop.engine.builder.compiling import BuildError, Commands, SourcesError, Watcher
from desktop.engine.builder.cuda_tools import WHEEL_BYTES, WHEELS, CudaWheels, find_nvcc, installed

ASKED = [f"{name}=={version}" for name, version, _ in WHEELS]


class Heard(Watcher):
    def __init__(self) -> None:
        self.bytes: list[int] = []

    def fetched(self, label: str, done: int, total: int) -> None:
        assert label == "Fetching NVIDIA's compiler" and total == WHEEL_BYTES
        self.bytes.append(done)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWheels:
    return FakeWheels(tmp_path / "programs", monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cuda").mkdir()
    return tmp_path / "cuda"


def out_of(folder: Path, commands: Commands | None = None, watcher: Watcher | None = None) -> CudaWheels:
    heard = watcher or Watcher()
    return CudaWheels(folder, commands or Commands(heard), lambda name: folder / f"{name}.log", heard)


def own_nvcc(folder: Path, *, complete: bool = True) -> Path:
    """A toolkit of NVIDIA's, as far as it is asked."""
    nvcc = folder / "cuda-13.0" / "bin" / "nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\necho release 13.0\n")
    nvcc.chmod(0o755)
    if complete:
        header = nvcc.parents[1] / "include" / "cublas_v2.h"
        header.parent.mkdir()
        header.touch()
    return nvcc


def test_wheels_become_a_toolkit_that_looks_as_an_installed_one(wheels: FakeWheels, folder: Path) -> None:
    heard = Heard()
    toolkit = out_of(folder, watcher=heard).toolkit()
    root = toolkit.root
    assert wheels.asked == ASKED and heard.bytes == sorted(heard.bytes)
    assert (heard.bytes[0], heard.bytes[-1]) == (0, WHEEL_BYTES)
    assert toolkit.nvcc == root / "bin" / "nvcc" and toolkit.nvcc.stat().st_mode & 0o111
    assert (root / "nvvm" / "bin" / "cicc").stat().st_mode & 0o111
    for link, file in (("libcudart", "libcudart.so.13"), ("libcublasLt", "libcublasLt.so.13")):
        assert (root / "lib64" / f"{link}.so").resolve() == toolkit.libraries / file
    assert (root / "targets" / "x86_64-linux" / "include" / "cublas_v2.h").exists()
    stub = (root / "lib64" / "stubs" / "libcuda.so").read_text()
    assert "void cuInit(void) {}" in stub and "void cuMemAlloc_v2(void) {}" in stub
    assert not list(folder.rglob("*.whl")) and not list(folder.glob("building-*"))
    assert out_of(folder).toolkit() == toolkit and wheels.asked == ASKED


def test_what_was_fetched_before_a_stop_is_not_fetched_again(wheels: FakeWheels, folder: Path) -> None:
    commands = Commands(Watcher())
    wheels.mood("no-end nvidia-cublas")
    failed: list[Exception] = []

    def fetch() -> None:
        try:
            out_of(folder, commands).toolkit()
        except BuildError as error:
            failed.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    ended = threading.Event()
    while not wheels.waits:
        assert thread.is_alive() and not ended.wait(0.01)
    commands.stop()
    thread.join(30)
    assert isinstance(failed[0], SourcesError) and not list(folder.glob("toolkit-*"))
    wheels.mood()
    out_of(folder).toolkit()
    assert wheels.asked == [*ASKED, ASKED[-1]]


@pytest.mark.parametrize(("mood", "kind"), [("no-network nvidia-nvvm", SourcesError), ("no-linker", BuildError)])
def test_a_failure_is_told_and_the_next_try_makes_it_whole(
    wheels: FakeWheels, folder: Path, mood: str, kind: type[BuildError]
) -> None:
    wheels.mood(mood)
    with pytest.raises(kind):
        out_of(folder).toolkit()
    assert not list(folder.glob("toolkit-*"))
    wheels.mood()
    assert (out_of(folder).toolkit().root / "lib" / "stubs" / "libcuda.so").exists()


def test_other_pins_are_another_toolkit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = out_of(folder)
    root, version = before.root, before.version
    monkeypatch.setattr(cuda_tools, "WHEELS", (*WHEELS[:-1], ("nvidia-cublas", "13.9", 1)))
    after = out_of(folder)
    assert after.root != root and after.version != version


def test_nvcc_is_found_by_cuda_path_then_in_path_then_where_nvidia_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvcc = own_nvcc(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("CUDA_PATH", raising=False)
    monkeypatch.setattr(cuda_tools, "_USUAL", tmp_path / "nowhere")
    assert find_nvcc() is None and installed() is None
    monkeypatch.setattr(cuda_tools, "_USUAL", nvcc.parent)
    assert find_nvcc() == nvcc
    monkeypatch.setenv("CUDA_PATH", str(nvcc.parents[1]))
    monkeypatch.setattr(cuda_tools, "_USUAL", tmp_path / "nowhere")
    assert find_nvcc() == nvcc


def test_a_compiler_without_cublas_is_no_toolkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvcc = own_nvcc(tmp_path, complete=False)
    monkeypatch.setenv("CUDA_PATH", str(nvcc.parents[1]))
    assert find_nvcc() == nvcc and installed() is None


def test_a_compiler_called_through_a_script_says_itself_where_its_toolkit_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvcc = own_nvcc(tmp_path)
    nvcc.write_text(f'#!/bin/sh\necho "release 13.0"\necho "#\\$ TOP={nvcc.parents[1]}/bin/.." >&2\n')
    script = tmp_path / "elsewhere" / "bin" / "nvcc"
    script.parent.mkdir(parents=True)
    script.write_text(f'#!/bin/sh\nexec {nvcc} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CUDA_PATH", str(script.parents[1]))
    found = installed()
    assert found is not None and found.root == nvcc.parents[1] and found.libraries == nvcc.parents[1] / "lib64"
