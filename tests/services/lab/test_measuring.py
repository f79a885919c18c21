"""A measurement as a job, with a helper that knows its answers: what is kept, what is not computed twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.gate import WAIT, Gate
from support.scripted_lab import ALL, CONTEXT, PER_CHUNK, VOCABULARY, ScriptedMeasurer

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.loss_statistics import logits_bytes
from desktop.core.model_ref import ModelRef
from desktop.core.speed import Rate, Speeds
from desktop.services.jobs import JobService
from desktop.services.lab import measuring
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.measuring import MeasuringService
from desktop.services.lab.references import References
from desktop.services.lab.texts import shipped_texts, text_named
from desktop.services.models.library import LibraryService
from desktop.store.measurements import Measurement, MeasurementStore
from desktop.store.paths import Paths


class Planning:
    """Every model fits; 512 tokens a second."""

    rate = 512.0

    def for_load(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> LoadPlan:
        rate = Rate(self.rate, self.rate, self.rate)
        speeds = Speeds(rate, rate, 512, "calibrated", rate) if self.rate else None
        return LoadPlan(ref, asked or LoadSettings(), 2, speeds=speeds)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> type[ScriptedMeasurer]:
    class Made(ScriptedMeasurer):
        computed: list[tuple[str, int, bool]] = []  # noqa: RUF012 - of one test

    Made.gate = gate
    monkeypatch.setattr(measuring, "Tool", Made)
    return Made


@pytest.fixture
def models(tmp_path: Path) -> tuple[str, str]:
    """A variant, and its reference."""
    made = []
    for name, kind in (("m-Q4_K_M", 12), ("m-F16", 1)):
        made.append(g.model(kind=kind, tokenizer__ggml__model="gpt2").write(tmp_path / f"{name}.gguf"))
    return str(made[0]), str(made[1])


Begin = Callable[..., tuple[JobService, MeasuringService]]


@pytest.fixture
def begin(
    tool: type[ScriptedMeasurer], paths: Paths, library: LibraryService, programs: Callable[[], JobService]
) -> Begin:
    def start(bound: int = 1 << 30) -> tuple[JobService, MeasuringService]:
        jobs, planning = programs(), Planning()
        hashes, kept = FileHashes(paths.cache / "hashes.json"), MeasurementStore(paths.measurements)
        return jobs, MeasuringService(paths, jobs, library, lambda: planning, hashes, kept, lambda: bound)  # type: ignore[arg-type,return-value]

    return start


def test_what_it_takes_is_said_before(begin: Begin, models: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, service = begin()
    few = service.prospect(models[0], models[1], chunks=5)
    assert few.logits_bytes == logits_bytes(VOCABULARY, CONTEXT, 5) and few.seconds == pytest.approx(10.0)  # both
    assert few.tokens == 5 * PER_CHUNK and few.text_chunks == ALL
    many = service.prospect(models[0], models[1], effort="thorough")
    assert many.chunks == ALL and many.kld_error == pytest.approx(few.kld_error / 2)
    monkeypatch.setattr(Planning, "rate", 25.6)  # 20 s a chunk and model: two minutes hold 3 of both
    assert service.prospect(models[0], models[1], effort="quick").chunks == 3
    assert service.prospect(models[0], effort="quick").chunks == 6
    monkeypatch.setattr(Planning, "rate", 0.0)
    assert service.prospect(models[0], effort="quick").seconds is None
    alone = service.prospect(models[0])
    assert alone.logits_bytes == 0 and alone.reference is None


def test_the_reference_is_computed_once_for_all_variants(
    begin: Begin, tool: type[ScriptedMeasurer], models: tuple[str, str], tmp_path: Path
) -> None:
    jobs, service = begin()
    first = service.measure(service.prospect(models[0], models[1], chunks=4))
    assert [entry for entry in tool.computed if entry[2]] == [("m-F16.gguf", chunk, True) for chunk in range(4)]
    assert first.distance is not None and first.distance.kld.value == pytest.approx(0.01)
    assert first.tokens == 4 * PER_CHUNK and first.reference_name == "m-F16"
    assert service.kept.all() == (first,)
    other = g.model(kind=14, tokenizer__ggml__model="gpt2").write(tmp_path / "m-Q6_K.gguf")
    tool.computed.clear()
    service.measure(service.prospect(str(other), models[1], chunks=3))  # a shorter one is in the longer one
    assert tool.computed == [("m-Q6_K.gguf", chunk, False) for chunk in range(3)]
    tool.computed.clear()
    alone = service.measure(service.prospect(str(other), chunks=3))
    assert alone.distance is None and alone.reference == ""
    assert [job.outcome for job in jobs.jobs()][-1] == "perplexity 7.389 on prose"


def test_after_a_pause_and_a_quit_it_goes_on_where_it_was(
    begin: Begin, tool: type[ScriptedMeasurer], gate: Gate, models: tuple[str, str], paths: Paths
) -> None:
    jobs, service = begin()
    jobs.restore()  # as the window does
    prospect = service.prospect(models[0], models[1], chunks=6)
    ended: list[Measurement | HeftError] = []

    def measure() -> None:
        try:
            ended.append(service.measure(prospect))
        except HeftError as error:
            ended.append(error)

    tool.hold = 3
    gate.close()
    thread = threading.Thread(target=measure)
    thread.start()
    gate.wait_until_held()
    (job,) = jobs.jobs()
    assert job.progress.done == 6 + 3 and job.progress.total == 12 and job.progress.unit == "chunks"
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused"
    jobs.close()
    thread.join(WAIT)
    assert isinstance(ended[0], CancelledError) and list((paths.data / "lab").glob("*"))
    tool.computed.clear()
    gate.go_on.set()
    later, again = begin()
    later.restore()
    later.resume(job.id)
    assert later.wait(job.id, WAIT).phase == "done"
    assert tool.computed == [("m-Q4_K_M.gguf", chunk, False) for chunk in (3, 4, 5)]
    (found,) = again.kept.all()
    assert found.tokens == 6 * PER_CHUNK and not list((paths.data / "lab").glob("*"))


def test_what_was_measured_of_another_file_is_not_gone_on_with(
    begin: Begin, tool: type[ScriptedMeasurer], gate: Gate, models: tuple[str, str]
) -> None:
    jobs, service = begin()
    prospect = service.prospect(models[0], chunks=4)
    tool.hold = 2
    gate.close()
    thread = threading.Thread(target=service.measure, args=(prospect,))
    thread.start()
    gate.wait_until_held()
    (job,) = jobs.jobs()
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused"
    g.model(kind=12, layers=3, tokenizer__ggml__model="gpt2").write(Path(models[0]))  # another file of the same name
    tool.computed.clear()
    gate.go_on.set()
    jobs.resume(job.id)
    thread.join(WAIT)
    assert [chunk for _, chunk, _ in tool.computed] == [0, 1, 2, 3]


def test_a_cancel_leaves_nothing_of_it(
    begin: Begin, tool: type[ScriptedMeasurer], gate: Gate, models: tuple[str, str], paths: Paths
) -> None:
    jobs, service = begin()
    tool.hold = 2
    gate.close()
    ended: list[str] = []

    def measure() -> None:
        with pytest.raises(CancelledError):
            service.measure(service.prospect(models[0], chunks=4))
        ended.append("cancelled")

    thread = threading.Thread(target=measure)
    thread.start()
    gate.wait_until_held()
    (job,) = jobs.jobs()
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused" and list((paths.data / "lab").glob("*"))
    jobs.cancel(job.id)
    thread.join(WAIT)
    jobs.close()
    assert ended == ["cancelled"] and not list((paths.data / "lab").glob("*")) and not service.kept.all()


def test_what_no_disk_holds_and_numbers_that_are_none_are_refused(
    begin: Begin, tool: type[ScriptedMeasurer], models: tuple[str, str]
) -> None:
    _, service = begin(bound=1000)
    with pytest.raises(HeftError) as caught:
        service.measure(service.prospect(models[0], models[1], chunks=4))
    assert caught.value.kind == "disk-full" and caught.value.settings_page == "models"
    tool.kld = float("nan")
    _, service = begin()
    with pytest.raises(HeftError) as caught:
        service.measure(service.prospect(models[0], models[1], chunks=4))
    assert caught.value.kind == "not-finite" and not service.kept.all()


def test_what_cannot_be_asked_is_refused(begin: Begin, models: tuple[str, str], tmp_path: Path) -> None:
    _, service = begin()
    for wrong in ({"context": 15}, {"context": 17}, {"chunks": ALL + 1}, {"reference": models[0]}):
        with pytest.raises(HeftError) as caught:
            service.prospect(models[0], **wrong)
        assert caught.value.kind == "usage"
    projector = g.model(architecture="clip").write(tmp_path / "mmproj.gguf")
    with pytest.raises(HeftError):
        service.prospect(str(projector))


def test_the_oldest_references_go_when_the_bound_is_reached(tmp_path: Path) -> None:
    size = logits_bytes(VOCABULARY, CONTEXT, 2)
    references = References(tmp_path / "kept", int(2.5 * size))
    made = []
    for number in range(3):
        wanted = references.of(f"model {number}", "sign", VOCABULARY, CONTEXT, 2)
        references.make_room(wanted)
        wanted.path.write_bytes(bytes(size))
        assert wanted.done == 2 and wanted.size_bytes == size
        made.append(wanted)
        if number == 1:
            references.used(made[0])  # the second is the oldest now
            os.utime(made[1].path, (1, 1))
    assert [one.path.exists() for one in made] == [True, False, True]
    partial = replace(made[0], chunks=3)
    assert partial.done == 1 or partial.done == 2


def test_texts_that_come_with_heft_are_there_and_name_their_source() -> None:
    texts = shipped_texts()
    assert [text.name for text in texts] == ["prose", "code", "languages"]
    for text in texts:
        content = text.path.read_text(encoding="utf-8")
        assert len(content.encode()) > 12_000 and text.source and len(text.sha256) == 64
    assert text_named("Prose") == texts[0]
    with pytest.raises(HeftError) as caught:
        text_named("no such text")
    assert "prose, code, languages" in caught.value.hint
