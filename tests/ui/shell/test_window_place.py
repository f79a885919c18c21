"""A window comes back where its title bar can be reached, whatever became of the screens meanwhile."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.services.engine.memory import EngineMemory
from desktop.store.options import WindowGeometry
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window import MainWindow
from desktop.ui.shell.window_place import HANDLE, TITLE_BAR, fitted

LAPTOP = QRect(0, 25, 1280, 775)  # a bar of the desktop above
RIGHT = QRect(1280, 0, 1920, 1080)
ABOVE = QRect(-200, -1440, 2560, 1440)


def held(place: QRect, screens: list[QRect]) -> bool:
    """Whether a hand finds enough of the title bar on one screen."""
    title = QRect(place.x(), place.y(), place.width(), TITLE_BAR)
    parts = [screen & title for screen in screens]
    return any(part.width() >= HANDLE.width() and part.height() >= HANDLE.height() for part in parts)


@pytest.mark.parametrize(
    "wanted",
    [
        QRect(30, 40, 1000, 600),
        QRect(-880, 300, 1000, 600),  # 120 pixels of its right end are in view
        QRect(1180, 25, 1000, 600),  # 100 of its left end
        QRect(100, 770, 900, 600),  # most of it below the screen, its title bar in view
        QRect(100, 10, 900, 600),  # 25 pixels of it below the bar of the desktop
    ],
)
def test_a_place_whose_title_bar_is_in_view_is_kept(wanted: QRect) -> None:
    assert fitted(wanted, [LAPTOP]).topLeft() == wanted.topLeft()
    assert held(fitted(wanted, [LAPTOP]), [LAPTOP])


@pytest.mark.parametrize(
    "wanted",
    [
        QRect(1276, 300, 1000, 600),  # 4 visible pixels
        QRect(-996, 300, 1000, 600),
        QRect(100, 796, 900, 600),
        QRect(100, -560, 900, 600),  # its foot in view, its title bar above the screen
        QRect(100, -10, 900, 600),
        QRect(90_000, 90_000, 1000, 600),
        QRect(-90_000, -90_000, 5000, 5000),
        QRect(3000, 200, 1000, 600),  # on a screen that was unplugged
    ],
)
def test_a_place_out_of_reach_is_moved_to_the_nearest_within(wanted: QRect) -> None:
    place = fitted(wanted, [LAPTOP])
    assert LAPTOP.contains(place.adjusted(0, 0, 0, TITLE_BAR))
    assert place.size() == wanted.size().boundedTo(place.size())


def test_it_goes_no_farther_than_it_has_to() -> None:
    assert fitted(QRect(1276, 300, 1000, 600), [LAPTOP]) == QRect(280, 160, 1000, 600)
    assert fitted(QRect(-996, 60, 1000, 600), [LAPTOP]) == QRect(0, 60, 1000, 600)


def test_with_several_screens_the_nearest_is_taken_and_a_title_over_two_is_not_halved() -> None:
    screens = [LAPTOP, RIGHT, ABOVE]
    assert RIGHT.contains(fitted(QRect(3190, 500, 800, 600), screens))
    assert ABOVE.contains(fitted(QRect(0, -1500, 800, 600), screens))
    between = QRect(1220, 100, 800, 600)  # 60 pixels on the left screen, the rest on the right one
    assert fitted(between, screens) == between
    assert held(fitted(between, [LAPTOP]), [LAPTOP])
    assert fitted(between, [LAPTOP]) != between


def test_never_larger_than_its_screen() -> None:
    place = fitted(QRect(1300, 10, 4000, 3000), [LAPTOP, RIGHT])
    assert place == QRect(1300, 10, 1920, 1080 - TITLE_BAR)


def test_a_window_narrower_than_the_handle_is_kept_where_all_of_it_is_in_view() -> None:
    assert fitted(QRect(50, 50, 60, 40), [LAPTOP]) == QRect(50, 50, 60, 40)


def test_without_a_screen_nothing_is_changed() -> None:
    assert fitted(QRect(5, 6, 700, 500), []) == QRect(5, 6, 700, 500)


@pytest.mark.parametrize("maximized", [False, True])
def test_the_window_itself_comes_back_within_reach(qtbot: QtBot, theme: Theme, tasks: Tasks, maximized: bool) -> None:
    window = MainWindow(theme, (), StatusBar(tasks, lambda pid: EngineMemory(0, 0)))
    qtbot.addWidget(window)
    screen = QApplication.primaryScreen().availableGeometry()
    window.restore(WindowGeometry(screen.right() - 3, 60, 800, 500, maximized))
    with qtbot.waitExposed(window):
        window.show()
    assert window.isMaximized() is maximized
    normal = window.normalGeometry() if maximized else window.geometry()
    assert held(QRect(normal.topLeft(), normal.size()), [screen])
