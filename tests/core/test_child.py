"""Command lines of Heft's own processes."""

import sys

import pytest

from desktop.core.child import asked_module, command


def test_a_checkout_keeps_the_working_directory_off_the_import_path() -> None:
    assert command("desktop.engine.worker") == [sys.executable, "-P", "-m", "desktop.engine.worker"]


def test_a_frozen_program_runs_its_own_modules_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    program, *arguments = command("desktop.engine.worker")
    assert (program, asked_module(arguments)) == (sys.executable, "desktop.engine.worker")
    assert asked_module(["--heft-module", "os"]) is None
    assert asked_module(["model.gguf"]) is None
