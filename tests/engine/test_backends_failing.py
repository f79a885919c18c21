"""A backend that worked and fails later, as after an update of its driver: it is left out, said, the rest serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine import driven_engine
from support.planted_backends import plant

from desktop.engine.api import EngineDied, Hello, Loaded
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE, doubted
from desktop.engine.server import describing

pytestmark = pytest.mark.engine
USED = ({"CPU", "works0", "later0"}, ())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "backends"
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    return folder


@pytest.fixture
def updated(tmp_path: Path) -> Path:
    """A file whose presence means that the driver is another one now."""
    return tmp_path / "updated"


def since(updated: Path, does: str) -> str:
    """C that does something once there is the update."""
    return f'if (access("{updated}", F_OK) == 0) {{ {does}; }}'


def described(place: Path) -> tuple[set[str], tuple[str, ...]]:
    """Devices and left-out backends of an engine that starts now."""
    with driven_engine(place) as engine:
        hello = engine.hello()
    return {device.name for device in hello.devices}, hello.left_out


@pytest.mark.parametrize(
    ("does", "words"), [("abort()", "it crashes the engine."), ("for (;;) pause()", "it did not answer within 4 s.")]
)
def test_a_start_that_crashes_or_hangs_leaves_the_one_to_blame_out(
    does: str, words: str, folder: Path, updated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(folder, "works")
    plant(folder, "later", start=since(updated, does))
    assert described(tmp_path) == USED
    updated.touch()
    if "did not answer" in words:
        monkeypatch.setattr(describing, "PLAIN_SECONDS", 6.0)
        monkeypatch.setattr(describing, "TRIAL_SECONDS", 4.0)
    left_out = (f"The backend libggml-later.so was left out: {words}",)
    assert described(tmp_path) == ({"CPU", "works0"}, left_out)
    assert described(tmp_path) == ({"CPU", "works0"}, left_out)
    assert not doubted(str(folder))


def test_a_load_that_crashes_names_the_backend_and_the_next_one_runs_on_what_is_left(
    folder: Path, updated: Path, tmp_path: Path, starter_model: Path
) -> None:
    plant(folder, "later", computes=since(updated, "abort()"))
    with driven_engine(tmp_path) as engine:
        engine.load(starter_model, 512, gpu_layers=99)
        (hello,) = [event for event in engine.heard if isinstance(event, Hello)]
        assert len(hello.devices) == 2 and hello.left_out == ()
    updated.touch()
    with driven_engine(tmp_path) as engine:
        died = engine.try_load(starter_model, 512, gpu_layers=99)
    assert isinstance(died, EngineDied)
    assert died.kind == "refused-backend" and died.hint.startswith("Load the model again")
    assert died.message == "The backend libggml-later.so was left out: it crashes the engine."
    with driven_engine(tmp_path) as engine:
        assert isinstance(engine.try_load(starter_model, 512, gpu_layers=99), Loaded)
        (hello,) = [event for event in engine.heard if isinstance(event, Hello)]
        assert [device.name for device in hello.devices] == ["CPU"] and hello.left_out == (died.message,)


def test_backends_that_work_alone_and_not_together_are_all_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one finds the first in the process and aborts, which no trial of one library shows."""
    there = 'extern void *dlopen(const char *, int); if (dlopen("{}", 6)) abort();'  # RTLD_NOLOAD | RTLD_NOW
    first = plant(folder, "a-first")
    plant(folder, "second", init=f'if (getenv("HEFT_SECOND")) {{ {there.format(first)} }}')
    monkeypatch.setenv("HEFT_SECOND", "1")
    devices, left_out = described(tmp_path)
    assert devices == {"CPU"}
    assert [sentence.rpartition(": ")[2] for sentence in left_out] == ["the engine does not start with it."] * 2
    with driven_engine(tmp_path) as engine:
        assert isinstance(engine.hello(), Hello)
