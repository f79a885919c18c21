"""Command lines of Heft's own processes."""

import sys

import pytest

from desktop.system.child import asked_module, command, drop_bundle_variables


def test_a_checkout_keeps_the_working_directory_off_the_import_path() -> None:
    assert command("desktop.engine.worker.main") == [sys.executable, "-P", "-m", "desktop.engine.worker.main"]


def test_a_frozen_program_runs_its_own_modules_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    program, *arguments = command("desktop.engine.worker.main")
    assert (program, asked_module(arguments)) == (sys.executable, "desktop.engine.worker.main")
    assert asked_module(["--heft-module", "os"]) is None
    assert asked_module(["model.gguf"]) is None


def test_other_programs_get_the_users_own_library_path(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = {
        "LD_LIBRARY_PATH": "/bundle",
        "LD_LIBRARY_PATH_ORIG": "/own",
        "QT_PLUGIN_PATH": "/bundle/plugins",
        "A": "1",
    }
    untouched = dict(bundle)
    drop_bundle_variables(untouched)
    assert untouched == bundle  # a checkout's are the user's own
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    drop_bundle_variables(bundle)
    assert bundle == {"LD_LIBRARY_PATH": "/own", "A": "1"}
    without_own = {"LD_LIBRARY_PATH": "/bundle", "A": "1"}
    drop_bundle_variables(without_own)
    assert without_own == {"A": "1"}
