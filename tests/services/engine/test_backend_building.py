"""The build of a backend as a job: for which cards, paused, gone on with, cancelled, tried; what it asks before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.backend_builder import STEPS, ScriptedBuilder, scripted_builder
from support.published import profile

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Machine
from desktop.core.progress import Progress
from desktop.engine import backend_trial
from desktop.engine.api import Hello
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.engine.builder.compiling import ROOM_BYTES
from desktop.engine.builder.cuda_tools import WHEEL_BYTES
from desktop.engine.further_backends import FOLDER_VARIABLE
from desktop.services.engine import backend_building, building
from desktop.services.engine.backend_building import BACKEND_BUILD, BackendBuildService
from desktop.services.engine.backend_words import effort_words
from desktop.services.engine.backends import BackendService
from desktop.services.job_kinds import Job
from desktop.services.jobs import JobService
from desktop.store.paths import Paths

CARD = "NVIDIA GeForce RTX 4070"
TRIED = Tried("CUDA", (ProvenDevice("CUDA0", CARD, "0000:01:00.0", "gpu", 0.0004, 212.0, 40.0),))


class Desk:
    """The service, the list of jobs it works in, and the computer that it is for."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.machine = paths, profile("rtx-4060-8gb")
        backends = BackendService(paths, lambda: Hello("llama.cpp 1", (), (), (), ()))
        self.jobs = JobService()
        self.service = BackendBuildService(paths, self.jobs, backends, lambda: self.machine)

    def half_built(self, scripted: type[ScriptedBuilder]) -> tuple[threading.Thread, list[BaseException]]:
        """Somebody waits for a build that has compiled half and goes on until it is stopped."""
        ended: list[BaseException] = []

        def wait() -> None:
            try:
                self.service.build("cuda", "89")
            except (CancelledError, HeftError) as error:
                ended.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        assert scripted.half.wait(30)
        return thread, ended

    @property
    def job(self) -> Job:
        (job,) = self.jobs.jobs(BACKEND_BUILD)
        return job


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[ScriptedBuilder]:
    Builder = scripted_builder()
    monkeypatch.setattr(backend_building, "CudaBuilder", Builder)
    monkeypatch.setattr(backend_building, "installed", lambda: None)
    monkeypatch.setattr(backend_building, "can_fetch", lambda: True)
    monkeypatch.setattr(backend_trial, "try_library", lambda file, **_options: TRIED)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "backends"))
    return Builder


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.jobs.close()


def with_capability(machine: Machine, *capabilities: str) -> Machine:
    (card,) = machine.gpus
    cards = tuple(msgspec.structs.replace(card, compute_capability=capability) for capability in capabilities)
    return msgspec.structs.replace(machine, gpus=cards)


def test_it_is_built_for_the_cards_that_are_here_and_taken_in(desk: Desk, scripted: type[ScriptedBuilder]) -> None:
    desk.machine = with_capability(desk.machine, "8.9", "8.6", "8.9")
    steps: list[Progress] = []
    backend = desk.service.build("cuda", progress=steps.append)
    assert scripted.asked == ["86;89"] and backend.name == "CUDA" and backend.used
    seen = {(step.done, step.total, step.unit) for step in steps}
    assert (WHEEL_BYTES, WHEEL_BYTES, "bytes") in seen and (STEPS, STEPS, "files") in seen
    assert desk.service.under_way() is None


def test_without_a_card_the_architecture_has_to_be_named(desk: Desk, scripted: type[ScriptedBuilder]) -> None:
    desk.machine = msgspec.structs.replace(desk.machine, gpus=())
    with pytest.raises(HeftError) as failed:
        desk.service.build("cuda")
    assert failed.value.kind is FailureKind.NOT_FOUND and "--architecture 89" in failed.value.hint
    assert desk.service.build("cuda", "9.0").name == "CUDA" and scripted.asked == ["90"]
    with pytest.raises(HeftError) as wrong:
        desk.service.build("cuda", "Ada")
    assert wrong.value.kind is FailureKind.USAGE and scripted.asked == ["90"]


def test_a_paused_build_goes_on_where_it_was_also_after_a_quit(
    desk: Desk, scripted: type[ScriptedBuilder], paths: Paths, tmp_path: Path
) -> None:
    desk.jobs.restore()  # a program that leaves jobs to a later one
    scripted.endless = True
    thread, _ = desk.half_built(scripted)
    assert desk.service.under_way() == ("cuda", "89")
    desk.jobs.pause(desk.job.id)
    assert desk.jobs.wait(desk.job.id, 10).phase == "paused" and desk.service.under_way() is None
    desk.jobs.close()
    thread.join(30)
    scripted.endless = False
    later = Desk(paths)
    later.jobs.restore()
    later.jobs.resume(later.job.id)
    job = later.jobs.wait(later.job.id, 10)
    later.jobs.close()
    assert (job.phase, job.outcome) == ("done", "it is built and works")
    assert scripted.compiled == [*range(1, STEPS + 1)]
    assert (tmp_path / "backends" / "libggml-cuda.so").exists()


def test_a_cancelled_build_leaves_nothing(desk: Desk, scripted: type[ScriptedBuilder], paths: Paths) -> None:
    scripted.endless = True
    thread, ended = desk.half_built(scripted)
    assert (paths.cache / "cuda" / "building-scripted").exists()
    tidied = scripted.discarded
    desk.jobs.cancel(desk.job.id)
    thread.join(30)
    assert isinstance(ended[0], CancelledError) and tidied.wait(30)
    assert not (paths.cache / "cuda" / "building-scripted").exists()


def test_a_compiler_that_fails_is_told_with_its_log(desk: Desk, scripted: type[ScriptedBuilder]) -> None:
    scripted.fails = True
    with pytest.raises(HeftError) as failed:
        desk.service.build("cuda", "89")
    assert failed.value.kind is FailureKind.BUILD_FAILED and "build.log" in failed.value.hint
    assert "no such luck" in failed.value.detail


def test_one_that_fails_its_trial_is_built_and_not_taken_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(file: Path, **_options: Any) -> Tried:
        raise HeftError("it computes a wrong answer.", kind=FailureKind.REFUSED_BACKEND)

    monkeypatch.setattr(backend_trial, "try_library", refuse)
    with pytest.raises(HeftError) as failed:
        desk.service.build("cuda", "89")
    assert failed.value.message == "libggml-cuda.so was not added: it computes a wrong answer."
    assert not list((tmp_path / "backends").glob("*.so"))


def test_what_it_asks_of_the_computer_is_said_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = effort_words("cuda", desk.service.effort("cuda"))
    assert "fetches 602.6 MB" in fetched and "on no card yet" in fetched
    monkeypatch.setattr(backend_building, "installed", object)
    own = effort_words("cuda", desk.service.effort("cuda"))
    assert "fetches 75.0 MB" in own
    assert "no card" not in effort_words("vulkan", desk.service.effort("vulkan"))


def test_it_is_not_begun_where_the_disk_has_no_room_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_free_bytes", lambda _folder: ROOM_BYTES + 1)
    with pytest.raises(HeftError) as failed:
        desk.service.build("cuda", "89")
    assert failed.value.kind is FailureKind.DISK_FULL and "3.5 GB" in failed.value.message
    assert desk.jobs.jobs() == ()
