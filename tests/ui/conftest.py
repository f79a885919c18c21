"""Qt fixtures and guards: offscreen platform, theme, tasks, and no leaked thread, timer or window."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import shiboken6
from PySide6.QtCore import QObject, Qt, QThread, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from support.deferred import delete_what_waits
from support.settled import settle_after_waits

from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture(scope="session")
def _session_theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def theme(_session_theme: Theme) -> Iterator[Theme]:
    """The application's theme, light at first; tests may change it."""
    yield _session_theme
    _session_theme.set_preference("light")


@pytest.fixture
def tasks(qapp: QApplication) -> Iterator[Tasks]:
    """A way off the GUI thread; an error nobody handled fails the test."""
    made = Tasks()
    unhandled: list[object] = []
    made.unhandled.connect(unhandled.append)
    yield made
    made.shutdown()
    assert not unhandled, f"unhandled failures of tasks: {unhandled}"


_WAITED_FOR = "focus_follows"  # marker: what a person did before the work began moves the keyboard when it ends


@pytest.hookimpl(trylast=True)  # once tests/conftest.py has said how long waits may take
def pytest_configure(config: pytest.Config) -> None:
    settle_after_waits()
    config.addinivalue_line("markers", f"{_WAITED_FOR}(why): the end of a job moves the keyboard, as was asked for")


@pytest.fixture(autouse=True)
def focus_stays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No job that ends and no event of a service takes the keyboard from a widget that is still there."""
    taken: list[str] = []

    def guard(kind: type[QObject], name: str) -> None:
        original = getattr(kind, name)

        def guarded(self: QObject, *args: Any) -> Any:
            before = QApplication.focusWidget()
            answer = original(self, *args)
            after = QApplication.focusWidget()
            if before is not None and after is not before and _still_takes_keys(before):
                taken.append(f"{_named(before)} lost the keyboard to {_named(after) if after else 'nobody'}")
            return answer

        monkeypatch.setattr(kind, name, guarded)

    for name in ("_advance", "_finish", "_fail"):
        guard(Tasks, name)
    guard(Bridge, "_tell")
    yield
    if taken and request.node.get_closest_marker(_WAITED_FOR) is None:
        pytest.fail("a job's end moved the keyboard: " + "; ".join(taken))


def _still_takes_keys(widget: QWidget) -> bool:
    """Whether a person put the keyboard there (a page has it by default) and it could still be there."""
    there = shiboken6.isValid(widget) and widget.isVisible() and widget.isEnabled()
    return there and widget.focusPolicy() != Qt.FocusPolicy.NoFocus


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.objectName()}".strip()


def _windows() -> list[QWidget]:
    return [w for w in QApplication.topLevelWidgets() if shiboken6.isValid(w) and w.parent() is None]


@pytest.fixture(scope="session")
def _frozen() -> None:
    gc.collect()
    gc.freeze()  # a collection per test then looks at the test's own objects only


@pytest.fixture(autouse=True)
def _collected_on_this_thread(_frozen: None) -> Iterator[None]:
    """As desktop.ui.shell.collector does in the program: no worker destroys widgets, of this test or a later."""
    gc.disable()
    yield
    gc.collect()
    gc.freeze()  # what is left belongs to the session: the next test need not look at it again
    gc.enable()


@pytest.fixture(autouse=True)
def no_qt_leftovers(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads and timers a test started have stopped, and its windows are gone, when it ends."""
    started: list[weakref.ref[QObject]] = []

    def watch(kind: type[QObject]) -> None:
        original = kind.start  # type: ignore[attr-defined]

        def start(self: QObject, *args: Any) -> Any:
            started.append(weakref.ref(self))
            return original(self, *args)

        monkeypatch.setattr(kind, "start", start)

    watch(QTimer)
    watch(QThread)
    before = {id(w) for w in _windows()}
    yield
    delete_what_waits()
    if any(id(w) not in before for w in _windows()) or any(ref() is not None for ref in started):
        gc.collect()
        delete_what_waits()
    left = [f"window {w!r}" for w in _windows() if id(w) not in before]
    for ref in started:
        thing = ref()
        if thing is None or not shiboken6.isValid(thing):
            continue
        if isinstance(thing, QTimer) and thing.isActive():
            left.append(f"running timer {thing!r} of {thing.parent()!r}")
        if isinstance(thing, QThread) and thing.isRunning():
            left.append(f"running thread {thing!r}")
    if left:
        pytest.fail("left behind by the test: " + ", ".join(left))
