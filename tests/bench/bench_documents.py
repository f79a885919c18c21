"""A PDF of 300 pages becomes text, tokens and pieces: how long that takes, and how long the window stands still.

    QT_QPA_PLATFORM=offscreen .venv/bin/python tests/bench/bench_documents.py

The work is done as the chat does it, on a worker thread, while the GUI thread handles its events without a pause; a
frame is what lies between two rounds of them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measure import Figure, markdown  # noqa: E402  # after the path is set
from PySide6.QtCore import QEventLoop, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402
from support.forge_documents import forge_pdf  # noqa: E402

from desktop.core.documents.pieces import pieces_of  # noqa: E402
from desktop.core.documents.word_search import word_scores  # noqa: E402
from desktop.services.container import Container  # noqa: E402
from desktop.services.documents.counting import Counters  # noqa: E402
from desktop.services.documents.retrieval import Source  # noqa: E402
from desktop.services.inspect.tokenizer import TokenizerService  # noqa: E402
from desktop.store.paths import Paths  # noqa: E402
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks  # noqa: E402

PAGES = 300
LINES = 45
MOST_FRAME_MS, MOST_SECONDS = 50.0, 10.0


def _pages() -> list[str]:
    line = "Line {} of page {} tells at some length of one thing and of another, as books do."
    return ["\n".join(line.format(number, page) for number in range(LINES)) for page in range(PAGES)]


def figures(starter: Path) -> list[Figure]:
    """Seconds from a file to its searched pieces, and the longest frame meanwhile."""
    _ = QApplication.instance() or QApplication([])
    tasks = Tasks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = forge_pdf(folder / "book.pdf", _pages())
        with Container(Paths(data=folder / "data", cache=folder / "cache")) as container:
            seconds, frame = _measured(tasks, container, path, starter)
    tasks.shutdown()
    return [
        Figure(
            f"PDF of {PAGES} pages to searched pieces", f"{seconds:.2f} s", seconds, "< 10 s", seconds < MOST_SECONDS
        ),
        Figure("the same, longest frame of the window", f"{frame:.1f} ms", frame, "< 50 ms", frame < MOST_FRAME_MS),
    ]


def _measured(tasks: Tasks, container: Container, path: Path, starter: Path) -> tuple[float, float]:
    counters = Counters(TokenizerService(container.paths), lambda: container.inspection)

    def work(_context: TaskContext) -> int:
        document = container.documents.read(path)
        container.documents.cost([Source(path.name, "", document)], starter)
        pieces = pieces_of(document, counters.of(starter).count)
        scores = word_scores([document.text[piece.start : piece.end] for piece in pieces], "What of page 217?")
        return len(scores)

    loop = QEventLoop()
    longest = 0.0
    last = began = time.perf_counter()

    def beat() -> None:
        nonlocal last, longest
        now = time.perf_counter()
        longest = max(longest, now - last)
        last = now

    timer = QTimer(interval=0)
    timer.timeout.connect(beat)
    timer.start()
    tasks.run(work, lane=Lane.JOB, done=lambda _found: loop.quit())
    loop.exec()
    timer.stop()
    counters.close()
    return time.perf_counter() - began, longest * 1000


if __name__ == "__main__":
    from desktop.store.starter import find_starter

    found = find_starter()
    assert found is not None, "the starter model is not installed"
    print(markdown(figures(found)))
