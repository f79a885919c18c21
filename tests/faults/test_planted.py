"""Libraries and modules planted where a stranger can write: none of them is loaded, by the command or by the window."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.program import ANSWER_SECONDS, END_SECONDS, command, poll, window

from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
# What llama.cpp looks for in the program's folder and the current directory, and what else is loaded by a bare name
LIBRARIES = (
    "libggml-cpu.so", "libggml-cpu-zen9.so", "libggml-cpu-haswell.so", "libggml-cpu-x64.so", "libggml-vulkan.so",
    "libggml-cuda.so", "libggml-hip.so", "libggml-opencl.so", "libggml-rpc.so", "libggml-blas.so", "libggml-metal.so",
    "libggml.so", "libggml.so.0", "libggml-base.so", "libggml-base.so.0", "libllama.so", "libllama.so.0", "libmtmd.so",
    "libvulkan.so.1", "libcuda.so.1", "libOpenCL.so.1", "libnvidia-ml.so.1", "libnvidia-ml.so", "librocm_smi64.so",
    "libgomp.so.1", "libxcb-cursor.so.0", "libQt6Core.so.6", "libstdc++.so.6",
)  # fmt: skip
MODULES = ("desktop", "llama_cpp", "sitecustomize", "usercustomize", "json", "numpy", "PySide6", "msgspec")
SOURCE = '#include <stdio.h>\n__attribute__((constructor)) static void f(void) { fclose(fopen(MARK, "w")); }\n'


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[Path], Path]:
    """Fills a folder with libraries and modules that leave a mark when they are loaded; gives the mark."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a library with")
    mark = tmp_path / "mark"
    library = tmp_path / "planted.so"
    arguments = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), f'-DMARK="{mark}"']
    subprocess.run(arguments, input=SOURCE, text=True, check=True)

    def fill(folder: Path) -> Path:
        for place in (folder, folder / "platforms", folder / "imageformats", folder / "lib", folder / "bin"):
            place.mkdir(parents=True, exist_ok=True)
            for name in (*LIBRARIES, "libqxcb.so", "libqsvg.so"):
                shutil.copy(library, place / name)
        for name in MODULES:
            (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
        (folder / "qt.conf").write_text(f"[Paths]\nPlugins={folder}\n")
        return mark

    return fill


@pytest.fixture
def downloads(plant: Callable[[Path], Path], tmp_path: Path, paths: Paths, small_model: Path) -> tuple[Path, Path]:
    """A model in a planted folder, with planted folders wherever Heft keeps models; and the mark."""
    folder = tmp_path / "Downloads"
    for place in (folder, paths.models, paths.scratch, paths.data, tmp_path / "hf-home" / "hub"):
        mark = plant(place)
    shutil.copy(small_model, folder / "model.gguf")
    return folder / "model.gguf", mark


def test_planted_libraries_and_modules_do_leave_a_mark(plant: Callable[[Path], Path], tmp_path: Path) -> None:
    mark = plant(tmp_path / "there")
    ctypes.CDLL(str(tmp_path / "there" / "libggml-vulkan.so"))
    assert mark.exists()
    mark.unlink()
    subprocess.run([sys.executable, "-m", "desktop"], cwd=tmp_path / "there", check=True)  # without -P: what it is for
    assert mark.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "model.gguf", "--prompt", "Hello", "--max-tokens", "4"),
        ("machine",),
        ("inspect", "model.gguf", "--check"),
        ("fit", "model.gguf"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_command(downloads: tuple[Path, Path], arguments: tuple[str, ...]) -> None:
    model, mark = downloads
    done = subprocess.run(
        command(*arguments, "--json"), cwd=model.parent, capture_output=True, text=True, timeout=ANSWER_SECONDS
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    assert not mark.exists()


@pytest.mark.xvfb
def test_the_window(downloads: tuple[Path, Path], display: str, heft_home: Path) -> None:
    model, mark = downloads
    with window(display, heft_home, ["model.gguf"], cwd=model.parent) as program:
        program.focus()
        program.ask("Go on")
        program.xdotool("key", "ctrl+7")  # the page Machine starts probes of its own
        poll(lambda: program.text_length() > 0, ANSWER_SECONDS, "text")
        for process in (psutil.Process(program.process.pid), *program.workers()):
            mapped = [part.path for part in process.memory_maps() if str(model.parent.parent) in part.path]
            assert not [path for path in mapped if ".so" in path]
        program.xdotool("key", "ctrl+q")
        program.process.wait(END_SECONDS)
    assert not mark.exists()
