"""packaging/bundle.py: which files of the engine go into the frozen program, and under which names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.sabotage import compile_c

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ELF files are made and read here")
# What PyInstaller, which is in the environment that freezes only, says of a file: the names it needs
BINDEPEND = """
from pathlib import Path
from elf import read_elf
def get_imports(file):
    return {(name, None) for name in read_elf(Path(file)).needed}
"""
ENTRIES = "import json, bundle; print(json.dumps(bundle.{}()))"


def library(folder: Path, name: str, *needed: str, copies: bool = True) -> None:
    """A library as a wheel holds it: the whole of it under each of its three names."""
    options = ["-Wl,--no-as-needed", *(str(folder / other) for other in needed)]
    made = compile_c(
        folder / f"{name}.0.5.0", f"int {Path(name).stem.replace('-', '_')};", f"-Wl,-soname,{name}.0", *options
    )
    for copy in (f"{name}.0", name) if copies else ():
        (folder / copy).write_bytes(made.read_bytes())


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A folder of libraries like that of a built wheel, in a package that is found first."""
    folder = tmp_path / "llama_cpp" / "lib"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    bindepend = tmp_path / "PyInstaller" / "depend" / "bindepend.py"
    bindepend.parent.mkdir(parents=True)
    (bindepend.parent / "__init__.py").touch()
    (bindepend.parents[1] / "__init__.py").touch()
    bindepend.write_text(BINDEPEND)
    library(folder, "libggml-base.so")
    library(folder, "libggml.so", "libggml-base.so.0")
    library(folder, "libllama.so", "libggml.so.0")
    library(folder, "libllama-common.so", "libllama.so.0")
    library(folder, "libmtmd.so", "libllama.so.0")
    library(folder, "libspare.so")
    for variant in ("haswell", "zen4"):
        compile_c(folder / f"libggml-cpu-{variant}.so", f"int {variant};", str(folder / "libggml-base.so.0"))
    needs = [str(folder / name) for name in ("libllama-common.so.0", "libmtmd.so.0", "libllama.so.0")]
    compile_c(folder / "libllama-server-impl.so", "int impl;", "-Wl,--no-as-needed", *needs)
    impl = str(folder / "libllama-server-impl.so")
    compile_c(
        folder / "llama-server", "int main(void) { return 0; }", "-Wl,--no-as-needed", impl, f"-Wl,-rpath,{folder}"
    )
    return folder


def entries(engine: Path, kind: str = "engine_files") -> list[list[str]]:
    """Place in the bundle, file or target of the link, kind; AssertionError with what was said where there is none."""
    path = os.pathsep.join([str(engine.parents[1]), str(PACKAGING)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", ENTRIES.format(kind)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_the_server_comes_with_all_it_needs_under_the_names_it_needs(engine: Path) -> None:
    files = {place for place, _, kind in entries(engine) if kind == "BINARY"}
    assert files == {
        f"llama_cpp/lib/{name}"
        for name in (
            "llama-server", "libllama-server-impl.so", "libllama-common.so.0", "libmtmd.so.0", "libllama.so.0",
            "libggml.so.0", "libggml-base.so.0", "libggml-cpu-haswell.so", "libggml-cpu-zen4.so",
        )
    }  # fmt: skip


def test_a_second_name_is_a_link_and_no_second_copy(engine: Path) -> None:
    links = {place: target for place, target, kind in entries(engine) if kind == "SYMLINK"}
    assert links == {
        f"llama_cpp/lib/lib{name}.so": f"lib{name}.so.0" for name in ("llama", "ggml", "ggml-base")
    }  # each of them is opened by this name


def test_an_engine_without_a_server_is_not_packed(engine: Path) -> None:
    (engine / "llama-server").unlink()
    with pytest.raises(AssertionError, match="no llama-server in"):
        entries(engine)


def test_the_web_page_comes_where_it_was_built_and_nothing_is_missed_without_it(engine: Path) -> None:
    assert entries(engine, "page_files") == []
    page = engine / "web-page"
    (page / "_app").mkdir(parents=True)
    for name in ("index.html", "_app/bundle.js", "licences.txt"):
        (page / name).write_text(name)
    assert entries(engine, "page_files") == [
        [f"llama_cpp/lib/web-page/{name}", str(page / name), "DATA"]
        for name in ("_app/bundle.js", "index.html", "licences.txt")
    ]
    assert not [place for place, _, _ in entries(engine) if "web-page" in place]


def test_the_converter_lies_beside_the_engine_and_none_is_refused(engine: Path) -> None:
    with pytest.raises(AssertionError, match="no converter"):
        entries(engine, "converter_files")
    folder = engine / "converter"
    (folder / "conversion").mkdir(parents=True)
    for name in ("convert_hf_to_gguf.py", "conversion/base.py", "conversion/base.pyc"):
        (folder / name).touch()
    assert {place: kind for place, _, kind in entries(engine, "converter_files")} == {
        "llama_cpp/lib/converter/convert_hf_to_gguf.py": "DATA", "llama_cpp/lib/converter/conversion/base.py": "DATA",
    }  # fmt: skip


def test_backends_for_graphics_cards_come_as_they_are_in_a_folder_that_llama_cpp_does_not_search(engine: Path) -> None:
    with pytest.raises(AssertionError, match="no backend for graphics cards in"):
        entries(engine, "box_files")
    box = engine / "further"
    (box / "loader").mkdir(parents=True)
    for name in ("libggml-vulkan.so", "loader/libvulkan.so.1", "vulkan.json", "libvulkan1.copyright"):
        (box / name).touch()
    (box / "loader" / "libggml-vulkan.so").symlink_to("../libggml-vulkan.so")
    place = "llama_cpp/lib/further"
    assert entries(engine, "box_files") == [
        [f"{place}/libggml-vulkan.so", str(box / "libggml-vulkan.so"), "BINARY"],
        [f"{place}/loader/libggml-vulkan.so", "../libggml-vulkan.so", "SYMLINK"],
        [f"{place}/loader/libvulkan.so.1", str(box / "loader" / "libvulkan.so.1"), "BINARY"],
    ]
    assert not [place for place, _, _ in entries(engine) if "vulkan" in place]
