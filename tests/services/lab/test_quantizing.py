"""A quantization as a job, with a helper that does at once what the engine's does: what is left, what is refused."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support import gguf_bytes as g
from support.gate import WAIT, Gate
from support.scripted_lab import ScriptedQuantizer

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError, HeftError
from desktop.core.gguf import read_header
from desktop.core.hardware import Memory
from desktop.core.quantize_recipe import Recipe
from desktop.engine.tools.quantizer import Quantize
from desktop.services.discover.tables import DataTables
from desktop.services.jobs import JobService
from desktop.services.lab import quantizing
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.quantizing import Made, QuantizingService
from desktop.services.models.library import LibraryService
from desktop.store.gguf_files import FileSource
from desktop.store.measurements import MeasurementStore
from desktop.store.paths import Paths


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> type[ScriptedQuantizer]:
    class Made(ScriptedQuantizer):
        asked: list[Quantize] = []  # noqa: RUF012 - of one test

    Made.gate = gate
    monkeypatch.setattr(quantizing, "Tool", Made)
    monkeypatch.setattr(quantizing, "read_memory", lambda: Memory(total_bytes=16 << 30, available_bytes=8 << 30))
    return Made


@pytest.fixture
def begin(
    tool: type[ScriptedQuantizer], paths: Paths, library: LibraryService, programs: Callable[[], JobService]
) -> Callable[[], tuple[JobService, QuantizingService]]:
    def start() -> tuple[JobService, QuantizingService]:
        jobs = programs()

        def nothing() -> Any:
            raise AssertionError("nothing is weighed here")

        hashes = FileHashes(paths.cache / "hashes.json")
        return jobs, QuantizingService(
            paths, jobs, library, nothing, lambda: DataTables().quality, hashes, MeasurementStore(paths.measurements)
        )

    return start


Begin = Callable[[], tuple[JobService, QuantizingService]]


def begun(service: QuantizingService, source: Path, target: Path) -> tuple[threading.Thread, list[Made | HeftError]]:
    ended: list[Made | HeftError] = []

    def make() -> None:
        try:
            ended.append(service.quantize(service.prospect(str(source), Recipe("Q8_0"), target, weigh=False)))
        except HeftError as error:
            ended.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    return thread, ended


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix == ".gguf"}


def test_it_is_put_in_place_when_it_is_whole(begin: Begin, source: Path, tmp_path: Path, paths: Paths) -> None:
    jobs, service = begin()
    target = tmp_path / "out" / "tiny-Q4_0.gguf"
    prospect = service.prospect(str(source), Recipe("q4_0"), target, weigh=False)
    assert prospect.types["Q4_0"] == (256 * 64 + 2 * 256 * 512) // 32 * 18 and not prospect.requantized
    made = service.quantize(prospect)
    assert made.files == (str(target),) and names(target.parent) == {target.name}
    assert made.size_bytes == target.stat().st_size == prospect.size_bytes
    assert made.sha256 == (hashlib.sha256(target.read_bytes()).hexdigest(),)
    assert made.recipe["source.sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert FileHashes(paths.cache / "hashes.json").known(target) == made.sha256[0]
    (job,) = jobs.jobs()
    assert (job.kind, job.phase, job.name) == ("quantize", "done", "Q4_0 of tiny-F16")
    assert job.outcome.startswith("made tiny-Q4_0.gguf, ")
    assert not service.in_library(made)


def test_a_pause_ends_the_work_and_a_resume_begins_again(
    begin: Begin, tool: type[ScriptedQuantizer], gate: Gate, source: Path, tmp_path: Path
) -> None:
    jobs, service = begin()
    target = tmp_path / "tiny-Q8_0.gguf"
    gate.close()
    thread, ended = begun(service, source, target)
    gate.wait_until_held()
    (job,) = jobs.jobs()
    assert names(tmp_path) == {source.name, f".heft-{target.name}"} and 0 < job.progress.fraction < 1
    jobs.pause(job.id)
    assert jobs.wait(job.id, WAIT).phase == "paused"
    assert names(tmp_path) == {source.name}
    gate.go_on.set()
    jobs.resume(job.id)
    thread.join(WAIT)
    assert isinstance(ended[0], Made) and names(tmp_path) == {source.name, target.name}
    assert len(tool.asked) == 2


def test_a_cancel_leaves_nothing(begin: Begin, gate: Gate, source: Path, tmp_path: Path) -> None:
    jobs, service = begin()
    gate.close()
    thread, ended = begun(service, source, tmp_path / "tiny-Q8_0.gguf")
    gate.wait_until_held()
    (job,) = jobs.jobs()
    jobs.cancel(job.id)
    thread.join(WAIT)
    assert isinstance(ended[0], CancelledError)
    jobs.close()
    assert names(tmp_path) == {source.name}


def test_a_quit_in_the_middle_is_made_good_at_the_next_start(
    begin: Begin, gate: Gate, source: Path, tmp_path: Path
) -> None:
    jobs, service = begin()
    jobs.restore()  # as the window does, which leaves its jobs to a later one
    target = tmp_path / "tiny-Q8_0.gguf"
    gate.close()
    thread, ended = begun(service, source, target)
    gate.wait_until_held()
    jobs.close()
    thread.join(WAIT)
    assert isinstance(ended[0], CancelledError) and not target.exists()
    gate.go_on.set()
    later, _ = begin()
    later.restore()
    (job,) = later.jobs()
    assert later.wait(job.id, WAIT).phase == "done" and names(tmp_path) == {source.name, target.name}


def test_what_is_quantized_is_refused_with_a_warning(begin: Begin, tmp_path: Path) -> None:
    source = g.model(kind=12).write(tmp_path / "m-Q4_K_M.gguf")  # Q4_K and Q6_K, its embedding Q8_0
    _, service = begin()
    prospect = service.prospect(str(source), Recipe("Q4_0"), tmp_path / "x.gguf", weigh=False)
    assert prospect.requantized == ("Q4_K", "Q6_K")
    with pytest.raises(HeftError) as caught:
        service.quantize(prospect)
    assert "Q4_K and Q6_K already" in caught.value.message and "--" not in caught.value.hint
    assert service.quantize(prospect, again=True).recipe["requantized"] is True


def test_an_importance_matrix_is_asked_for_and_told_of(
    begin: Begin, tool: type[ScriptedQuantizer], source: Path, tmp_path: Path
) -> None:
    _, service = begin()
    with pytest.raises(HeftError) as caught:
        service.quantize(service.prospect(str(source), Recipe("IQ2_XXS"), tmp_path / "x.gguf", weigh=False))
    assert "importance matrix" in caught.value.message
    matrix = tmp_path / "imatrix.dat"
    matrix.write_bytes(b"matrix")
    recipe = Recipe("IQ2_XXS", imatrix=str(matrix))
    made = service.quantize(service.prospect(str(source), recipe, tmp_path / "x.gguf", weigh=False))
    assert made.recipe["imatrix.sha256"] == hashlib.sha256(b"matrix").hexdigest()
    assert tool.asked[0].imatrix == str(matrix)
    with pytest.raises(HeftError) as caught:
        service.prospect(str(source), Recipe("Q4_0", imatrix=str(tmp_path / "none")), weigh=False)
    assert caught.value.kind == "not-found"


@pytest.mark.parametrize("room", ["disk", "memory", "name"])
def test_what_has_no_room_is_refused_before_it_begins(
    begin: Begin,
    tool: type[ScriptedQuantizer],
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: str,
) -> None:
    _, service = begin()
    target = tmp_path / "x.gguf"
    prospect = service.prospect(str(source), Recipe("Q8_0"), target, weigh=False)
    if room == "disk":
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    elif room == "memory":
        monkeypatch.setattr(quantizing, "read_memory", lambda: Memory(total_bytes=1 << 30, available_bytes=1 << 20))
    else:
        target.write_bytes(b"somebody's")
    with pytest.raises(HeftError) as caught:
        service.quantize(prospect)
    assert "--" not in caught.value.hint  # the window shows it, too
    assert caught.value.kind == {"disk": "disk-full", "memory": "out-of-memory", "name": "file-exists"}[room]
    assert not tool.asked and (target.read_bytes() == b"somebody's" if room == "name" else not target.exists())


def test_a_disk_that_fills_up_and_an_engine_that_fails_leave_nothing(
    begin: Begin, tool: type[ScriptedQuantizer], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, service = begin()
    prospect = service.prospect(str(source), Recipe("Q8_0"), tmp_path / "x.gguf", weigh=False)
    tool.fails = EngineError("The engine refused: x", "", detail="basic_ios::clear: iostream error")
    free = iter([1 << 40, 1000])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    with pytest.raises(HeftError) as caught:
        service.quantize(prospect)
    assert caught.value.kind == "disk-full" and names(tmp_path) == {source.name}
    free = iter([1 << 40, 1 << 40])
    with pytest.raises(HeftError) as caught:
        service.quantize(prospect)
    assert caught.value.message == "The engine refused: x" and names(tmp_path) == {source.name}


def test_shards_stay_shards_where_that_is_asked_for(begin: Begin, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "split"
    folder.mkdir()
    whole = g.model(file_type=1)
    whole.tensors = [("token_embd.weight", (256, 64), 1), ("blk.0.ffn_up.weight", (256, 512), 1)]
    for number in range(2):
        part = g.Model(
            [*(whole.metadata if number == 0 else []), ("split.no", g.U16, number), ("split.count", g.U16, 2),
             ("split.tensors.count", g.I32, 2)],
            whole.tensors[number : number + 1],
        )  # fmt: skip
        part.write(folder / f"m-{number + 1:05d}-of-00002.gguf")
    _, service = begin()
    first, target = str(folder / "m-00001-of-00002.gguf"), tmp_path / "out.gguf"
    prospect = service.prospect(first, Recipe("Q8_0", keep_split=True), target, weigh=False)
    made = service.quantize(prospect)
    assert [Path(name).name for name in made.files] == ["out-00001-of-00002.gguf", "out-00002-of-00002.gguf"]
    assert sum(Path(name).stat().st_size for name in made.files) == prospect.size_bytes == made.size_bytes
    assert len(made.sha256) == 2
    one = service.quantize(service.prospect(first, Recipe("Q8_0"), tmp_path / "one.gguf", weigh=False))
    assert len(one.files) == 1
    with pytest.raises(HeftError) as caught:
        service.prospect(str(source), Recipe("Q8_0", keep_split=True), weigh=False)
    assert caught.value.kind == "usage"


@pytest.mark.parametrize(
    "recipe",
    [Recipe("Q9"), Recipe("NVFP4"), Recipe("Q8_0", (("(", "Q8_0"),)), Recipe("Q8_0", (("a", "Q8_K"),)),
     Recipe("Q8_0", output_type="no")],
)  # fmt: skip
def test_recipes_that_no_quantizer_makes_are_refused(begin: Begin, source: Path, recipe: Recipe) -> None:
    _, service = begin()
    with pytest.raises(HeftError) as caught:
        service.prospect(str(source), recipe, weigh=False)
    assert caught.value.kind == "usage"


def test_files_that_would_come_out_broken_are_refused(begin: Begin, tmp_path: Path) -> None:
    _, service = begin()
    odd = g.model(kind=1, general__alignment=64).write(tmp_path / "odd.gguf")
    with pytest.raises(HeftError) as caught:
        service.prospect(str(odd), Recipe("Q8_0"), weigh=False)
    assert caught.value.kind == "bad-file" and "64 bytes" in caught.value.message
    assert msgspec.structs.asdict(Recipe("Q8_0").checked())["type"] == "Q8_0"


def test_the_recipe_of_the_source_is_not_taken_for_the_copys(begin: Begin, source: Path, tmp_path: Path) -> None:
    _, service = begin()
    recipe = Recipe("Q8_0", (("attn_v", "Q8_0"), ("ffn_up", "Q8_0")), output_type="Q8_0", pure=True)
    first = tmp_path / "first.gguf"
    service.quantize(service.prospect(str(source), recipe, first, weigh=False))
    prospect = service.prospect(str(first), Recipe("Q4_0"), tmp_path / "second.gguf", weigh=False)
    made = service.quantize(prospect)
    assert made.size_bytes == prospect.size_bytes
    with FileSource(tmp_path / "second.gguf") as stream:
        header = read_header(stream)
        values = {key: header.metadata[key].data for key in header.metadata if key.startswith("heft.recipe.")}
    assert values["heft.recipe.type"] == "Q4_0" and values["heft.recipe.source.name"] == "first.gguf"
    assert values["heft.recipe.tensor_types.0"] == values["heft.recipe.output_type"] == ""
    assert values["heft.recipe.pure"] is False and made.recipe.keys() == {
        "type", "source.name", "source.sha256", "engine", "heft",
    }  # fmt: skip
