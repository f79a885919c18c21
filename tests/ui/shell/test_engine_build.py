"""Where a model cannot be loaded for want of the server, the window offers to build it, and says how that went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.building import FakePip, without_server

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.server.program import find_server, server_program
from desktop.services.container import Container
from desktop.services.job_kinds import merge_jobs
from desktop.store.paths import Paths
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.engine_build import EngineBuild
from desktop.ui.shell.notifications import NotificationArea
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    without_server(tmp_path, monkeypatch)
    return FakePip(tmp_path / "pip", monkeypatch)


@pytest.fixture
def container(paths: Paths, pip: FakePip) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


@pytest.fixture
def area(qtbot: QtBot, theme: Theme) -> Iterator[NotificationArea]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(820, 520)
    window.show()
    yield NotificationArea(theme, window)
    window.close()


@pytest.fixture
def build(container: Container, tasks: Tasks, area: NotificationArea) -> Iterator[EngineBuild]:
    offered = EngineBuild(tasks, lambda: container.engine_build)
    offered.told.connect(area.show_message)
    bridge = Bridge(container.jobs.subscribe, merge_jobs)
    bridge.received.connect(offered.hear_job)
    yield offered
    bridge.close()


def no_server() -> EngineError:
    with pytest.raises(EngineError) as failed:
        server_program()
    return failed.value


def wait_for(qtbot: QtBot, area: NotificationArea, words: str) -> None:
    qtbot.waitUntil(lambda: any(words in shown.text for shown in area.notifications), timeout=20_000)


def offer(qtbot: QtBot, area: NotificationArea) -> QPushButton:
    wait_for(qtbot, area, "comes without the program that runs models")
    button = area.findChild(QPushButton, "notificationAnswer0")
    assert button is not None and button.isVisible() and button.text() == "Build the engine"
    return button


def test_one_press_builds_it_and_tells_when_it_is_there(
    build: EngineBuild, area: NotificationArea, qtbot: QtBot
) -> None:
    assert build.hear_failure(no_server())
    with qtbot.waitSignal(build.built, timeout=20_000):
        offer(qtbot, area).click()
    wait_for(qtbot, area, "The engine is built.")
    found = find_server()
    assert found is not None and found.source == "built"


def test_the_offer_says_how_long_it_takes(build: EngineBuild, area: NotificationArea, qtbot: QtBot) -> None:
    build.hear_failure(no_server())
    offer(qtbot, area)
    hint = area.findChild(QWidget, "notificationHint")
    assert hint is not None and "It takes about" in hint.property("text")


def test_a_build_that_fails_says_where_the_log_is_and_may_be_tried_again(
    build: EngineBuild, area: NotificationArea, pip: FakePip, qtbot: QtBot
) -> None:
    pip.mood("bad compiler")
    build.hear_failure(no_server())
    offer(qtbot, area).click()
    wait_for(qtbot, area, "The engine could not be compiled.")
    pip.mood()
    build.hear_failure(no_server())
    with qtbot.waitSignal(build.built, timeout=20_000):
        offer(qtbot, area).click()


def test_what_is_missing_for_a_build_is_told_at_once(
    build: EngineBuild, area: NotificationArea, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonesuch")
    build.hear_failure(no_server())
    offer(qtbot, area).click()
    wait_for(qtbot, area, "There is no C++ compiler here.")


def test_a_build_is_in_the_list_of_jobs_and_can_be_cancelled(
    build: EngineBuild, area: NotificationArea, container: Container, pip: FakePip, qtbot: QtBot
) -> None:
    pip.mood("no end")
    build.hear_failure(no_server())
    offer(qtbot, area).click()
    qtbot.waitUntil(lambda: any(job.progress.known for job in container.jobs.jobs("build")), timeout=20_000)
    (job,) = container.jobs.jobs("build")
    build.hear_failure(no_server())  # a model is asked for meanwhile
    wait_for(qtbot, area, "is being built")
    container.jobs.cancel(job.id)
    assert container.jobs.jobs("build") == ()


def test_other_failures_are_not_its_business(build: EngineBuild) -> None:
    assert not build.hear_failure(EngineError("Out of memory.", kind=FailureKind.OUT_OF_MEMORY))
    assert not build.hear_failure(None)
