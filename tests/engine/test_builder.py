"""desktop/engine/builder: sources fetched once, compiled with progress, kept by a key, unpacked to be run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.building import STEPS, FakePip

from desktop.engine.builder import compiling, recipe
from desktop.engine.builder.compiling import Builder, BuildError, SourcesError, Watcher
from desktop.engine.builder.recipe import NATIVE, PORTABLE, Recipe
from desktop.engine.builder.unpacked import engine_folder, unpack

RECIPE = Recipe("9.9.9")


class Heard(Watcher):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.at_third = threading.Event()

    def fetching(self, version: str) -> None:
        self.said.append(f"fetching {version}")

    def compiling(self, recipe: Recipe) -> None:
        self.said.append("compiling")

    def step(self, label: str, done: int, total: int) -> None:
        self.said.append(f"{done}/{total}")
        if done == 3:
            self.at_third.set()

    def ended(self, label: str) -> None:
        self.said.append("ended")


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    return FakePip(tmp_path / "pip", monkeypatch)


def test_it_fetches_compiles_with_progress_and_keeps_the_wheel(pip: FakePip, tmp_path: Path) -> None:
    heard = Heard()
    wheel = Builder(tmp_path / "cache", RECIPE, heard).wheel()
    steps = [f"{step}/{STEPS}" for step in range(1, STEPS + 1)]
    assert heard.said == ["fetching 9.9.9", "ended", "compiling", *steps, "ended"]
    assert pip.asked[0][-1] == "llama-cpp-python==9.9.9" and pip.asked[1][0] == "wheel"
    assert wheel.parent == tmp_path / "cache" / "wheels" / RECIPE.key
    assert "file12.cpp" in (tmp_path / "cache" / "wheels" / "build.log").read_text()
    assert Builder(tmp_path / "cache", RECIPE).wheel() == wheel and len(pip.asked) == 2


def test_a_failed_compile_names_its_log_and_leaves_nothing_half_done(pip: FakePip, tmp_path: Path) -> None:
    pip.mood("bad compiler")
    builder = Builder(tmp_path / "cache", RECIPE)
    with pytest.raises(BuildError) as failed:
        builder.wheel()
    assert not isinstance(failed.value, SourcesError)
    assert "nonesuch.h" in failed.value.tail and "nonesuch.h" in failed.value.log.read_text()
    assert [path.name for path in (tmp_path / "cache" / "wheels").iterdir()] == ["build.log"]
    assert builder.cached() is None


def test_sources_that_cannot_be_fetched_are_told_apart(pip: FakePip, tmp_path: Path) -> None:
    pip.mood("no network")
    with pytest.raises(SourcesError, match="Could not find a version"):
        Builder(tmp_path / "cache", RECIPE).wheel()


def test_a_stop_ends_whatever_runs_and_nothing_is_left(pip: FakePip, tmp_path: Path) -> None:
    pip.mood("no end")
    heard = Heard()
    builder = Builder(tmp_path / "cache", RECIPE, heard)

    def stop_at_the_third() -> None:
        heard.at_third.wait()
        builder.stop()

    stopper = threading.Thread(target=stop_at_the_third)
    stopper.start()
    with pytest.raises(BuildError):
        builder.wheel()
    stopper.join()
    assert not list((tmp_path / "cache" / "wheels").glob("building-*"))
    with pytest.raises(BuildError):  # and nothing is begun any more
        builder.wheel()


def test_what_a_killed_build_left_is_removed_a_day_later(pip: FakePip, tmp_path: Path) -> None:
    wheels = tmp_path / "cache" / "wheels"
    old, new = wheels / "building-old", wheels / "building-new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (1, 1))
    Builder(tmp_path / "cache", RECIPE).wheel()
    assert (old.exists(), new.exists()) == (False, True)


def test_an_unpacked_engine_runs_and_holds_each_library_once(pip: FakePip, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wheel = Builder(cache, RECIPE).wheel()
    folder = unpack(wheel, cache, RECIPE)
    assert folder == engine_folder(cache, RECIPE)
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["libllama.so", "libllama.so.0", "libllama.so.0.5.0", "llama-server"]
    assert subprocess.run([folder / "llama-server"], capture_output=True, text=True).stdout == "the server\n"
    assert len({(folder / name).stat().st_ino for name in names}) == 2
    (folder / "llama-server").unlink()  # a damaged one is replaced as a whole
    assert (unpack(wheel, cache, RECIPE) / "llama-server").exists()
    assert [entry.name for entry in folder.parent.iterdir()] == [RECIPE.key]


def test_the_key_follows_whatever_the_result_depends_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = {RECIPE.key, Recipe("9.9.8").key, Recipe("9.9.9", PORTABLE).key}
    portable = Recipe("9.9.9", PORTABLE).key
    monkeypatch.setattr(recipe, "cpu_identity", lambda: "another processor")
    keys.add(RECIPE.key)
    assert Recipe("9.9.9", PORTABLE).key == portable
    (tmp_path / "control.cpp").write_text("// changed")
    monkeypatch.setattr(recipe, "NATIVE_SOURCES", tmp_path)
    keys.add(RECIPE.key)
    assert len(keys) == 5


@pytest.mark.parametrize("options", [NATIVE, PORTABLE])
def test_pip_is_told_what_to_build_and_by_which_versions(
    options: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    constraints = tmp_path / "with a space" / "constraints.txt"
    environment = Recipe("9.9.9", options, constraints).environment()
    assert environment["PIP_CONSTRAINT"] == environment["PIP_BUILD_CONSTRAINT"] == constraints.as_uri()
    assert "-DLLAMA_BUILD_SERVER=ON" in environment["CMAKE_ARGS"]
    assert ("-DGGML_BACKEND_DL=ON" in environment["CMAKE_ARGS"]) == (options == PORTABLE)
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    assert "PIP_CONSTRAINT" not in Recipe("9.9.9", options).environment()


def test_it_needs_nothing_but_the_standard_library() -> None:
    """packaging/build_engine.py runs it before anything is installed."""
    root = Path(compiling.__file__).parents[3]
    code = f"""
import sys
sys.path.insert(0, {str(root)!r})
import desktop.engine.builder.compiling, desktop.engine.builder.unpacked, desktop.engine.builder.vulkan
print([name for name in sys.modules if name.startswith("desktop.") and "builder" not in name])
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout == "['desktop.engine']\n", done.stderr
