"""desktop/engine/builder/vulkan.py: the tools out of the archive, the backend out of the sources, where it is put."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from support.archive import FakeArchive

from desktop.engine import backends
from desktop.engine.builder import debian_tools, vulkan
from desktop.engine.builder.compiling import BuildError, Watcher
from desktop.engine.builder.debian_tools import Archive, own_archive
from desktop.engine.builder.vulkan import LIBRARY, VulkanBuilder, is_placed, place


class Heard(Watcher):
    def __init__(self) -> None:
        self.said: list[str] = []

    def fetching_tools(self) -> None:
        self.said.append("fetching")

    def compiling_backend(self, name: str) -> None:
        self.said.append(f"compiling {name}")

    def step(self, label: str, done: int, total: int) -> None:
        self.said.append(f"{done}/{total}")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeArchive:
    monkeypatch.setattr(vulkan, "own_release", lambda: ("debian", "bookworm"))
    return FakeArchive(tmp_path / "programs", monkeypatch)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """With the sources in it, of which only ggml is wanted."""
    sources = tmp_path / "cache" / "sdist" / "llama_cpp_python-9.9.9.tar.gz"
    sources.parent.mkdir(parents=True)
    with tarfile.open(sources, "w:gz") as packed:
        for name, text in (("ggml/CMakeLists.txt", b"ggml"), ("models/vocab.gguf", b"none of it")):
            entry = tarfile.TarInfo(f"llama_cpp_python-9.9.9/vendor/llama.cpp/{name}")
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text))
    return tmp_path / "cache"


def test_it_is_compiled_with_tools_of_a_newer_release_and_kept(archive: FakeArchive, cache: Path) -> None:
    heard = Heard()
    library = VulkanBuilder(cache, "9.9.9", watcher=heard).library()
    assert heard.said == ["fetching", "compiling Vulkan", "1/2", "2/2"]
    assert library.read_text() == "the backend"
    kept = {file.name: file.read_text() for file in library.parent.iterdir()}
    assert kept["libvulkan.so.1"] == "libvulkan1 of own"  # the loader has to run on this release, too
    assert set(kept) == {LIBRARY, "libvulkan.so.1", "libvulkan1.copyright", "spirv-headers.copyright", "vulkan.json"}
    assert json.loads(kept["vulkan.json"])["glslc"] == "1.2"
    configured = next(words for words in archive.asked if words[:2] == ["cmake", "-S"])
    assert {"-DGGML_VULKAN=ON", "-DGGML_BACKEND_DL=ON"} < set(configured)
    asked = len(archive.asked)
    assert VulkanBuilder(cache, "9.9.9").library() == library and len(archive.asked) == asked
    assert [entry.name for entry in library.parents[1].iterdir() if entry.is_dir()] == [library.parent.name]


def test_what_a_killed_build_left_is_removed(archive: FakeArchive, cache: Path) -> None:
    old = cache / "vulkan" / "building-old"
    old.mkdir(parents=True)
    os.utime(old, (1, 1))
    VulkanBuilder(cache, "9.9.9").library()
    assert not old.exists()


def test_libraries_that_a_tool_needs_come_with_it_and_nothing_else(archive: FakeArchive, cache: Path) -> None:
    VulkanBuilder(cache, "9.9.9").library()
    fetched = [words[words.index("download") + 1 :] for words in archive.asked if "download" in words]
    assert fetched == [["glslc", "libc6", "libshaderc1", "libvulkan-dev", "spirv-headers"], ["libvulkan1"]]


@pytest.mark.parametrize("program", ["apt-get", "dpkg-deb", "cmake"])
def test_a_failure_names_the_step_and_leaves_nothing(archive: FakeArchive, cache: Path, program: str) -> None:
    builder = VulkanBuilder(cache, "9.9.9")
    archive.fails(program)
    with pytest.raises(BuildError) as failed:
        builder.library()
    assert "no such luck" in failed.value.log.read_text()
    assert builder.cached() is None
    assert not [entry for entry in (cache / "vulkan").iterdir() if entry.is_dir()]


def test_the_archive_is_the_systems_own(archive: FakeArchive) -> None:
    found = own_archive()
    assert found == Archive("debian", "bookworm", "http://archive.test/debian/")
    assert found.newer.source.endswith("http://archive.test/debian/ trixie main\n")
    assert Archive("ubuntu", "noble", "http://archive.test/").newer.source.endswith("/ noble main universe\n")


def test_another_system_has_no_archive_and_cmake_looks_for_itself(
    archive: FakeArchive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (debian_tools, vulkan):
        monkeypatch.setattr(module, "own_release", lambda: ("", ""))
    library = VulkanBuilder(cache, "9.9.9").library()
    assert {file.name for file in library.parent.iterdir()} == {LIBRARY, "vulkan.json"}
    assert not [words for words in archive.asked if words[0].startswith("apt")]


def test_the_key_follows_what_the_library_depends_on_and_no_processor(
    archive: FakeArchive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {VulkanBuilder(cache, version).key for version in ("9.9.8", "9.9.9")}
    monkeypatch.setattr(vulkan, "own_release", lambda: ("debian", "trixie"))
    assert VulkanBuilder(cache, "9.9.9").key in keys  # whose tools are those that Debian 12 takes
    monkeypatch.setattr(vulkan, "own_release", lambda: ("ubuntu", "noble"))
    keys.add(VulkanBuilder(cache, "9.9.9").key)
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "9.9"))
    keys.add(VulkanBuilder(cache, "9.9.9").key)
    assert len(keys) == 4


def test_the_systems_loader_is_taken_and_else_the_one_that_came_with_it(
    archive: FakeArchive, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "llama_cpp" / "lib" / "further"
    library = VulkanBuilder(cache, "9.9.9").library()
    assert not is_placed(library, folder)
    place(library, folder)
    place(library, folder)
    assert is_placed(library, folder)
    monkeypatch.setattr(backends, "_system_has_loader", lambda: True)
    assert backends.loadable(folder / LIBRARY) == folder / LIBRARY
    monkeypatch.setattr(backends, "_system_has_loader", lambda: False)
    chosen = backends.loadable(folder / LIBRARY)
    assert chosen.samefile(folder / LIBRARY) and (chosen.parent / "libvulkan.so.1").exists()
    assert backends.loadable(tmp_path / LIBRARY) == tmp_path / LIBRARY  # a user's own
