"""The calibration by the real engine: forged models load, decode, are timed and are gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.engine import driven_engine
from support.vulkan import use_lavapipe_alone

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import BytesSource, read_header
from desktop.core.memory import shape_of
from desktop.core.progress import Progress
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.speed import DeviceSpeed
from desktop.engine.helper_process import Tool
from desktop.engine.tools.calibrator import LARGE_BYTES, Calibrate, Calibrated, timings
from desktop.engine.tools.dequantize import TARGETS
from desktop.engine.tools.synthetic_models import ForgedShape, forge, layer_bytes
from desktop.engine.tools.waiting import waited_seconds

SMALL = ForgedShape(layers=2, embedding=256, feed_forward=512, heads=4, kv_heads=2)
MOE = ForgedShape(layers=2, embedding=256, feed_forward=256, heads=4, kv_heads=2, experts=8, experts_used=2)


@pytest.fixture
def tool() -> Iterator[Tool[Calibrated]]:
    made: Tool[Calibrated] = Tool("desktop.engine.tools.calibrator", Calibrated)
    yield made
    made.close()


@pytest.mark.parametrize("kind", TARGETS)
def test_every_type_can_be_forged(kind: str, tmp_path: Path) -> None:
    shape = ForgedShape(layers=1, embedding=256, feed_forward=256, heads=4, kv_heads=4, vocabulary=64)
    header = read_header(BytesSource(forge(tmp_path / "m.gguf", shape, kind).read_bytes()))
    assert not [finding for finding in header.problems if finding.severity == "error"]
    held = [tensor for tensor in header.tensors if tensor.type == kind and tensor.name.startswith("blk.")]
    assert sum(tensor.size_bytes or 0 for tensor in held) == layer_bytes(shape, kind)
    assert layer_bytes(shape, kind) == TYPES_BY_NAME[kind].size(7 * 256 * 256)


@pytest.mark.engine
@pytest.mark.parametrize("shape", [SMALL, MOE], ids=["dense", "experts"])
def test_the_engine_runs_what_was_forged(shape: ForgedShape, tmp_path: Path) -> None:
    path = forge(tmp_path / "m.gguf", shape, "Q4_K")
    found = shape_of(read_header(BytesSource(path.read_bytes())))
    assert found is not None and (found.layer_count, found.experts_used) == (2, shape.experts_used)
    with driven_engine(tmp_path) as engine:
        assert engine.load(path, 512).layers == 2


@pytest.mark.engine
def test_a_calibration_measures_and_leaves_nothing(tool: Tool[Calibrated], tmp_path: Path) -> None:
    (tmp_path / "calibration-left.gguf").write_bytes(b"of a calibration that was cancelled")
    steps: list[Progress] = []
    request = Calibrate(str(tmp_path), ("Q8_0",), seconds=6.0, experts=False)
    try:
        found = tool.call(request, progress=steps.append)
        small, large = found.speed.types["Q8_0"].points
        assert small.bytes < large.bytes
        assert 1e-12 < large.seconds_per_byte < 1e-7
        assert found.speed.types["Q8_0"].prompt > 0
        assert 0 <= found.speed.width_seconds < 1e-6
        assert 0 < found.undisturbed <= 1 and found.threads >= 1
        steps_before = len(steps)
        assert timings(request) == 5 + 18 + 3
        with_attention = Calibrate(str(tmp_path), (), ("q8_0",), seconds=6.0, known=found.speed)
        again = tool.call(with_attention, progress=steps.append).speed
        assert [step.note for step in steps[steps_before:]] == ["measuring attention over q8_0"]
        assert again.types == found.speed.types and set(again.attention) == {"f16", "q8_0"}
        measured = {(sample.head, sample.group, sample.cells) for sample in again.attention["q8_0"].samples}
        assert measured == {(*alike, cells) for alike in ((64, 4), (128, 4), (128, 1)) for cells in (512, 1536, 3072)}
        assert all(sample.decode > 0 for sample in again.attention["q8_0"].samples)
        plainly = Calibrate(str(tmp_path), (), (), seconds=6.0, known=again, unfused=True)
        last = tool.call(plainly, progress=steps.append).speed
        assert steps[-1].note == "measuring attention that is not fused" and set(last.unfused) == {"f16"}
        assert last.unfused["f16"].samples and last.attention == again.attention
        assert steps[1].note == "measuring Q8_0"
    except HeftError as error:  # which is what any of these has to say on a machine that is busy for all of that time
        assert error.kind == FailureKind.DISTURBED, error.detail
    assert steps[0].note == "measuring the fixed costs"
    assert not list(tmp_path.iterdir())


@pytest.mark.engine
def test_a_graphics_card_is_measured_as_the_processor_is(
    tool: Tool[Calibrated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_lavapipe_alone(monkeypatch, tmp_path / "backends")
    known = DeviceSpeed("calibrated", {}, {})
    request = Calibrate(str(tmp_path / "models"), ("Q8_0",), (), seconds=5.0, device="Vulkan0", known=known)
    steps: list[Progress] = []
    try:
        found = tool.call(msgspec.structs.replace(request, room_bytes=60_000_000), progress=steps.append)
    except HeftError as error:  # in software it shares the cores with all other programs
        assert error.kind == FailureKind.DISTURBED, error.detail
    else:
        small, large = found.speed.types["Q8_0"].points
        assert small.bytes < large.bytes < LARGE_BYTES / 2  # of what is measured where there is room
        assert 1e-12 < small.seconds_per_byte < 1e-6
    assert steps[0].note == "measuring Q8_0 on Vulkan0"
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.engine
def test_a_calibration_can_be_cancelled(tool: Tool[Calibrated], tmp_path: Path) -> None:
    begun: list[Progress] = []
    with pytest.raises(HeftError) as told:
        tool.call(
            Calibrate(str(tmp_path), ("Q8_0",)),
            progress=begun.append,
            cancelled=lambda: bool(begun),
        )
    assert isinstance(told.value, CancelledError)


@pytest.mark.engine
def test_a_folder_that_cannot_be_written_is_told(tool: Tool[Calibrated], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HeftError):
        tool.call(Calibrate(str(tmp_path / "file"), ("Q8_0",)))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say how long a thread waited")
def test_waiting_for_a_core_is_seen() -> None:
    pin = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    spin = pin + "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
    script = spin + "from desktop.engine.tools.waiting import waited_seconds\nprint(waited_seconds())"
    root = Path(__file__).parents[2]
    others = [subprocess.Popen([sys.executable, "-c", spin.replace("0.2", "60")]) for _ in range(2)]
    try:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert float(done.stdout) > 0.1  # three on one core: each waits twice as long as it runs


def test_a_process_that_is_gone_waited_for_nothing(tmp_path: Path) -> None:
    assert waited_seconds(1, tmp_path) == 0.0
