"""Tasks: results, failures and progress reach the GUI thread; nothing comes after cancel or destruction."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from desktop.core.errors import NotFoundError, StoreError
from desktop.ui.shell import tasks as tasks_module
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks


def test_result_comes_back_on_the_gui_thread(qtbot: QtBot, tasks: Tasks) -> None:
    seen: list[tuple[str, threading.Thread]] = []
    where: list[threading.Thread] = []

    def work(context: TaskContext) -> str:
        where.append(threading.current_thread())
        return "answer"

    task = tasks.run(work, done=lambda value: seen.append((value, threading.current_thread())), lane=Lane.JOB)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [("answer", threading.main_thread())]
    assert where[0] is not threading.main_thread()
    assert not task.running


def test_typed_failure_reaches_its_handler(qtbot: QtBot, tasks: Tasks) -> None:
    failures: list[object] = []
    error = NotFoundError("No such model.", "Pick another.")

    def work(context: TaskContext) -> None:
        raise error

    tasks.run(work, failed=failures.append, lane=Lane.JOB)
    qtbot.waitUntil(lambda: bool(failures))
    assert failures == [error]


def test_unexpected_failure_without_handler_is_told_with_its_traceback(qtbot: QtBot) -> None:
    tasks = Tasks()

    def work(context: TaskContext) -> None:
        raise ZeroDivisionError("by nought")

    with qtbot.waitSignal(tasks.unhandled) as signal:
        tasks.run(work, lane=Lane.JOB)
    tasks.shutdown()
    (error,) = signal.args
    assert error.kind == "internal"
    assert "by nought" in error.message
    assert error.hint
    assert "ZeroDivisionError" in error.detail
    assert "in work" in error.detail


def test_progress_is_merged_but_the_last_value_always_arrives_before_the_result(qtbot: QtBot, tasks: Tasks) -> None:
    seen: list[object] = []

    def work(context: TaskContext) -> str:
        for value in range(10_000):
            context.progress(value)
        return "done"

    tasks.run(work, progress=seen.append, done=seen.append, lane=Lane.JOB)
    qtbot.waitUntil(lambda: "done" in seen)
    assert seen[-2:] == [9_999, "done"]
    assert seen[:-1] == sorted(seen[:-1])  # type: ignore[type-var]


def test_nothing_arrives_after_cancel_and_the_work_can_see_it(qtbot: QtBot, tasks: Tasks) -> None:
    seen: list[object] = []
    started, ended = threading.Event(), threading.Event()

    def work(context: TaskContext) -> str:
        started.set()
        deadline = time.monotonic() + 60
        while not context.cancelled and time.monotonic() < deadline:
            context.progress("more")
        ended.set()
        return "late"

    task = tasks.run(work, done=seen.append, failed=seen.append, lane=Lane.JOB)
    assert started.wait(30)
    task.cancel()
    assert ended.wait(30)
    fence: list[bool] = []
    tasks.run(lambda context: True, done=fence.append, lane=Lane.JOB)
    qtbot.waitUntil(lambda: bool(fence))
    assert seen == []


def test_nothing_is_called_after_the_owner_is_destroyed(qtbot: QtBot, tasks: Tasks) -> None:
    owner = QObject()
    release = threading.Event()
    seen: list[object] = []

    def work(context: TaskContext) -> bool:
        release.wait(60)
        return context.cancelled

    task = tasks.run(work, done=seen.append, failed=seen.append, owner=owner, lane=Lane.JOB)
    owner.deleteLater()
    qtbot.waitSignal(owner.destroyed)
    qtbot.waitUntil(lambda: not task.running)
    release.set()
    fence: list[bool] = []
    tasks.run(lambda context: True, done=fence.append, lane=Lane.JOB)
    qtbot.waitUntil(lambda: bool(fence))
    assert seen == []


def test_more_jobs_than_workers_all_finish(qtbot: QtBot, tasks: Tasks) -> None:
    seen: list[int] = []
    for number in range(50):
        tasks.run(lambda context, number=number: number, done=seen.append, lane=Lane.JOB)  # type: ignore[misc]
    qtbot.waitUntil(lambda: len(seen) == 50)
    assert sorted(seen) == list(range(50))
    names = [t.name for t in threading.enumerate() if t.name.startswith("heft-job-")]
    assert 0 < len(names) <= tasks_module.WIDTHS[Lane.JOB].most


def test_shutdown_is_bounded_even_if_a_job_hangs(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_module, "SHUTDOWN_SECONDS", 0.2)
    release, started = threading.Event(), threading.Event()
    seen: list[object] = []
    tasks = Tasks()

    def work(context: TaskContext) -> str:
        started.set()
        release.wait(60)
        return "late"

    tasks.run(work, done=seen.append, lane=Lane.JOB)
    assert started.wait(30)
    before = time.monotonic()
    tasks.shutdown()
    assert time.monotonic() - before < 30
    assert "did not end in time" in caplog.text
    late = tasks.run(lambda context: "never", done=seen.append, lane=Lane.JOB)
    assert not late.running
    release.set()
    assert seen == []


def test_no_lane_waits_for_another_and_no_command_for_a_command(qtbot: QtBot, tasks: Tasks) -> None:
    release = threading.Event()
    begun = threading.Semaphore(0)

    def stall(context: TaskContext) -> None:
        begun.release()
        release.wait(30)

    stalled = 0
    for lane in (Lane.JOB, Lane.NETWORK):
        for _ in range(tasks_module.WIDTHS[lane].most + 3):  # some of them wait in the queue
            tasks.run(stall, lane=lane)
        stalled += tasks_module.WIDTHS[lane].most
    for _ in range(tasks_module.WIDTHS[Lane.COMMAND].kept + 3):  # a disk that is asleep holds some commands
        tasks.run(stall, lane=Lane.COMMAND)
        stalled += 1
    for _ in range(stalled):
        assert begun.acquire(timeout=30)
    seen: list[str] = []
    try:
        tasks.run(lambda context: "stopped", lane=Lane.COMMAND, done=seen.append)
        qtbot.waitUntil(lambda: seen == ["stopped"])
    finally:
        release.set()


def test_commands_leave_no_more_threads_than_they_need(qtbot: QtBot, tasks: Tasks) -> None:
    together = threading.Barrier(6)
    seen: list[int] = []
    for _ in range(6):
        tasks.run(lambda context: together.wait(30), lane=Lane.COMMAND, done=seen.append)
    qtbot.waitUntil(lambda: len(seen) == 6)

    def left() -> int:
        return sum(thread.name.startswith("heft-command-") for thread in threading.enumerate())

    qtbot.waitUntil(lambda: left() <= tasks_module.WIDTHS[Lane.COMMAND].kept)


def test_what_is_set_last_stays_though_the_disk_was_slow_with_what_came_before(qtbot: QtBot, tasks: Tasks) -> None:
    release, stored = threading.Event(), list[str]()
    done: list[None] = []

    def store(value: str, _context: TaskContext) -> None:
        if value == "first":
            assert release.wait(30)
        stored.append(value)

    for value in ("first", "second", "last"):
        tasks.run(partial(store, value), lane=Lane.COMMAND, done=done.append, queue="a setting")
    tasks.run(partial(store, "another"), lane=Lane.COMMAND, done=done.append, queue="another setting")
    qtbot.waitUntil(lambda: stored == ["another"])  # which does not wait
    release.set()
    qtbot.waitUntil(lambda: len(done) == 4)
    assert stored == ["another", "first", "second", "last"]


def test_what_fails_or_is_cancelled_holds_up_nothing_of_its_queue(qtbot: QtBot, tasks: Tasks) -> None:
    release, seen = threading.Event(), list[str]()

    def fail(_context: TaskContext) -> None:
        assert release.wait(30)
        raise StoreError("The disk is full.", "Make room.")

    tasks.run(fail, lane=Lane.COMMAND, failed=lambda error: seen.append(error.message), queue="a setting")
    never = tasks.run(lambda context: seen.append("never"), lane=Lane.COMMAND, queue="a setting")
    never.cancel()
    tasks.run(lambda context: "stored", lane=Lane.COMMAND, done=seen.append, queue="a setting")
    release.set()
    qtbot.waitUntil(lambda: seen == ["The disk is full.", "stored"])
    tasks.run(lambda context: "again", lane=Lane.COMMAND, done=seen.append, queue="a setting")
    qtbot.waitUntil(lambda: seen[-1] == "again")
