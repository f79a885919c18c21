"""What a person asks for while every other lane is stalled: from the press to its effect, beside the same at rest.

The real chat page on a real store with a scripted engine, and real downloads from a local Hub, offscreen.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from measure import Figure, markdown  # noqa: E402  # after the path is set
from PySide6.QtCore import QCoreApplication, QEvent, Qt  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QWidget  # noqa: E402
from support.chat_page import Desk  # noqa: E402
from support.downloading import make_service  # noqa: E402
from support.hub_server import BytesContent, HubServer, Repo  # noqa: E402
from support.stalling import stalled  # noqa: E402

from desktop.services.jobs import JobService  # noqa: E402
from desktop.store.chats import ChatStore  # noqa: E402
from desktop.store.paths import Paths  # noqa: E402
from desktop.ui.shared.job_list import JobList  # noqa: E402
from desktop.ui.shell.engine_bridge import Bridge  # noqa: E402
from desktop.ui.shell.tasks import Lane, Tasks  # noqa: E402
from desktop.ui.shell.theme import Theme  # noqa: E402

TARGET_SECONDS = 0.1
WAIT_SECONDS = 20.0
ROUNDS, QUICK_ROUNDS = 20, 5
COMMANDS = ("send", "stop", "cancel a load", "pause a download")


class Hands:
    """What the support of the tests asks of pytest-qt, without pytest."""

    mouseClick, keyClick, keyClicks = QTest.mouseClick, QTest.keyClick, QTest.keyClicks  # noqa: N815

    def addWidget(self, widget: QWidget) -> None:
        """Nothing to do: the bench closes what it opens."""

    @staticmethod
    def waitUntil(check: Callable[[], bool], timeout: int = 20_000) -> None:
        """Handle events until it is so."""
        until(check)

    @contextmanager
    def waitExposed(self, widget: QWidget) -> Iterator[None]:
        """Until the window is there."""
        yield
        QTest.qWaitForWindowExposed(widget)


def until(check: Callable[[], bool]) -> None:
    """Handle events until ``check`` is true."""
    deadline = time.perf_counter() + WAIT_SECONDS
    while not check():
        if time.perf_counter() > deadline:
            raise TimeoutError("the command had no effect")
        QCoreApplication.processEvents()


def timed(press: Callable[[], None], effect: Callable[[], bool]) -> float:
    """Seconds from the press to its effect."""
    begun = time.perf_counter()
    press()
    until(effect)
    return time.perf_counter() - begun


def click(button: QPushButton) -> None:
    """With the mouse."""
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


class Bench:
    """The pages and services; each command can be given again and again."""

    def __init__(self, folder: Path, hub: HubServer, tasks: Tasks, theme: Theme) -> None:
        self.hub, self.tasks = hub, tasks
        paths = Paths(folder / "data", folder / "cache")
        self.store = ChatStore(paths.chats)
        model = folder / "smol.gguf"
        model.touch()
        self.model = model
        self.desk = Desk(Hands(), self.store, paths, tasks, theme, model)  # type: ignore[arg-type]
        self.jobs = JobService()
        self.downloads = make_service(hub, paths, folder / "hf", jobs=self.jobs)
        self.list = JobList()
        self.list.asked.connect(self._steer)
        self.bridge = Bridge(self.jobs.subscribe, lambda older, newer: None)
        self.bridge.received.connect(lambda _: self.list.show_jobs(self.jobs.jobs()))
        self.list.show()
        self.desk.answer("Hello?", "Hi.")  # the model is loaded

    def close(self) -> None:
        self.bridge.close()
        self.jobs.close()
        self.desk.close()
        self.store.close()

    def _steer(self, word: str, job_id: str) -> None:
        self.tasks.run(lambda context: self.jobs.steer(word, job_id), lane=Lane.COMMAND)

    def send(self) -> float:
        """From Enter to the request at the engine."""
        engine, before = self.desk.engine, len(self.desk.engine.requests)
        editor = self.desk.page.findChild(QPlainTextEdit, "composerText")
        assert editor is not None
        editor.setPlainText("And?")
        took = timed(lambda: QTest.keyClick(editor, Qt.Key.Key_Return), lambda: len(engine.requests) > before)
        engine.say("Yes.")
        engine.finish()
        until(lambda: not self.desk.page._talk.busy)
        return took

    def stop(self) -> float:
        """From the click on Stop to the engine's cancel."""
        engine = self.desk.engine
        self.desk.ask("Go on.")
        engine.say("A long")
        before = engine.cancels
        took = timed(lambda: click(self.desk.button("composerSend")), lambda: engine.cancels > before)
        until(lambda: not self.desk.page._talk.busy)
        return took

    def cancel_load(self) -> float:
        """From the click on Cancel to the engine's cancel."""
        engine = self.desk.engine
        self.desk.page.open_model(self.model)
        until(lambda: engine.state.phase == "loading" and self._visible("cancelLoad") is not None)
        before, button = engine.cancels, self._visible("cancelLoad")
        assert button is not None
        assert button is not None
        took = timed(lambda: click(button), lambda: engine.cancels > before)
        engine.finish_load()
        until(lambda: engine.state.phase == "ready")
        return took

    def pause_download(self) -> float:
        """From the click on Pause to the download that is paused."""
        self.hub.bytes_per_second = 1_000_000
        download = self.downloads.start("owner/model", ["m.gguf"], name="owner/model Q4_K_M")
        until(lambda: self.downloads.state(download).phase == "downloading")
        until(lambda: self.list.findChild(QPushButton, f"pause_{download}") is not None)
        button = self.list.findChild(QPushButton, f"pause_{download}")
        assert button is not None
        took = timed(lambda: click(button), lambda: self.downloads.state(download).phase == "paused")
        self.downloads.cancel(download)
        until(lambda: not self.list.findChildren(QPushButton, f"cancel_{download}"))
        return took

    def _visible(self, name: str) -> QPushButton | None:
        found = self.desk.page.findChildren(QPushButton, name)
        return next((button for button in found if button.isVisible()), None)


def figures(quick: bool = False) -> list[Figure]:
    """One line for each command: the slowest of all rounds, in milliseconds."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    rounds = QUICK_ROUNDS if quick else ROUNDS
    found = []
    content = BytesContent(random.Random(1).randbytes(5_000_000))
    with tempfile.TemporaryDirectory() as name, HubServer([Repo("owner/model", {"m.gguf": content})]) as hub:
        from huggingface_hub import constants

        constants.HF_HUB_OFFLINE = False
        tasks = Tasks()
        bench = Bench(Path(name), hub, tasks, Theme(application, "light"))
        calls: dict[str, Callable[[], float]] = dict(
            zip(COMMANDS, (bench.send, bench.stop, bench.cancel_load, bench.pause_download), strict=True)
        )
        try:
            for command, call in calls.items():
                rest = max(call() for _ in range(rounds))
                with stalled(tasks):
                    worst = max(call() for _ in range(rounds))
                what = f"{command}, every job and network worker stalled, ms"
                sides = f"{1e3 * worst:.1f} ms stalled, {1e3 * rest:.1f} ms at rest, slowest of {rounds}"
                found.append(Figure(what, sides, 1e3 * worst, "< 100", worst < TARGET_SECONDS))
        finally:
            bench.close()
            tasks.shutdown()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return found


if __name__ == "__main__":
    measured = figures("--quick" in sys.argv)
    print(markdown(measured))
    sys.exit(0 if all(figure.reached for figure in measured) else 1)
