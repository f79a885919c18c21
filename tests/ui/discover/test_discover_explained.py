"""What a newcomer meets: names and KLD explained, one choice in chart and table, nothing that matters cut."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QListView, QPushButton
from pytestqt.qtbot import QtBot
from support.discover_page import Made
from support.published import quality_table

from desktop.services.discover.picker_words import loss, loss_details
from desktop.ui.discover.explained import KldPicture, LossExplained
from desktop.ui.discover.variant_model import ACTION, DOWNLOAD, MEMORY, QUALITY, SPEED, VARIANT, WHERE


def test_the_name_of_the_chosen_variant_is_said_in_a_sentence(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    view = made.page._repo.view
    assert view is not None and view.recommended is not None
    name = view.recommended.variant.quantization
    assert made.text("variantMeaning").startswith(f"{name} means: ")
    table = made.table
    table.setFocus()
    for row in range(table.model().rowCount()):
        table.setCurrentIndex(table.model().index(row, VARIANT))
        shown = made.cells(row)[VARIANT].removesuffix(" ★")
        means = made.text("variantMeaning")
        assert means.startswith(f"{shown} means: ") and means.endswith(".")
        tip = table.model().index(row, VARIANT).data(Qt.ItemDataRole.ToolTipRole)
        assert means.split(": ", 1)[1].split(".")[0] in re.sub(r"<[^>]+>", "", tip)


def test_kld_is_explained_with_a_picture_at_the_columns_head(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    card, button = made.find(LossExplained, "lossExplained"), made.find(QPushButton, "lossExplain")
    assert not card.isVisible() and button.isVisible()
    above = made.table.mapTo(made.page, QPoint(0, 0)).y() - button.mapTo(made.page, QPoint(0, button.height())).y()
    assert 0 <= above <= 40
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert card.isVisible() and made.find(KldPicture, "kldPicture").isVisible()
    assert "how far the chances" in made.text("lossExplainedWords")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not card.isVisible()


def test_perplexity_never_stands_in_the_column_of_kld() -> None:
    """ "large · ppl +19%" stood above "0.01" without a word of its being another measure."""
    table, bare = quality_table(), 0
    for step in table.steps:
        for parameters in (1_000_000_000, 8_000_000_000, 70_000_000_000, None):
            quality = table.quality_of(step.name, "plain", parameters)
            for unit in (True, False):
                said = loss(quality, unit=unit)[0]
                assert "%" not in said and "ppl" not in said and "perplexity" not in said
            if quality.measured and quality.label != "none measurable" and quality.kld_low is None:
                bare += 1
                assert loss(quality)[0].endswith(" · no KLD")
                assert "perplexity" in loss_details(quality)
    assert bare > 0


def test_chart_and_table_show_one_choice(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    layout = made.chart.chart_layout
    assert layout is not None
    for point in layout.points:
        qtbot.mouseClick(made.chart, Qt.MouseButton.LeftButton, pos=point.where.toPoint())
        assert made.table.chosen == made.chart._selected == point.index
        assert made.text("variantMeaning").startswith(f"{point.name} means: ")
    made.table.setCurrentIndex(made.table.model().index(1, VARIANT))
    assert made.chart._selected == made.table.chosen >= 0
    made.open(1)  # another repo: what was chosen in the first is no choice here
    assert made.chart._selected == made.table.chosen == -1


def test_memory_fit_speed_and_the_action_are_the_last_to_go(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    table = made.table
    for width in (1800, 1204, 1025, 900, 745):
        made.page.resize(width, 500)
        qtbot.waitUntil(lambda width=width: made.page.width() == width)  # type: ignore[misc]
        shown = [column for column in range(ACTION + 1) if not table.isColumnHidden(column)]
        assert {VARIANT, MEMORY, WHERE, SPEED, ACTION} <= set(shown), width
        assert QUALITY not in shown or width > 900
        assert DOWNLOAD not in shown or QUALITY in shown, width
        assert sum(table.columnWidth(column) for column in shown) <= table.viewport().width()
        assert made.page._repo.horizontalScrollBar().maximum() == 0
        metrics = table.fontMetrics()
        for text in ("too large by 123.4 GB", "all on GPU (tight)", "CPU only (tight)", "experts in RAM"):
            assert metrics.horizontalAdvance(text) + 2 * table.padding <= table.columnWidth(WHERE), (width, text)
        assert metrics.horizontalAdvance("UD-Q4_K_XL") <= table.columnWidth(VARIANT) - 2 * table.padding or width < 900


def test_a_narrow_list_keeps_names_whole(made: Made, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "Qwen…GGUF" stood beside "partly on GPU": its size was gone."""
    made.page._search.filters.set_fits_only(False)
    made.wait(lambda: "Qwen3-14B-GGUF" in made.results)
    made.page.resize(745, 500)
    qtbot.waitUntil(lambda: made.page.width() == 745)
    drawn: list[str] = []
    draw = QPainter.drawText

    def recorded(painter: QPainter, *arguments: Any) -> Any:
        drawn.extend(argument for argument in arguments if isinstance(argument, str))
        return draw(painter, *arguments)

    monkeypatch.setattr(QPainter, "drawText", recorded)
    made.find(QListView, "discoverResults").viewport().grab()
    assert {"Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "◐ partly on GPU", "● fits"} <= set(drawn)
