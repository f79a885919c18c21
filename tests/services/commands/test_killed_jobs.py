"""Jobs of the Lab that were killed half-way: nothing half-made has a final name, and the next start does them.

Quantizing is in ``test_quantize_command.py``, a measurement that its command takes up in ``test_measure_command.py``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.program import poll

from desktop.cli import main
from desktop.core.gguf import read_header
from desktop.services.container import Container
from desktop.services.job_kinds import Job
from desktop.services.job_work import Work, WorkKind
from desktop.services.jobs_left import any_left, take_up
from desktop.services.lab.measuring import MeasureOrder
from desktop.services.lab.rewriting import How, RewriteOrder
from desktop.services.lab.texts import text_named
from desktop.store.gguf_files import FileSource
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
CHUNKS = 10  # of a measurement


def killed(arguments: Sequence[str], begun: Callable[[], bool]) -> None:
    """A command that is killed as soon as it has begun."""
    command = [sys.executable, "-m", "desktop", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        poll(begun, 120, "the work to begin")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)


def taken_up(paths: Paths, kind_of: Callable[[Container], WorkKind[Any, Any]], order: Any) -> str:
    """What came of a job that the window had written down before it was killed, at the next start."""
    with Container(paths) as first:
        kind = kind_of(first)
        kind.save(Work(order), Job(kind.id_of(order), kind.name, "a job", "running"))
    assert any_left(paths)
    with Container(paths) as later:
        take_up(later)
        (job,) = later.jobs.jobs()
        done = later.jobs.wait(job.id, 240)
        assert done.phase == "done", done
        return done.outcome


def tensors_of(path: Path) -> list[str]:
    with FileSource(path) as source:
        return [tensor.name for tensor in read_header(source).tensors]


@pytest.mark.parametrize("how", ["split", "edit", "merge"])
def test_a_file_that_is_written_anew(
    how: How, heft_home: Path, paths: Paths, tmp_path: Path, starter_model: Path
) -> None:
    source, target = starter_model, tmp_path / "made.gguf"
    arguments = {
        "split": ["split", str(source), "--max-size", "60 MB", "--to", str(target)],
        "edit": ["edit", str(source), "general.name=Other", "--to", str(target)],
        "merge": ["merge", str(tmp_path / "parts" / "part-00001-of-00002.gguf"), "--to", str(target)],
    }[how]
    order = RewriteOrder(how, (str(source),), str(target))
    if how == "split":
        order = RewriteOrder(how, (str(source),), str(target), most_bytes=60_000_000)
    elif how == "edit":
        order = RewriteOrder(how, (str(source),), str(target), changes=(("general.name", "Other"),))
    else:
        (tmp_path / "parts").mkdir()
        assert main(["split", str(source), "--max-size", "60 MB", "--to", str(tmp_path / "parts" / "part.gguf")]) == 0
        order = RewriteOrder(how, tuple(map(str, sorted((tmp_path / "parts").glob("*.gguf")))), str(target))
    killed(arguments, lambda: any(path.stat().st_size > 1 << 20 for path in tmp_path.glob(".heft-made*")))
    assert list(tmp_path.glob(".heft-made*")) and not list(tmp_path.glob("made*"))
    assert "made" in taken_up(paths, lambda container: container.rewriting._kind, order)
    made = sorted(tmp_path.glob("made*.gguf"))
    assert len(made) == (2 if how == "split" else 1) and not list(tmp_path.glob(".heft-*")) and not any_left(paths)
    assert sorted(name for path in made for name in tensors_of(path)) == sorted(tensors_of(source))


def test_a_measurement(heft_home: Path, paths: Paths, tmp_path: Path, starter_model: Path) -> None:
    """It goes on behind what was computed of the reference, and its result is kept."""
    copy = Path(shutil.copy(starter_model, tmp_path / "copy-Q4_1.gguf"))
    order = MeasureOrder(str(copy), str(starter_model), str(text_named("prose").path), "prose", 64, CHUNKS)
    head, chunk = 20 + 4 * 64 * CHUNKS, 2 * (49152 + 4) * 31
    kept = paths.cache / "references"

    def begun() -> bool:
        return any(path.stat().st_size > head + 2 * chunk for path in kept.glob("*.logits"))

    arguments = ["measure", str(copy), "--against", str(starter_model), "--context", "64", "--chunks", str(CHUNKS)]
    killed(arguments, begun)
    (file,) = kept.glob("*.logits")
    before = file.read_bytes()
    assert len(before) < head + CHUNKS * chunk and not paths.measurements.exists()
    assert "mean KL divergence" in taken_up(paths, lambda container: container.measuring._kind, order)
    assert file.read_bytes()[: head + 2 * chunk] == before[: head + 2 * chunk]
    with Container(paths) as container:
        (found,) = container.measurements.all()
    assert found.chunks == CHUNKS and found.distance is not None and found.distance.kld.value < 1e-4
    assert not list((paths.data / "lab").glob("*")) and not any_left(paths)
