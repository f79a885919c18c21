"""The composition root of the window: builds every object and hands it to those who need it.

What the first paint does not need is built at its first use or after that paint, so that the window is there at once.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from desktop import __version__
from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.hub_address import PREFIX
from desktop.core.settings_pages import PAGES
from desktop.core.words import tr
from desktop.pages import Pages
from desktop.services.chat.events import MessageFinished
from desktop.services.container import Container
from desktop.services.engine.memory import EngineMemoryReader
from desktop.services.engine.supervisor import EngineState
from desktop.services.single_instance import OpenRequest
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsData
from desktop.ui.shell.collector import Collector
from desktop.ui.shell.engine_bridge import Bridge, merge_states
from desktop.ui.shell.engine_build import EngineBuild
from desktop.ui.shell.failures import FailureHooks
from desktop.ui.shell.palette_sources import Source, chats_source, models_source, options_source
from desktop.ui.shell.reports import Reports
from desktop.ui.shell.run_follower import RunFollower
from desktop.ui.shell.settings.parts import SettingsParts, SettingsServices
from desktop.ui.shell.single_instance import come_forward
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.told import Told
from desktop.ui.shell.window import MainWindow

if TYPE_CHECKING:
    from desktop.core.speed import Speeds
    from desktop.services.models.downloads_records import DownloadState


_log = logging.getLogger(__name__)


class Heft:
    """Everything behind one window."""

    def __init__(self, application: QApplication, paths: Paths, source: str) -> None:
        """``source`` is what the window opens with: a path or an ``hf:`` address, or "" for nothing."""
        self._source = source
        self._started = False
        self._last_failure: object = None
        self._last_loaded: object = None
        self._jobs_bridge: Bridge | None = None
        self._failures = FailureHooks()
        self._told = Told(self._tell)
        self._container = Container(paths, self._told.say)
        settings = self._read_settings()
        self._theme = Theme(application, settings.get(options.THEME))
        self._tasks = Tasks()
        self._collector = Collector(application)
        self._engine_bridge = Bridge(self._container.engine.subscribe, merge_states)
        self._follower = RunFollower(self._tasks, lambda: self._container.recorder)
        self._pages = Pages(
            self._container,
            self._tasks,
            self._theme,
            self._engine_bridge,
            go_to=lambda name: self._window.go_to(name),  # noqa: PLW0108 - the window is made of the entries
            chat_heard=self._on_chat,
            downloaded=self._tell_finished,
            serving=lambda words: self._window.status.show_serving(words),  # noqa: PLW0108 - made after the pages
        )
        self._window = MainWindow(
            self._theme,
            self._pages.entries(),
            StatusBar(self._tasks, EngineMemoryReader(self._container.engine.hello).read),
            load_at_start=settings.get(options.LOAD_AT_START),
        )
        made = self._container
        services = SettingsServices(
            made.paths,
            lambda: made.tokens,
            lambda: made.machine.describe("cached"),
            lambda: made.backends,
            lambda: made.backend_build,
            lambda: made.download_folder.place(),  # noqa: PLW0108 - made when it is asked
            lambda: made.endpoints,
            lambda: made.workers,
            lambda: made.tools,
        )
        self._settings = SettingsParts(made.settings, settings, services, self._tasks, self._theme, self._window)
        self._reports = Reports(self._tasks, made.paths.logs, made.write_report)
        self._engine_build = EngineBuild(self._tasks, lambda: made.engine_build)
        self._connect()
        self._window.restore(settings.get(options.WINDOW))
        self._show_first_page()

    def show(self) -> None:
        """Show the window; the rest follows its first paint."""
        self._window.show()

    def open(self, source: str) -> None:
        """Load a GGUF file, whatever it is called; look into anything else. A path or an ``hf:`` address."""
        path = Path(source)
        if source.startswith(PREFIX):
            self.inspect(source)
        elif source.lower().endswith(".gguf"):
            self._pages.open_file(path)
        else:
            self._tasks.run(
                lambda context: _begins_as_gguf(path),
                done=lambda loads: self._pages.open_file(path) if loads else self.inspect(source),
                lane=Lane.JOB,
            )

    def answer(self, request: OpenRequest) -> None:
        """What a later start of Heft asked for: come to the front, open its file."""
        come_forward(self._window, request.token)
        if request.source:
            self.open(request.source)

    def answer_question(self, question: dict[str, Any]) -> dict[str, Any]:
        """What a command wants to know of this window; off the GUI thread."""
        from desktop.services import jobs_channel

        return jobs_channel.answer(self._container.jobs, question) if question["ask"] == jobs_channel.ASK else {}

    def inspect(self, source: str) -> None:
        """Look into a model: a path, an ``hf:`` address or a library name."""
        self._pages.inspect(source)

    def shut_down(self) -> None:
        """End engine, jobs and stores; takes a bounded time whatever hangs."""
        self._collector.stop()
        self._engine_bridge.close()
        self._pages.close_bridges()
        self._settings.close()
        if self._jobs_bridge is not None:
            self._jobs_bridge.close()
        self._container.end_serving()
        self._container.end_engine()
        if (jobs := self._container.known(Container.jobs)) is not None:
            jobs.close()  # before those who wait for one are cancelled: it goes on at the next start
        self._tasks.shutdown()
        self._pages.close()
        self._container.close()
        self._failures.remove()

    def _show_first_page(self) -> None:
        try:
            self._window.go_to("chat")
        except HeftError as error:  # a damaged chat database must not keep the rest from being used
            self._window.notifications.show_message(error)
            self._window.go_to("library")

    def _palette_sources(self) -> tuple[Source, ...]:
        made = self._container
        return (
            models_source(lambda: made.library.scan(), self._pages.open_file),  # noqa: PLW0108 - made at its first use
            chats_source(lambda: made.chats.chats(), lambda chat_id: self._pages.chat().open_chat(chat_id)),  # noqa: PLW0108
            options_source(options.OPTIONS, PAGES, lambda place: self._settings.open(*place)),
        )

    # -- what happens ----------------------------------------------------------------------------

    def _connect(self) -> None:
        window = self._window
        self._failures.failed.connect(window.notifications.show_message)
        self._tasks.unhandled.connect(window.notifications.show_message)
        self._engine_bridge.received.connect(self._on_engine)
        self._engine_bridge.received.connect(self._follower.follow)
        self._follower.predicted.connect(self._show_prediction)
        window.file_opened.connect(self._pages.open_file)
        window.file_inspected.connect(lambda path: self.inspect(str(path)))
        window.inspect_asked.connect(lambda: self._pages.inspector().ask_file())
        window.appearance_chosen.connect(lambda which: self._settings.options.put(options.THEME, which))
        window.load_at_start_chosen.connect(lambda on: self._settings.options.put(options.LOAD_AT_START, on))
        window.logs_asked.connect(self._open_logs)
        window.about_asked.connect(self._show_about)
        window.report_asked.connect(self._reports.save)
        self._reports.told.connect(window.notifications.show_message)
        self._engine_build.told.connect(window.notifications.show_message)
        self._engine_build.built.connect(self._load_again)
        window.job_asked.connect(self._steer_job)
        window.status.serve_asked.connect(lambda: window.go_to("serve"))
        window.closed.connect(self._remember_window)
        window.set_sources(self._tasks, self._palette_sources())
        window.painted.connect(self._after_first_paint)

    def _after_first_paint(self) -> None:
        if os.environ.get("HEFT_STARTUP_MARK") == "1":
            sys.stderr.write(f"heft-ready {time.monotonic():.6f}\n")
            sys.stderr.flush()
        if not self._window.fontMetrics().inFontUcs4(ord("A")):
            sys.stderr.write("heft: there are no fonts on this system, so the window shows no words.\n")
            sys.stderr.write(tr("      Install some, such as the package fonts-dejavu-core, and start Heft again.\n"))
        self._collector.start()
        self._container.idle_sleep.look_again()
        self._settings.options.watch()
        self._jobs_bridge = self._hear_of_jobs()
        from desktop.ui.shell.icons import application_icon

        QApplication.setWindowIcon(application_icon())
        self._reports.look_for_crashes()
        self._tasks.run(self._settle, lane=Lane.JOB)
        if self._read_settings().get(options.SERVE_AT_START):
            self._pages.serve()
        from desktop.services.jobs_left import any_left

        if any_left(self._container.paths):
            self._pages.restore_jobs()
        else:
            self._container.jobs.restore()
        if self._source:
            self.open(self._source)
        elif self._read_settings().get(options.LOAD_AT_START):
            self._tasks.run(self._load_first, lane=Lane.JOB)

    def _hear_of_jobs(self) -> Bridge:
        from desktop.services.job_kinds import merge_jobs

        bridge = Bridge(self._container.jobs.subscribe, merge_jobs)
        bridge.received.connect(lambda _: self._window.show_jobs(self._container.jobs.jobs()))
        bridge.received.connect(self._engine_build.hear_job)
        return bridge

    def _settle(self, context: TaskContext) -> None:
        """Housekeeping nobody waits for."""
        _log.info("Heft %s started", __version__)
        if self._container.paths.removing.exists():
            self._container.removals.finish()
        if self._container.known(Container.chats) is not None:
            from desktop.store.chats_order import TRASH_SECONDS

            self._container.chats.purge(TRASH_SECONDS)

    def _load_first(self, context: TaskContext) -> None:
        """Load a model unless the user was faster."""
        from desktop.services.models.first_model import first_model

        made, last = self._container, self._read_settings().get(options.LAST_MODEL)
        first = first_model(made.library, lambda identity: made.endpoints.answering(identity), last)  # noqa: PLW0108
        plan = made.planning.for_load(first.ref)
        if made.engine.last_plan is None:
            made.engine.load(plan)
            if first.missed is not None:
                self._failures.failed.emit(first.missed)

    def _on_engine(self, state: EngineState) -> None:
        self._window.status.show_state(state)
        failure = state.failure or state.died
        if failure is not None and failure is not self._last_failure:
            offered = self._engine_build.hear_failure(state.failure)
            if not offered and self._window.current != "chat":
                self._tell_failure(state)  # the chat says it itself, with what can be done
        self._last_failure = failure
        if state.loaded is not None and state.loaded is not self._last_loaded:
            where, here = state.loaded.path, not state.loaded.endpoint
            self._tasks.run(lambda context: self._note_loaded(where, here=here), lane=Lane.JOB)
        self._last_loaded = state.loaded

    def _load_again(self) -> None:
        """What was refused for want of the engine that is there now."""
        engine = self._container.engine
        if engine.state.failure is not None and engine.last_plan is not None:
            self._pages.run(engine.last_plan)

    def _on_chat(self, event: object) -> None:
        if isinstance(event, MessageFinished):
            figures = event.message.statistics
            self._window.status.show_answer(figures.get("tokens_per_second", 0.0))
            self._follower.answered(figures)

    def _show_prediction(self, found: Speeds | None) -> None:
        from desktop.ui.chat.page import ChatPage

        page = self._window.page("chat")
        if isinstance(page, ChatPage):
            page.show_prediction(found)

    def _tell(self, error: HeftError) -> None:
        self._window.notifications.show_message(error)

    def _tell_finished(self, state: DownloadState) -> None:
        self._window.notifications.show_message(tr("{name} is here, and its checksum is right.", name=state.name))

    def _steer_job(self, word: str, job_id: str) -> None:
        """Press a button of a job's row."""
        jobs = self._container.jobs
        if word not in ("chat", "remove"):
            failed = self._window.notifications.show_message
            queue = f"job {job_id}"
            self._tasks.run(lambda context: jobs.steer(word, job_id), failed=failed, lane=Lane.COMMAND, queue=queue)
            return
        result = next((job.result for job in jobs.jobs() if job.id == job_id), None)
        if result is not None and word == "remove":
            self._pages.remove(result)
        elif result is not None:
            self._pages.open_file(result)

    def _tell_failure(self, state: EngineState) -> None:
        from desktop.services.engine.headless import death_error

        error = death_error(state.died) if state.died is not None else state.failure
        if error is not None:
            cancelled = isinstance(error, CancelledError)
            self._window.notifications.show_message(error.message if cancelled else error)

    def _note_loaded(self, where: str, *, here: bool) -> None:
        """``where`` is the path of a file that is ``here``, or names a model of another server."""
        try:
            if here:
                self._container.library.note_used(Path(where))
            self._container.settings.set(options.LAST_MODEL, where)
        except HeftError as error:
            _log.warning("the use of a model was not noted: %s", error.message)

    def _open_logs(self) -> None:
        self._container.paths.logs.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._container.paths.logs)))

    def _show_about(self) -> None:
        from desktop.ui.shell.about import AboutDialog

        AboutDialog(
            self._tasks,
            self._container.describe_engine,
            lambda: self._container.machine.describe("cached"),
            self._container.paths.logs,
            self._window,
        ).open()

    def _remember_window(self, geometry: options.WindowGeometry) -> None:
        try:
            self._container.settings.set(options.WINDOW, geometry)
        except HeftError as error:
            _log.warning("the window's place was not kept: %s", error.message)

    def _read_settings(self) -> SettingsData:
        try:
            return self._container.settings.load()
        except HeftError as error:
            self._failures.failed.emit(error)
            return SettingsData()

    def close_window(self) -> None:
        """As the user closes it."""
        self._window.close()


def _begins_as_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False  # a folder, or gone: the page Inspect says which
