"""Backends as libraries: where a portable engine's own lie, and which others are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.engine import driven_engine
from support.planted_backends import COMPUTES_WRONGLY, HANGS, NO_STREAM, plant
from support.sabotage import needs_what_is_absent

from desktop.core.errors import HeftError
from desktop.engine import further_backends
from desktop.engine.backend_records import Tried
from desktop.engine.backend_trial import TRIAL_SECONDS, try_library
from desktop.engine.backends import backend_folder, chosen_cpu, engine_package
from desktop.engine.further_backends import (
    BOX,
    FOLDER_VARIABLE,
    TRIAL_MODEL_VARIABLE,
    box_notes,
    confirm,
    examine,
    untried,
    usable_libraries,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of further backends, named to the engine."""
    folder = tmp_path / "backends"
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    return folder


def hello_of(place: Path) -> tuple[set[str], tuple[str, ...]]:
    """Devices and left-out backends of an engine that starts now."""
    with driven_engine(place) as engine:
        hello = engine.hello()
    names = [device.name for device in hello.devices]
    assert len(names) == len(set(names))
    return set(names), hello.left_out


def test_backends_lie_with_the_libraries_or_beside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "llama_cpp"
    (package / "lib").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "libggml-rpc.so").touch()
    assert backend_folder(package) is None
    (tmp_path / "bin" / "libggml-cpu-haswell.so").touch()
    assert backend_folder(package) == tmp_path / "bin"
    (package / "lib" / "libggml-cpu-haswell.so").touch()
    assert backend_folder(package) == package / "lib"


def test_the_chosen_cpu_backend_is_named_in_the_log() -> None:
    line = "load_backend: loaded CPU backend from /usr/lib/heft/_internal/llama_cpp/lib/libggml-cpu-zen4.so\n"
    assert chosen_cpu(f"load_backend: loaded RPC backend from /x/libggml-rpc.so\n{line}") == "zen4"
    assert chosen_cpu("load_tensors: loaded") == ""


@pytest.mark.engine
def test_a_backend_that_works_is_used_and_one_that_does_not_is_left_out(folder: Path, tmp_path: Path) -> None:
    plant(folder, "works")
    plant(folder, "aborts", start="abort()")
    plant(folder, "old", version=1)
    plant(folder, "empty", devices=0)
    (folder / "libggml-broken.so").write_bytes(b"\x7fELF not a library")
    (folder / "libother.so").write_bytes(b"none of the engine's")
    devices, left_out = hello_of(tmp_path)
    assert devices == {"CPU", "works0"}
    assert [sentence.split()[2] for sentence in left_out] == [
        f"libggml-{name}.so" for name in ("aborts", "broken", "empty", "old")
    ]
    assert "crashes the engine" in left_out[0]
    assert "cannot load it" in left_out[1] and "cannot load it" in left_out[3]
    assert "no device" in left_out[2]
    assert not (folder / "starting").exists()


@pytest.mark.engine
def test_a_backend_that_fails_to_compute_is_left_out(
    folder: Path, tmp_path: Path, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRIAL_MODEL_VARIABLE, str(starter_model))
    plant(folder, "idle", init=NO_STREAM)
    plant(folder, "wrong", computes=COMPUTES_WRONGLY)
    devices, left_out = hello_of(tmp_path)
    assert devices == {"CPU"}
    assert left_out[0].startswith("The backend libggml-idle.so was left out: idle0 (A planted card) makes no context")
    assert left_out[1].startswith(
        "The backend libggml-wrong.so was left out: wrong0 (A planted card) computes a wrong answer"
    )


@pytest.mark.engine
@pytest.mark.parametrize("starter", [True, False])
def test_a_trial_computes_the_known_answer_and_says_how_quick(
    starter: bool, tmp_path: Path, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRIAL_MODEL_VARIABLE, str(starter_model) if starter else "")
    library = plant(tmp_path, "works", called="Works", device_id="0000:01:00.0")
    tried = try_library(library, log=tmp_path / "trial.log")
    assert tried.backend == "Works"
    (device,) = tried.devices
    assert (device.name, device.description, device.device_id) == ("Works0", "A planted card", "0000:01:00.0")
    assert 0 <= device.error < 0.02
    assert (device.tokens_per_second > 0) is (device.processor_tokens_per_second > 0) is starter


@pytest.mark.engine
def test_numbers_that_are_none_are_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    no_numbers = COMPUTES_WRONGLY.replace("compute_wrongly", "compute_nothing")
    with pytest.raises(HeftError) as refused:
        try_library(plant(tmp_path, "nan", computes=no_numbers), log=tmp_path / "trial.log")
    assert refused.value.message == "nan0 (A planted card) computes a wrong answer (no numbers)."
    assert refused.value.kind == "refused-backend" and refused.value.hint


@pytest.mark.engine
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"start": HANGS}, "it did not answer within 2 s."),
        ({"start": "abort()"}, "it crashes the engine."),
        ({"version": 1}, "this engine cannot load it: it was made for another llama.cpp (its interface is version 1,"),
        ({"needed": "ggml_of_tomorrow"}, "this engine cannot load it: it was made for another llama.cpp, whose"),
        ({"devices": 0}, "it finds no device on this computer."),
    ],
)
def test_why_a_library_is_refused(
    fault: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    seconds = 2.0 if "did not answer" in words else TRIAL_SECONDS
    with pytest.raises(HeftError) as refused:
        try_library(plant(tmp_path, "bad", **fault), seconds=seconds, log=tmp_path / "trial.log")
    assert refused.value.message.startswith(words)
    assert refused.value.kind == "refused-backend" and refused.value.hint
    assert list(scratch.iterdir()) == []


@pytest.mark.engine
@pytest.mark.parametrize(
    ("absent", "words", "hint"),
    [
        (
            "libcuda.so.99",
            "NVIDIA's driver is not installed here: libcuda.so.99 is missing.",
            "Install NVIDIA's driver",
        ),
        ("libcudart.so.99", "CUDA's own libraries are not here (any more): libcudart", "heft backends build cuda"),
        ("libcublas.so.99", "CUDA's own libraries are not here (any more): libcublas", "heft backends build cuda"),
        ("libvulkan.so.99", "the Vulkan loader is not installed here: libvulkan.so.99 is missing.", "apt install"),
        ("libxyz.so.99", "a library that it needs is missing: libxyz.so.99.", "Install what holds libxyz.so.99"),
    ],
)
def test_a_library_that_is_missing_is_said_by_what_brings_it(
    absent: str, words: str, hint: str, tmp_path: Path
) -> None:
    library = needs_what_is_absent(tmp_path / "libggml-cuda.so", name=absent)
    with pytest.raises(HeftError) as refused:
        try_library(library, log=tmp_path / "trial.log")
    assert refused.value.message.startswith(words) and hint in refused.value.hint
    assert refused.value.kind == "refused-backend"


@pytest.mark.engine
def test_a_second_backend_of_the_same_kind_is_left_out(folder: Path, tmp_path: Path) -> None:
    plant(folder, "CPU")
    devices, left_out = hello_of(tmp_path)
    assert devices == {"CPU"}
    assert "has this backend already" in left_out[0]


@pytest.mark.engine
def test_of_two_libraries_of_one_kind_the_one_that_was_used_before_stays(folder: Path, tmp_path: Path) -> None:
    plant(folder, "works")
    assert hello_of(tmp_path) == ({"CPU", "works0"}, ())
    plant(folder, "a-newer-one", called="works")
    devices, left_out = hello_of(tmp_path)
    assert devices == {"CPU", "works0"}
    assert left_out == (
        "The backend libggml-a-newer-one.so was left out: libggml-works.so is of the same kind (works) and stays.",
    )
    (folder / "libggml-works.so").unlink()
    assert hello_of(tmp_path) == ({"CPU", "works0"}, ())


@pytest.mark.engine
def test_a_library_in_the_current_directory_is_never_loaded(
    tmp_path: Path, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine starts in its private folder; even there, and beside the model, nothing is loaded from."""
    trace = tmp_path / "loaded"
    start = f'(void)!system("touch {trace}")'
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path, tmp_path / "scratch", tmp_path / "downloads"):
        for name in ("vulkan", "cpu-zen9", "cpu", "cuda"):
            plant(place, name, start=start)
    model = tmp_path / "downloads" / "model.gguf"
    model.symlink_to(starter_model)
    with driven_engine(tmp_path) as engine:
        assert {device.name for device in engine.hello().devices} == {"CPU"}
        engine.load(model)
    assert not trace.exists()


def test_a_verdict_is_kept_until_the_library_changes(folder: Path) -> None:
    tried: list[str] = []

    def trial(file: Path) -> Tried:
        tried.append(file.name)
        if file.name == "libggml-bad.so":
            raise HeftError("it fails.")
        return Tried("good")

    for name in ("bad", "good"):
        (folder / f"libggml-{name}.so").write_bytes(b"1")
    package = engine_package()
    sentences = ["The backend libggml-bad.so was left out: it fails."]
    for _ in range(2):
        assert examine(str(folder), package, trial) == sentences
        confirm(str(folder))
    assert tried == ["libggml-bad.so", "libggml-good.so"]
    assert usable_libraries(str(folder), package) == [folder / "libggml-good.so"]
    (folder / "libggml-good.so").write_bytes(b"22")
    assert usable_libraries(str(folder), package) == []
    examine(str(folder), package, trial)
    assert tried[2:] == ["libggml-good.so"]


def test_other_drivers_mean_another_trial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    (folder / "libggml-good.so").write_bytes(b"1")

    def trial(file: Path) -> Tried:
        tried.append(file.name)
        return Tried("good")

    for drivers in ("a driver", "a driver", "its update"):
        monkeypatch.setattr(further_backends, "surroundings", lambda now=drivers: now)
        assert untried(str(folder), engine_package()) == (0 if len(tried) and drivers == "a driver" else 1)
        examine(str(folder), engine_package(), trial)
        confirm(str(folder))
    assert tried == ["libggml-good.so"] * 2


def test_what_heft_brings_is_not_even_opened_where_it_would_find_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxed = tmp_path / "llama_cpp" / "lib" / BOX / "libggml-vulkan.so"
    boxed.parent.mkdir(parents=True)
    boxed.write_bytes(b"1")
    package = tmp_path / "llama_cpp"
    reason = "No Vulkan driver is installed on this computer."
    monkeypatch.setattr(further_backends, "why_no_vulkan", lambda: reason)
    assert examine(str(folder), package, lambda file: pytest.fail("tried")) == []
    monkeypatch.setattr(further_backends, "device_nodes", lambda: [])
    assert box_notes(package) == ()  # there is no card that it is missed for
    monkeypatch.setattr(further_backends, "device_nodes", lambda: ["/dev/dri/renderD128"])
    assert box_notes(package) == (reason,)
    monkeypatch.setattr(further_backends, "why_no_vulkan", lambda: "")
    assert examine(str(folder), package, lambda file: Tried("Vulkan")) == []
    assert usable_libraries(str(folder), package) == [boxed]
    (folder / "libggml-vulkan.so").write_bytes(b"the user's own")
    assert examine(str(folder), package, lambda file: Tried("Vulkan")) == []
    assert usable_libraries(str(folder), package) == [folder / "libggml-vulkan.so"]


def test_all_are_tried_again_after_a_start_that_did_not_come_through(folder: Path) -> None:
    tried: list[str] = []
    (folder / "libggml-good.so").write_bytes(b"1")

    def fails(file: Path) -> Tried:
        tried.append(file.name)
        return Tried("None")

    for _ in range(2):
        examine(str(folder), engine_package(), fails)
    assert tried == ["libggml-good.so"] * 2


def test_a_folder_that_others_can_write_to_is_not_used(folder: Path) -> None:
    (folder / "libggml-good.so").write_bytes(b"1")
    assert examine(str(folder), engine_package(), lambda file: Tried("good")) == []
    folder.chmod(0o777)
    (sentence,) = examine(str(folder), engine_package(), lambda file: pytest.fail("tried"))
    assert "other users may write" in sentence
    assert usable_libraries(str(folder), engine_package()) == []
