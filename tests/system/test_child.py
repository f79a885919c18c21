"""Command lines of Heft's own processes."""

import sys

import pytest

from desktop.system.child import (
    asked_module,
    command,
    drop_library_path,
    drop_qt_variables,
    own_environment,
)


def test_a_checkout_keeps_the_working_directory_off_the_import_path() -> None:
    assert command("desktop.engine.planner.planner") == [sys.executable, "-P", "-m", "desktop.engine.planner.planner"]


def test_a_frozen_program_runs_its_own_modules_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    program, *arguments = command("desktop.engine.planner.planner")
    assert (program, asked_module(arguments)) == (sys.executable, "desktop.engine.planner.planner")
    assert asked_module(["--heft-module", "os"]) is None
    assert asked_module(["model.gguf"]) is None


def test_every_process_gives_the_users_own_library_path_back(monkeypatch: pytest.MonkeyPatch) -> None:
    started = {"LD_LIBRARY_PATH": "/bundle:/own", "LD_LIBRARY_PATH_ORIG": "/own", "A": "1"}
    untouched = dict(started)
    drop_library_path(untouched)
    assert untouched == started  # a checkout's is the user's own
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", "/bundle", raising=False)
    for given, kept in (
        (started, {"LD_LIBRARY_PATH": "/own", "A": "1"}),
        ({"LD_LIBRARY_PATH": "/bundle", "A": "1"}, {"A": "1"}),
        ({"LD_LIBRARY_PATH": "/own:/more"}, {"LD_LIBRARY_PATH": "/own:/more"}),  # in a child that was given it back
        ({"LD_LIBRARY_PATH": "/bundle:/own"}, {"LD_LIBRARY_PATH": "/own"}),
        ({}, {}),
    ):
        environment = dict(given)
        drop_library_path(environment)
        assert own_environment(environment) == kept
        assert environment == {**kept, "PYINSTALLER_RESET_ENVIRONMENT": "1"}


def test_other_programs_are_not_pointed_at_hefts_qt(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"QT_PLUGIN_PATH": "/bundle/plugins", "QML2_IMPORT_PATH": "/bundle/qml", "A": "1"}
    drop_qt_variables(given)
    assert len(given) == 3  # a checkout's are the user's own
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    drop_qt_variables(given)
    assert given == {"A": "1"}
