"""The panel of a tensor's numbers, over real tensors and its real process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QTableView
from pytestqt.qtbot import QtBot
from support import forge
from support.hub_server import FileContent, HubServer, Repo
from support.inspected import inspected, opened
from support.widgets import find, label, shown

from desktop.core.block_layouts import LAYOUTS
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import Inspected, InspectionService, PlacedTensor
from desktop.services.inspect.tensor_numbers import Summary, TensorNumbersService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.inspect.block_drawing import BlockDrawing
from desktop.ui.inspect.histogram import Histogram
from desktop.ui.inspect.loss_model import LossModel
from desktop.ui.inspect.numbers import NOTHING_SELECTED, TensorNumbersPanel
from desktop.ui.inspect.numbers_words import sampled
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def panel(paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot) -> Iterator[TensorNumbersPanel]:
    service = TensorNumbersService(paths)
    made = shown(qtbot, TensorNumbersPanel(theme, tasks, service), 350, 760)
    yield made
    made.show_tensor(None, None)
    service.close()


def tensor(model: Inspected, name: str) -> PlacedTensor:
    return next(placed for placed in model.tensors if placed.tensor.name == name)


def settled(qtbot: QtBot, panel: TensorNumbersPanel) -> str:
    qtbot.waitUntil(lambda: not label(panel, "inspectNumbersFigures").startswith("Reading"), timeout=20_000)
    return label(panel, "inspectNumbersFigures")


def focused(panel: TensorNumbersPanel) -> str:
    found = panel.focusWidget()
    return found.objectName() if found is not None else ""


def test_a_tensor_s_figures_histogram_and_block(panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path) -> None:
    model = opened(starter_model)
    panel.show_tensor(model, tensor(model, "blk.0.attn_k.weight"))
    figures = settled(qtbot, panel)
    assert "min −4.969 · max 4.658" in figures and "no NaN, no infinities" in figures
    assert "519 outliers (0.47 %) beyond 4σ, not drawn" in figures
    assert label(panel, "inspectNumbersFacts") == "110,592 weights in 3,456 blocks of 32, Q4_1"
    assert label(panel, "inspectBlockTitle") == "How Q4_1 stores a block"
    histogram = panel.findChild(Histogram)
    assert histogram is not None and histogram.isVisible()
    bars = histogram.bar_rects()
    assert len(bars) == 61 and max(bar.right() for bar in bars) <= histogram.width() + 1
    assert "most values lie at" in histogram.accessibleDescription()
    assert histogram.accessibleDescription().endswith("; all lie from −4.969 to 4.658")
    first, last = histogram.ends  # drawn below the bars, which end before the outliers
    assert first.endswith("(min −4.969)") and last.startswith("(max 4.658)")
    assert float(first.split()[0].replace("−", "-")) > -4.969 and float(last.split()[-1]) < 4.658
    panel.show_tensor(None, None)
    assert label(panel, "inspectNumbersFacts") == NOTHING_SELECTED and not histogram.isVisible()


def test_losses_are_measured_on_request_and_copied(
    panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path
) -> None:
    model = opened(starter_model)
    panel.show_tensor(model, tensor(model, "blk.0.attn_k.weight"))
    settled(qtbot, panel)
    measure, table = panel.findChild(QPushButton, "inspectLossMeasure"), panel.findChild(QTableView, "inspectLossTable")
    assert measure is not None and table is not None and not table.isVisible()
    qtbot.mouseClick(measure, Qt.MouseButton.LeftButton)
    assert not measure.isVisible() and focused(panel) == "inspectLossCancel"
    rows = table.model()
    assert isinstance(rows, LossModel)
    qtbot.waitUntil(lambda: rows.rowCount() > 0, timeout=30_000)
    types = [rows.index(row, 0).data() for row in range(rows.rowCount())]
    assert types[0] in ("F16", "BF16") and "Q4_1 ←" in types
    assert "all 110,592 of them" in label(panel, "inspectLossWords")
    assert focused(panel) == "inspectLossCopy"
    copy = panel.findChild(QPushButton, "inspectLossCopy")
    assert copy is not None
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().startswith("Type\tBits\tError\tRMSE\tMax\n")
    panel.show_tensor(model, tensor(model, "output_norm.weight"))
    assert rows.rowCount() == 0 and label(panel, "inspectBlockTitle") == "How F32 stores a weight"


def test_cancel_ends_measuring(panel: TensorNumbersPanel, qtbot: QtBot, starter_model: Path) -> None:
    model = opened(starter_model)
    panel.show_tensor(model, tensor(model, "token_embd.weight"))
    settled(qtbot, panel)
    assert "sampled 16.0 M of 28.3 M" in label(panel, "inspectNumbersFigures")
    for name in ("inspectLossMeasure", "inspectLossCancel"):
        button = panel.findChild(QPushButton, name)
        assert button is not None
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "Takes seconds" in label(panel, "inspectLossWords") and focused(panel) == "inspectLossMeasure"
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


@pytest.fixture
def remote(hub: HubServer, paths: Paths, starter_model: Path) -> Inspected:
    """The starter model, still on the Hub."""
    hub.add(Repo("a/b", {"m.gguf": FileContent(starter_model)}))
    library = LibraryService(paths, SettingsStore(paths.settings))
    return InspectionService(paths, library, _client(hub)).open("hf:a/b/m.gguf")


def _client(hub: HubServer) -> HubClient:
    return HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)


@pytest.fixture
def remote_panel(
    hub: HubServer, paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot
) -> Iterator[TensorNumbersPanel]:
    service = TensorNumbersService(paths, _client(hub))
    made = shown(qtbot, TensorNumbersPanel(theme, tasks, service), 350, 760)
    yield made
    made.show_tensor(None, None)
    service.close()
    assert not list(paths.scratch.glob("samples-*"))


def press(qtbot: QtBot, panel: TensorNumbersPanel, name: str) -> None:
    button = panel.findChild(QPushButton, name)
    assert button is not None and button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def shown_figures(qtbot: QtBot, panel: TensorNumbersPanel) -> str:
    qtbot.waitUntil(lambda: "NaN" in label(panel, "inspectNumbersFigures"), timeout=20_000)
    return label(panel, "inspectNumbersFigures")


def test_a_remote_tensor_is_fetched_when_asked(
    remote_panel: TensorNumbersPanel, remote: Inspected, hub: HubServer, qtbot: QtBot, starter_model: Path
) -> None:
    before = hub.sent_bytes()
    remote_panel.show_tensor(remote, tensor(remote, "blk.0.attn_k.weight"))
    fetch = remote_panel.findChild(QPushButton, "inspectNumbersFetch")
    measure = remote_panel.findChild(QPushButton, "inspectLossMeasure")
    assert fetch is not None and measure is not None
    assert fetch.text() == "Fetch 69.1 kB from the Hub and show" and not measure.isEnabled()
    assert "still on the Hub" in label(remote_panel, "inspectNumbersFigures") and hub.sent_bytes() == before
    press(qtbot, remote_panel, "inspectNumbersFetch")
    figures = shown_figures(qtbot, remote_panel)
    assert hub.sent_bytes("/cdn/") - before < 400_000
    assert not fetch.isVisible() and measure.isEnabled()
    local = opened(starter_model)
    remote_panel.show_tensor(local, tensor(local, "blk.0.attn_k.weight"))
    assert shown_figures(qtbot, remote_panel) == figures
    remote_panel.show_tensor(remote, tensor(remote, "blk.0.attn_k.weight"))  # it is here now
    assert shown_figures(qtbot, remote_panel) == figures and not fetch.isVisible()


def test_a_large_remote_tensor_is_sampled(
    remote_panel: TensorNumbersPanel, remote: Inspected, hub: HubServer, qtbot: QtBot
) -> None:
    remote_panel.show_tensor(remote, tensor(remote, "token_embd.weight"))
    assert "Of the tensor's 30.1 MB, 8.0 MB in 16 stretches" in label(remote_panel, "inspectNumbersFigures")
    hub.exchanges.clear()
    press(qtbot, remote_panel, "inspectNumbersFetch")
    assert "sampled 7.5 M of 28.3 M" in shown_figures(qtbot, remote_panel)
    assert len(hub.exchanges) == 17


def test_fetching_can_be_cancelled_and_tried_again(
    remote_panel: TensorNumbersPanel, remote: Inspected, hub: HubServer, qtbot: QtBot
) -> None:
    hub.fail("stall", "/cdn/", after=1000)
    remote_panel.show_tensor(remote, tensor(remote, "blk.0.attn_k.weight"))
    press(qtbot, remote_panel, "inspectNumbersFetch")
    assert hub.stalled.wait(30)
    stop = remote_panel.focusWidget()
    assert stop is not None and stop.objectName() == "inspectNumbersCancel"
    qtbot.keyClick(stop, Qt.Key.Key_Space)
    assert "still on the Hub" in label(remote_panel, "inspectNumbersFigures")
    hub.close()


def test_a_failure_offers_fetching_again(
    remote_panel: TensorNumbersPanel, remote: Inspected, hub: HubServer, qtbot: QtBot
) -> None:
    hub.fail("status", "m.gguf", status=503)
    remote_panel.show_tensor(remote, tensor(remote, "blk.0.attn_k.weight"))
    press(qtbot, remote_panel, "inspectNumbersFetch")
    qtbot.waitUntil(lambda: "problem of its own" in label(remote_panel, "inspectNumbersFigures"))
    press(qtbot, remote_panel, "inspectNumbersFetch")
    assert "no NaN" in shown_figures(qtbot, remote_panel)


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


def test_bars_of_all_values_end_where_the_values_do(theme: Theme, qtbot: QtBot) -> None:
    histogram = Histogram(theme)
    qtbot.addWidget(histogram)
    assert histogram.ends == ("", "")
    histogram.set_summary(Summary(4, 4, -0.25, 0.5, 0.1, 0.2, 0, 0, 0, 0, -0.25, 0.5, (1, 0, 3)))
    assert histogram.ends == ("−0.25", "0.5")


def test_samples_are_told_in_words() -> None:
    assert sampled(16_000_000, 131_000_000) == "sampled 16.0 M of 131.0 M, whole rows spread evenly"


def test_a_tensor_leads_to_the_lab(
    paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot, starter_model: Path, panel: TensorNumbersPanel
) -> None:
    asked: list[tuple[Path, str]] = []
    service = TensorNumbersService(paths)
    made = shown(qtbot, TensorNumbersPanel(theme, tasks, service, lambda *what: asked.append(what)), 350, 760)
    to_lab = find(made, QPushButton, "inspectNumbersLab")
    assert not to_lab.isVisible()
    model = opened(starter_model)
    made.show_tensor(model, tensor(model, "blk.0.attn_k.weight"))
    qtbot.mouseClick(to_lab, Qt.MouseButton.LeftButton)
    assert asked == [(starter_model, "blk.0.attn_k.weight")]
    made.show_tensor(None, None)
    assert not to_lab.isVisible()
    panel.show_tensor(model, tensor(model, "blk.0.attn_k.weight"))  # where there is no Lab to go to
    assert not find(panel, QPushButton, "inspectNumbersLab").isVisible()
    settled(qtbot, panel)
    service.close()
