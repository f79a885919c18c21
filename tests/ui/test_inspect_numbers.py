"""The panel of a tensor's numbers, over real tensors and its real process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QTableView
from pytestqt.qtbot import QtBot
from support import forge
from support.inspected import inspected, opened

from desktop.core.block_layouts import LAYOUTS
from desktop.services.inspection import Inspected, PlacedTensor
from desktop.services.tensor_numbers import TensorNumbersService
from desktop.store.paths import Paths
from desktop.ui.models.loss_model import LossModel
from desktop.ui.pages.inspect_numbers import NOTHING_SELECTED, TensorNumbersPanel, sampled
from desktop.ui.tasks import Tasks
from desktop.ui.theme import Theme
from desktop.ui.widgets.block_drawing import BlockDrawing
from desktop.ui.widgets.histogram import Histogram


@pytest.fixture
def panel(paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot) -> Iterator[TensorNumbersPanel]:
    service = TensorNumbersService(paths)
    made = TensorNumbersPanel(theme, tasks, service)
    qtbot.addWidget(made)
    made.resize(350, 760)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.show_tensor(None, None)
    service.close()


def text(panel: TensorNumbersPanel, name: str) -> str:
    found = panel.findChild(QLabel, name)
    assert isinstance(found, QLabel)
    return found.text()


def tensor(model: Inspected, name: str) -> PlacedTensor:
    return next(placed for placed in model.tensors if placed.tensor.name == name)


def settled(qtbot: QtBot, panel: TensorNumbersPanel) -> str:
    qtbot.waitUntil(lambda: not text(panel, "inspectNumbersFigures").startswith("Reading"), timeout=20_000)
    return text(panel, "inspectNumbersFigures")


def test_a_tensor_s_figures_histogram_and_block(panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path) -> None:
    model = opened(starter_model)
    panel.show_tensor(model, tensor(model, "blk.0.attn_k.weight"))
    figures = settled(qtbot, panel)
    assert "min −4.969 · max 4.658" in figures and "no NaN, no infinities" in figures
    assert "519 outliers (0.47 %) beyond 4σ" in figures
    assert text(panel, "inspectNumbersFacts") == "110,592 weights in 3,456 blocks of 32, Q4_1"
    assert text(panel, "inspectBlockTitle") == "How Q4_1 stores a block"
    histogram = panel.findChild(Histogram)
    assert histogram is not None and histogram.isVisible()
    bars = histogram.bar_rects()
    assert len(bars) == 61 and max(bar.right() for bar in bars) <= histogram.width() + 1
    assert "most values lie at" in histogram.accessibleDescription()
    panel.show_tensor(None, None)
    assert text(panel, "inspectNumbersFacts") == NOTHING_SELECTED and not histogram.isVisible()


def test_losses_are_measured_on_request_and_copied(
    panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path
) -> None:
    model = opened(starter_model)
    panel.show_tensor(model, tensor(model, "blk.0.attn_k.weight"))
    settled(qtbot, panel)
    measure, table = panel.findChild(QPushButton, "inspectLossMeasure"), panel.findChild(QTableView, "inspectLossTable")
    assert measure is not None and table is not None and not table.isVisible()
    qtbot.mouseClick(measure, Qt.MouseButton.LeftButton)
    assert not measure.isVisible()
    rows = table.model()
    assert isinstance(rows, LossModel)
    qtbot.waitUntil(lambda: rows.rowCount() > 0, timeout=30_000)
    types = [rows.index(row, 0).data() for row in range(rows.rowCount())]
    assert types[0] in ("F16", "BF16") and "Q4_1 ←" in types
    assert "all 110,592 of them" in text(panel, "inspectLossWords")
    copy = panel.findChild(QPushButton, "inspectLossCopy")
    assert copy is not None
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().startswith("Type\tBits\tError\tRMSE\tMax\n")
    panel.show_tensor(model, tensor(model, "output_norm.weight"))
    assert rows.rowCount() == 0 and text(panel, "inspectBlockTitle") == "How F32 stores a weight"


def test_cancel_ends_measuring(panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path) -> None:
    model = opened(starter_model)
    panel.show_tensor(model, tensor(model, "token_embd.weight"))
    settled(qtbot, panel)
    assert "sampled 16.0 M of 28.3 M" in text(panel, "inspectNumbersFigures")
    for name in ("inspectLossMeasure", "inspectLossCancel"):
        button = panel.findChild(QPushButton, name)
        assert button is not None
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "Takes seconds" in text(panel, "inspectLossWords")
    measure = panel.findChild(QPushButton, "inspectLossMeasure")
    assert measure is not None and measure.isVisible()


def test_a_truncated_file_and_planted_nan_are_told(
    panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(starter_model.read_bytes()[:40_000_000])
    model = opened(cut)
    panel.show_tensor(model, tensor(model, "blk.29.ffn_up.weight"))
    assert "beyond the end of the file" in settled(qtbot, panel)
    planted = forge.write(tmp_path / "nan.gguf", {"general.architecture": forge.Value(8, "x")}, [("w", (64,), "F32")])
    data = bytearray(planted.read_bytes())
    model = opened(planted)
    where = model.header.position(model.tensors[0].tensor)
    data[where : where + 8] = np.array([np.nan, np.inf], np.float32).tobytes()
    planted.write_bytes(data)
    panel.show_tensor(model, model.tensors[0])
    assert "⚠ 1 NaN · 1 infinite: this tensor is damaged." in settled(qtbot, panel)


def test_a_remote_tensor_says_what_is_missing(panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path) -> None:
    model = inspected(opened(starter_model).header)
    panel.show_tensor(model, model.tensors[0])
    assert "still on the Hub" in settled(qtbot, panel)


def test_every_layout_fits_its_drawing(theme: Theme, qtbot: QtBot) -> None:
    drawing = BlockDrawing(theme)
    qtbot.addWidget(drawing)
    drawing.resize(280, 200)
    for layout in LAYOUTS.values():
        drawing.set_layout(layout)
        rects = drawing.field_rects()
        assert [field for field, _ in rects] == list(layout.fields)
        assert rects[-1][1].right() <= drawing.width()
        assert all(rect.width() >= 10 for _, rect in rects), layout.type
    assert drawing.grab().width() == 280


def test_samples_are_told_in_words() -> None:
    assert sampled(16_000_000, 131_000_000) == "sampled 16.0 M of 131.0 M, whole rows spread evenly"
