"""A process of the engine that ends before its first word: its error says what the system's loader said."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest
from support.building import without_server
from support.engine import DrivenEngine, driven_engine
from support.sabotage import ABSENT, compile_c, needs_what_is_absent
from support.tool_module import Do, Done

from desktop.core.errors import EngineError, HeftError
from desktop.engine.api import EngineDied, Failed
from desktop.engine.backends import load_backends
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.engine.helper_process import Tool
from desktop.engine.loader_cause import explain_loader
from desktop.engine.logmap import explain_exit
from desktop.engine.planner.planner import PlanRequest, Plans
from desktop.engine.server import held
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import RenderRequest
from desktop.services.engine.supervisor import EngineService
from desktop.store.paths import Paths
from desktop.system import supervised

MISSING = f"A library that the engine needs is missing: {ABSENT}."


@pytest.fixture
def engine_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama-cpp-python finds a libllama that asks for a library which is not there."""
    library = needs_what_is_absent(tmp_path / "engine" / "libllama.so")
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(library.parent))


@pytest.fixture
def program_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of Python starts a program that the loader refuses, as it would a damaged installation."""
    program = needs_what_is_absent(tmp_path / "program" / "heft", "int main(void) { return 0; }")
    monkeypatch.setattr(supervised, "command", lambda name: [str(program), name])


def died_of(engine: DrivenEngine) -> EngineDied:
    engine.client.description.describe()
    return engine.wait(EngineDied)


@pytest.mark.engine
@pytest.mark.usefixtures("engine_without_its_library")
def test_a_library_that_the_engine_lacks_is_named(tmp_path: Path) -> None:
    with driven_engine(tmp_path) as engine:
        died = died_of(engine)
    assert (died.kind, died.message) == ("missing-library", MISSING)
    assert died.hint == f"Install the package of your system that holds {ABSENT}, then start Heft again."
    for words in (died.log_tail, (tmp_path / "logs" / "engine.log").read_text()):
        assert f"{ABSENT}: cannot open shared object file" in words


@pytest.mark.engine
@pytest.mark.usefixtures("engine_without_its_library")
def test_who_asks_what_the_engine_is_hears_it_too(paths: Paths) -> None:
    service = EngineService(paths)
    with pytest.raises(EngineError) as failed:
        service.hello()
    service.close()
    assert (failed.value.kind, failed.value.message) == ("missing-library", MISSING)
    assert f"{ABSENT}: cannot open" in failed.value.detail


@pytest.mark.engine
@pytest.mark.usefixtures("engine_without_its_library")
def test_a_helper_that_loads_the_engine_names_it(tmp_path: Path) -> None:
    planner: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, tmp_path)
    with pytest.raises(HeftError) as failed:
        planner.call(PlanRequest(b"", 0, ()), deadline_seconds=60)
    planner.close()
    assert (failed.value.kind, failed.value.message) == ("missing-library", MISSING)
    assert f"{ABSENT}: cannot open" in failed.value.detail


@pytest.mark.usefixtures("program_without_its_library")
def test_what_is_said_before_python_runs_is_heard(tmp_path: Path) -> None:
    with driven_engine(tmp_path) as engine:
        died = died_of(engine)
    assert (died.kind, died.message) == ("missing-library", MISSING)
    assert f"{ABSENT}: cannot open shared object file" in died.log_tail


@pytest.mark.usefixtures("program_without_its_library")
def test_a_helper_without_a_log_keeps_its_last_words() -> None:
    helper = Tool[Done]("support.tool_module", Done)
    with pytest.raises(EngineError) as failed:
        helper.call(Do("echo"))
    assert (failed.value.kind, failed.value.message) == ("missing-library", MISSING)
    assert f"{ABSENT}: cannot open shared object file" in failed.value.detail


@pytest.mark.usefixtures("program_without_its_library")
def test_a_template_is_not_blamed_for_it() -> None:
    renderer = Renderer()
    words = renderer.render(RenderRequest("{{ messages }}", (), "", "")).error
    renderer.close()
    assert MISSING in words and "memory" not in words


@pytest.mark.usefixtures("program_without_its_library")
def test_where_no_log_can_be_written_the_last_words_are_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with driven_engine(tmp_path) as engine:
        died = died_of(engine)
    assert f"{ABSENT}: cannot open shared object file" in died.log_tail


def instead_of_the_server(monkeypatch: pytest.MonkeyPatch, stands_in: Path) -> None:
    monkeypatch.setattr(held, "server_program", lambda: stands_in)


@pytest.mark.engine
def test_a_library_that_the_server_lacks_is_named(
    starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = needs_what_is_absent(tmp_path / "program" / "llama-server", "int main(void) { return 0; }")
    instead_of_the_server(monkeypatch, absent)
    with driven_engine(tmp_path) as engine:
        died = engine.try_load(starter_model)
    assert isinstance(died, EngineDied)
    assert (died.kind, died.message, died.exit_code) == ("missing-library", MISSING, 127)
    assert f"{ABSENT}: cannot open shared object file" in died.log_tail


@pytest.mark.engine
def test_whatever_else_ends_the_start_is_told(
    starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "llama-server"
    script.write_text("#!/bin/sh\necho of no use\nexit 1\n")
    script.chmod(0o755)
    instead_of_the_server(monkeypatch, script)
    with driven_engine(tmp_path) as engine:
        died = engine.try_load(starter_model)
    assert isinstance(died, EngineDied)
    assert (died.kind, died.message, died.exit_code) == ("not-started", "The engine ended before it could start.", 1)
    assert died.log_tail.endswith("of no use")


@pytest.mark.engine
def test_an_engine_without_the_server_says_what_to_do(
    starter_model: Path, heft_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_server(tmp_path, monkeypatch)
    with driven_engine(tmp_path) as engine:
        failed = engine.try_load(starter_model)
    assert isinstance(failed, Failed)
    assert failed.kind == "no-server" and "heft engine build" in failed.hint


NO_BACKEND = """
#include <stddef.h>
size_t ggml_backend_reg_count(void) { return 0; }
void ggml_backend_load_all_from_path(const char *folder) {}
void *ggml_backend_dev_by_type(int type) { return NULL; }
"""


def test_a_backend_for_the_cpu_that_the_loader_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    """llama.cpp itself is silent about it and would abort at the first load."""
    package = tmp_path / "llama_cpp"
    library = ctypes.CDLL(str(compile_c(package / "lib" / "libllama.so", NO_BACKEND)))
    needs_what_is_absent(package / "lib" / "libggml-cpu-haswell.so")
    with pytest.raises(RuntimeError) as failed:
        load_backends(library, package)
    assert explain_exit(1, str(failed.value), "starting").message == MISSING


FROZEN = """
import ctypes, runpy, sys
class CDLL(ctypes.CDLL):
    def __init__(self, name, *rest, **more):
        try:
            super().__init__(name, *rest, **more)
        except Exception as error:
            raise OSError(f"Failed to load dynlib/dll {name!r}.") from error
ctypes.CDLL = CDLL
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
"""


@pytest.mark.engine
@pytest.mark.usefixtures("engine_without_its_library")
def test_a_frozen_program_hides_the_loaders_words_but_not_from_heft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyInstaller/loader/pyimod03_ctypes.py puts words of its own in the place of the loader's."""
    monkeypatch.setattr(supervised, "command", lambda name: [sys.executable, "-P", "-c", FROZEN, name])
    with driven_engine(tmp_path) as engine:
        assert died_of(engine).message == MISSING
    planner: Tool[Plans] = Tool("desktop.engine.planner.planner", Plans, tmp_path)
    with pytest.raises(HeftError) as failed:
        planner.call(PlanRequest(b"", 0, ()), deadline_seconds=60)
    planner.close()
    assert failed.value.message == MISSING


@pytest.mark.engine
def test_a_further_backend_that_lacks_a_library_is_left_out_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backends"
    needs_what_is_absent(folder / "libggml-vulkan.so").chmod(0o755)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    with driven_engine(tmp_path) as engine:
        hello = engine.hello()
    reason = f"a library that it needs is missing: {ABSENT}."
    assert hello.left_out == (f"The backend libggml-vulkan.so was left out: {reason}",)


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (
            "dyld[812]: Library not loaded: @rpath/libggml-base.0.dylib\n  Referenced from: <4C1A> /A/libllama.dylib\n",
            "missing-library",
            "A library that the engine needs is missing: libggml-base.0.dylib.",
        ),
        (
            "FileNotFoundError: Could not find module 'C:\\Heft\\_internal\\llama_cpp\\lib\\llama.dll' "
            "(or one of its dependencies). Try using the full path with constructor syntax.",
            "missing-library",
            "A library that the engine needs is missing: llama.dll.",
        ),
        (
            "ImportError: DLL load failed while importing _ctypes: Das angegebene Modul wurde nicht gefunden.",
            "missing-library",
            "A library that the engine needs is missing: _ctypes.",
        ),
        (
            "[PYI-77:ERROR] Failed to load Python shared library '/opt/a b/libpython3.11.so.1.0': "
            "/opt/a b/libpython3.11.so.1.0: cannot open shared object file: No such file or directory",
            "missing-library",
            "A library that the engine needs is missing: libpython3.11.so.1.0.",
        ),
        (
            "RuntimeError: Failed to load shared library '/x/libllama.so': /own/libstdc++.so.6: version "
            "`GLIBCXX_3.4.30' not found (required by /x/libllama.so)",
            "unfit-library",
            "A library that the engine needs is too old: libstdc++.so.6 lacks GLIBCXX_3.4.30.",
        ),
        (
            "/x/heft: symbol lookup error: /own/libggml.so.0: undefined symbol: ggml_add2, version V1",
            "unfit-library",
            "A library that the engine needs cannot be used: libggml.so.0 (undefined symbol: ggml_add2).",
        ),
        (
            "OSError: /tmp/x/libllama.so: failed to map segment from shared object: Operation not permitted",
            "unfit-library",
            "A library that the engine needs cannot be used: libllama.so "
            "(failed to map segment from shared object: Operation not permitted).",
        ),
    ],
)
def test_the_words_of_every_loader(words: str, kind: str, message: str) -> None:
    cause = explain_exit(1, f"an earlier line\n{words}\n", "starting")
    assert (cause.kind, cause.message) == (kind, message)
    assert cause.hint


def test_the_hint_names_the_variable_that_is_to_blame() -> None:
    words = "/own/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /x/libllama.so)"
    cause = explain_loader(words, environment={"LD_LIBRARY_PATH": "/opt:/own/lib"})
    assert cause is not None
    assert cause.hint == "Start Heft without the variable LD_LIBRARY_PATH, which names /own/lib."


@pytest.mark.parametrize("frozen", [True, False])
def test_a_part_of_heft_itself_is_brought_back_by_installing_it(frozen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    cause = explain_loader("OSError: libgomp.so.1: cannot open shared object file: No such file or directory", 1, {})
    assert cause is not None
    assert cause.hint == ("Install Heft again." if frozen else "Set Heft up again.")


def test_windows_names_no_library_when_it_refuses_to_start_a_program() -> None:
    cause = explain_exit(0xC0000135, "", "starting")
    assert (cause.kind, cause.message) == ("missing-library", "A library that the engine needs is missing.")


def test_a_crash_is_not_laid_on_a_library_that_was_left_out_before() -> None:
    words = "failed to load libggml-vulkan.so: libvulkan.so.1: cannot open shared object file: No such file"
    assert explain_exit(-11, words, "starting").kind == "crashed"
    assert explain_exit(1, words, "working").kind == "crashed"
