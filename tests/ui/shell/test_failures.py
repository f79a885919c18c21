"""Exceptions nobody caught reach the notification area from slots and from threads, and are logged."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from desktop.core.errors import HeftError
from desktop.ui.shell.failures import FailureHooks
from desktop.ui.shell.termination import TerminationSignals


class Sender(QObject):
    """Has a signal."""

    told = Signal()


@pytest.fixture
def hooks() -> Iterator[FailureHooks]:
    made = FailureHooks()
    yield made
    made.remove()


def fail() -> NoReturn:
    raise RuntimeError("broken slot")


@pytest.mark.errors_logged
def test_exception_in_a_slot_is_told_and_logged(
    qtbot: QtBot, hooks: FailureHooks, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender()
    sender.told.connect(fail)
    with qtbot.waitSignal(hooks.failed) as signal_:
        sender.told.emit()
    (error,) = signal_.args
    assert error.kind == "internal"
    assert "broken slot" in error.message
    assert "in fail" in error.detail
    assert "uncaught exception" in caplog.text


@pytest.mark.errors_logged
def test_exception_in_a_thread_is_told_on_the_gui_thread(qtbot: QtBot, hooks: FailureHooks) -> None:
    seen: list[threading.Thread] = []

    class Receiver(QObject):
        def take(self, error: object) -> None:
            seen.append(threading.current_thread())

    receiver = Receiver()
    hooks.failed.connect(receiver.take)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [threading.main_thread()]


def test_a_failure_with_words_for_the_user_is_passed_on_as_it_is(
    qtbot: QtBot, hooks: FailureHooks, caplog: pytest.LogCaptureFixture
) -> None:
    error = HeftError("No room.", "Make some.")
    with qtbot.waitSignal(hooks.failed) as told:
        sys.excepthook(HeftError, error, None)
    assert told.args == [error]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_hooks_are_put_back() -> None:
    before = (sys.excepthook, threading.excepthook)
    hooks = FailureHooks()
    assert (sys.excepthook, threading.excepthook) != before
    hooks.remove()
    assert (sys.excepthook, threading.excepthook) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_wakes_the_event_loop_without_a_timer(qtbot: QtBot, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    termination = TerminationSignals()
    try:
        with qtbot.waitSignal(termination.asked):
            signal.raise_signal(number)
    finally:
        termination.remove()
    assert signal.getsignal(number) == before
