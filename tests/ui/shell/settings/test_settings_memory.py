"""The settings name no second figure of free memory: how much is free for models, the page Machine says."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from support.settings_dialog import Made


def test_main_memory_is_named_without_another_figure_of_what_is_free(made: Made, qtbot: QtBot) -> None:
    page = made.open("engine")
    qtbot.waitUntil(lambda: any("main memory" in found.text() for found in page.findChildren(QLabel)))
    told = [found.text() for found in page.findChildren(QLabel)]
    assert "34.4 GB of main memory" in told
    assert not [words for words in told if "30.1 GB" in words]  # what the system says is free, the reserve not kept
