"""The picker's figures: estimates, engine plans and repaints of a repo with 30 variants; 1,000 results scrolled."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from measure import Figure
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from support.hub_server import HubServer
from support.published import profile
from support.remote_models import QWEN3_8B, THIRTY, repo

from desktop.core.load_settings import LoadSettings
from desktop.core.pools import pools_of
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.records import RepoSummary
from desktop.hub.search import HubSearch
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls
from desktop.services.discover.tables import DataTables
from desktop.services.machine.calibration import CalibrationService
from desktop.services.planning.engine_planner import DryRunPlanner
from desktop.services.planning.speed import SpeedService
from desktop.store.ledger import Ledger
from desktop.store.paths import Paths
from desktop.ui.discover.actions import DISCOVER_ACTIONS, INSPECT, MODEL_PAGE
from desktop.ui.discover.repo import RepoPane
from desktop.ui.discover.repo_list import RepoList
from desktop.ui.discover.repo_list_model import RepoListModel
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import Theme

NAME = "bench/Qwen3-8B-GGUF"
RESULTS = 1000


def figures(vocabularies: Path) -> list[Figure]:
    """All of them; needs no network and no screen."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    theme = Theme(application, "dark")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = Paths(root, root / "cache")
        hub = HubServer([repo(NAME, QWEN3_8B, THIRTY, vocabularies / "ggml-vocab-qwen2.gguf", 8.19e9)])
        with hub, closing(DryRunPlanner(paths)) as planning, closing(Ledger(paths.ledger)) as ledger:
            picker = _picker(paths, hub, planning, ledger)
            return [*_weighed(picker), _slider(picker, theme), _scrolled(theme)]


def _picker(paths: Paths, hub: HubServer, planning: DryRunPlanner, ledger: Ledger) -> PickerService:
    # This computer's GPU is none, so that the engine here can plan it; the slider is moved on one with a GPU.
    machine = profile("rtx-4090")
    machine = type(machine)(machine.cpu, machine.memory)
    client = HubClient(endpoint=hub.endpoint, token=lambda: None)
    return PickerService(
        HubSearch(client, paths.cache / "hub"),
        HeaderReader(client, paths.remote_headers),
        DataTables(),
        lambda: machine,
        planner=planning,
        rates=SpeedService(CalibrationService(paths), lambda: machine, ledger.runs),
    )


def _weighed(picker: PickerService) -> list[Figure]:
    first, all_rows = [], []
    for round_number in range(3):
        opened = picker.open(NAME)
        opened.read_first()
        began = time.perf_counter()
        opened.view(Controls(LoadSettings(8192 + 256 * round_number)))
        first.append(time.perf_counter() - began)
        began = time.perf_counter()
        opened.settle(Controls(LoadSettings(8192)))
        all_rows.append(time.perf_counter() - began)
        assert all(row.state == "engine" for row in opened.view(Controls(LoadSettings(8192))).rows)
    table, engine = max(first) * 1e3, all_rows[0]  # the first round reads every header from the Hub
    return [
        Figure("30 variants, first table after the header", f"{table:.1f} ms", table, "< 50 ms", table < 50),
        Figure("30 variants, all rows by the engine", f"{engine:.2f} s", engine, "< 5 s", engine < 5),
    ]


def _slider(picker: PickerService, theme: Theme) -> Figure:
    """A move of the slider until the repaint: view, models, chart and both paints, on the GUI thread."""
    owner = QWidget()
    commands = ActionRegistry(DISCOVER_ACTIONS, owner)
    for action in (INSPECT, MODEL_PAGE):  # the pane's buttons
        commands.connect_to(action, owner.update)
    pane = RepoPane(theme, DataTables(), commands)
    pane.resize(864, 770)
    opened = picker.open(NAME)
    opened.read_first()
    machine = profile("rtx-4060-8gb")
    pane.show_repo(opened.view(Controls(LoadSettings(8192), machine=machine)))
    pane.show()
    _idle()
    moves = [_moved(pane, opened, Controls(LoadSettings(4096 + 512 * step), machine=machine)) for step in range(40)]
    pane.close()
    median = statistics.median(moves) * 1e3
    sides = f"median {median:.1f} ms, worst {max(moves) * 1e3:.1f} ms"
    return Figure("30 variants, slider to repaint", sides, median, "< 16 ms", median < 16)


def _moved(pane: RepoPane, opened: PickedRepo, controls: Controls) -> float:
    began = time.perf_counter()
    pane.show_view(opened.view(controls))
    pane.chart.repaint()
    pane.table.viewport().repaint()
    return time.perf_counter() - began


def _scrolled(theme: Theme) -> Figure:
    """The longest frame while 1,000 results are scrolled through."""
    model = RepoListModel()
    model.set_pools(pools_of(profile("rtx-4060-8gb")))
    view = RepoList(model, theme)
    view.resize(340, 600)
    view.show()
    _idle()
    formats: Any = ("GGUF",)
    repos = [
        RepoSummary(id=f"many/Model-{i}-Instruct-GGUF", author="many", parameters=i * 10**8, downloads=i,
                    architecture="llama", context_length=8192, updated=0.0, formats=formats)
        for i in range(RESULTS)
    ]  # fmt: skip
    frames = []
    for start in range(0, RESULTS, 30):  # pages arrive while one scrolls
        began = time.perf_counter()
        model.append(repos[start : start + 30], more=False, now=time.time())
        view.viewport().repaint()
        frames.append(time.perf_counter() - began)
    bar = view.verticalScrollBar()
    for value in range(0, bar.maximum() + 1, 120):
        began = time.perf_counter()
        bar.setValue(value)
        view.viewport().repaint()
        frames.append(time.perf_counter() - began)
    view.close()
    worst = max(frames) * 1e3
    return Figure(f"{RESULTS:,} results scrolled, longest frame", f"{worst:.1f} ms", worst, "< 50 ms", worst < 50)


def _idle() -> None:
    loop = QEventLoop()
    QTimer.singleShot(50, loop.quit)
    loop.exec()


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from measure import markdown

    found = figures(Path.home() / ".cache" / "heft" / "test-data" / "models")
    print(markdown(found))
    sys.exit(0 if all(figure.reached for figure in found) else 1)
