"""The window while a job of the Lab runs: its longest frame, and how long Stop takes.

    QT_QPA_PLATFORM=offscreen .venv/bin/python tests/bench/bench_job_frames.py

The job is the real one, in its helper process, and is shown as the window shows it; a frame is what lies between two
rounds of the GUI thread's events.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measure import Figure, markdown  # noqa: E402  # after the path is set
from PySide6.QtCore import QEventLoop, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from desktop.core.cancelled import CancelledError  # noqa: E402
from desktop.core.errors import HeftError  # noqa: E402
from desktop.core.quantize_recipe import Recipe  # noqa: E402
from desktop.services.container import Container  # noqa: E402
from desktop.services.job_kinds import merge_jobs  # noqa: E402
from desktop.store.paths import Paths  # noqa: E402
from desktop.ui.shared.job_list import JobList  # noqa: E402
from desktop.ui.shell.engine_bridge import Bridge  # noqa: E402
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks  # noqa: E402

TYPE = "IQ4_XS"  # takes the longest
STOPS = 5
MOST_FRAME_MS, MOST_STOP_MS = 50.0, 100.0


def figures(starter: Path, quick: bool) -> list[Figure]:
    """The longest frame of a whole quantization, and the median time from Stop to the end of what waited for it."""
    _ = QApplication.instance() or QApplication([])
    tasks = Tasks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Container(Paths(data=folder / "data", cache=folder / "cache")) as container:
            listed = JobList()
            bridge = Bridge(container.jobs.subscribe, merge_jobs)
            bridge.received.connect(lambda _: listed.show_jobs(container.jobs.jobs()))
            listed.show()
            whole = container.quantizing.prospect(str(starter), Recipe("F16"), folder / "whole.gguf")
            container.quantizing.quantize(whole, again=True)
            frame = _longest_frame(tasks, container, folder)
            stops = sorted(_stop(tasks, container, folder) for _ in range(1 if quick else STOPS))
            bridge.close()
            listed.close()
    tasks.shutdown()
    stop = stops[len(stops) // 2]
    return [
        Figure(
            f"longest frame of the window while a model is quantized to {TYPE}", f"{frame:.1f} ms", frame, "< 50 ms",
            frame < MOST_FRAME_MS,
        ),
        Figure(
            "Stop to the end of the job", f"worst {stops[-1]:.0f} ms", stop, "< 100 ms", stop < MOST_STOP_MS
        ),
    ]  # fmt: skip


def _longest_frame(tasks: Tasks, container: Container, folder: Path) -> float:
    loop = QEventLoop()
    longest, last = 0.0, time.perf_counter()

    def beat() -> None:
        nonlocal last, longest
        now = time.perf_counter()
        longest, last = max(longest, now - last), now

    timer = QTimer(interval=0)
    timer.timeout.connect(beat)
    timer.start()

    def work(_context: TaskContext) -> None:
        prospect = container.quantizing.prospect(str(folder / "whole.gguf"), Recipe(TYPE), folder / "small.gguf")
        container.quantizing.quantize(prospect)

    failed: list[HeftError] = []

    def fail(error: HeftError) -> None:
        failed.append(error)
        loop.quit()

    tasks.run(work, lane=Lane.COMMAND, done=lambda _: loop.quit(), failed=fail)
    loop.exec()
    timer.stop()
    assert not failed, failed
    return longest * 1000


def _stop(tasks: Tasks, container: Container, folder: Path) -> float:
    """Milliseconds from Stop to the end."""
    loop, stop, asked = QEventLoop(), threading.Event(), [0.0]

    def work(context: TaskContext) -> None:
        prospect = container.quantizing.prospect(str(folder / "whole.gguf"), Recipe(TYPE), folder / "stopped.gguf")
        container.quantizing.quantize(prospect, progress=context.progress, cancelled=stop.is_set)

    def press() -> None:
        asked[0] = time.perf_counter()
        stop.set()

    ended: list[HeftError] = []

    def fail(error: HeftError) -> None:
        ended.append(error)
        loop.quit()

    begun = QTimer(singleShot=True, interval=2000)
    begun.timeout.connect(press)
    begun.start()
    tasks.run(work, lane=Lane.COMMAND, done=lambda _: loop.quit(), failed=fail)
    loop.exec()
    assert ended and isinstance(ended[0], CancelledError), ended
    return (time.perf_counter() - asked[0]) * 1000


if __name__ == "__main__":
    from desktop.store.starter import find_starter

    found = find_starter()
    assert found is not None, "the starter model is not installed"
    print(markdown(figures(found, "--quick" in sys.argv)))
