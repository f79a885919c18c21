"""The page Discover against a local Hub: search, a repo weighed, controls, reasons, download, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QListView, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer, Repo, online
from support.hub_server_content import BytesContent
from support.published import options, profile
from support.remote_models import QWEN3_8B, QWEN3_14B, VARIANTS, repo

from desktop.core.hardware import Machine
from desktop.engine.protocol import Hello
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.downloads import DownloadService
from desktop.services.local_copies import LocalCopies
from desktop.services.machine import MachineService
from desktop.services.picker import PickerService
from desktop.services.search import SearchService
from desktop.services.tables import DataTables
from desktop.store.paths import Paths
from desktop.ui.engine_bridge import Bridge
from desktop.ui.pages.discover import DiscoverPage
from desktop.ui.pages.discover_repo import RepoPane
from desktop.ui.tasks import Tasks
from desktop.ui.theme import Theme
from desktop.ui.widgets.context_slider import ContextSlider
from desktop.ui.widgets.downloads_panel import DownloadsPanel
from desktop.ui.widgets.variant_chart import VariantChart
from desktop.ui.widgets.variant_chart_layout import Limit, lay_out, limit_labels
from desktop.ui.widgets.variant_table import VariantTable

EIGHT, FOURTEEN, SMALL = "Qwen/Qwen3-8B-GGUF", "Qwen/Qwen3-14B-GGUF", "me/Small-GGUF"
HUGE, GATED, AWQ = "big/Huge-GGUF", "shy/Gated-GGUF", "Qwen/Qwen3-8B-AWQ"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, vocab_dir: Path) -> Iterator[HubServer]:
    vocab = vocab_dir / "ggml-vocab-llama-spm.gguf"
    with HubServer(page_size=30) as server, online(monkeypatch):
        server.add(repo(EIGHT, QWEN3_8B, VARIANTS, vocab, 8.19e9, trendingScore=9))
        server.add(repo(FOURTEEN, QWEN3_14B, ("Q4_K_M", "Q8_0"), vocab, 14.8e9, trendingScore=8))
        server.add(repo(HUGE, QWEN3_14B, ("Q8_0",), vocab, 400e9, trendingScore=7))
        server.add(repo(GATED, QWEN3_8B, ("Q4_K_M",), vocab, 8.19e9, trendingScore=6, gated="auto"))
        server.tokens["hf_reader_token"] = {GATED}
        tags = ["safetensors", "awq", "base_model:Qwen/Qwen3-8B"]
        files = {"model.safetensors": BytesContent(b"x")}
        server.add(Repo(AWQ, dict(files), {"tags": tags, "trendingScore": 5, "downloads": 5, "likes": 1}))
        yield server


@pytest.fixture
def machine() -> Machine:
    return profile("rtx-4060-8gb")


class Made:
    """A shown page and what it rests on."""

    def __init__(self, page: DiscoverPage, qtbot: QtBot, downloads: DownloadService, machine: list[Machine]) -> None:
        self.page, self._qtbot, self.downloads = page, qtbot, downloads
        self.machine = machine  # this computer; another one may be put in its place

    def find(self, kind: type, name: str) -> QWidget:
        found = self.page.findChild(kind, name)
        assert found is not None, name
        return found  # type: ignore[no-any-return]

    @property
    def results(self) -> list[str]:
        view = self.find(QListView, "discoverResults")
        assert isinstance(view, QListView)
        return [view.model().index(row, 0).data() for row in range(view.model().rowCount())]

    @property
    def table(self) -> VariantTable:
        found = self.find(VariantTable, "variantTable")
        assert isinstance(found, VariantTable)
        return found

    @property
    def chart(self) -> VariantChart:
        found = self.find(VariantChart, "variantChart")
        assert isinstance(found, VariantChart)
        return found

    def cells(self, row: int) -> list[str]:
        model = self.table.model()
        return [str(model.index(row, column).data() or "") for column in range(model.columnCount())]

    def text(self, name: str) -> str:
        found = self.find(QLabel, name)
        assert isinstance(found, QLabel)
        return found.text()

    def wait(self, check: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(check, timeout=15_000)

    def open(self, row: int) -> None:
        """Choose a result and wait until every header was read."""
        view = self.find(QListView, "discoverResults")
        assert isinstance(view, QListView)
        view.setCurrentIndex(view.model().index(row, 0))
        self.wait(lambda: self.table.isVisible() and "~" in self.cells(0)[2])
        self.wait(lambda: not self.text("repoBusy"))


@pytest.fixture
def made(
    hub: HubServer, paths: Paths, machine: Machine, tasks: Tasks, theme: Theme, qtbot: QtBot, tmp_path: Path
) -> Iterator[Made]:
    token: list[str] = []
    client = HubClient(
        endpoint=hub.endpoint, token=lambda: token[0] if token else None, connect_seconds=2.0, read_seconds=2.0
    )
    search, tables = HubSearch(client, tmp_path / "answers"), DataTables()
    downloads = DownloadService(paths, client, search, cache=tmp_path / "cache", first_wait=0.05)
    machines = MachineService(paths, lambda: msgspec.convert({}, Hello))
    now = [machine]
    copies = LocalCopies(lambda: tmp_path / "cache", environ={}, home=tmp_path / "home")
    page = DiscoverPage(
        PickerService(search, HeaderReader(client, tmp_path / "headers"), tables, lambda: now[0], copies=copies),
        SearchService(search, lambda: ()),
        downloads,
        machines,
        tables,
        lambda: machine,
        token.append,
        lambda: hub.endpoint,
        tasks,
        theme,
    )
    bridge = Bridge(downloads.subscribe, lambda older, newer: None)
    bridge.received.connect(lambda _: page.show_downloads(downloads.states()))
    qtbot.addWidget(page)
    page.resize(1204, 740)
    with qtbot.waitExposed(page):
        page.show()
    found = Made(page, qtbot, downloads, now)
    found.wait(lambda: bool(found.results))
    yield found
    bridge.close()
    downloads.close()


def test_first_visit_shows_what_is_trending_and_fits(made: Made) -> None:
    made.wait(lambda: "Huge-GGUF" not in made.results and len(made.results) == 3)
    assert made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"]
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    spoken = view.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "◐ partly on GPU" in spoken and "14.8 B" in spoken
    assert made.text("discoverTitle") == "Find a model that fits"


def test_typing_searches_and_nothing_found_offers_a_way_on(made: Made, qtbot: QtBot) -> None:
    field = made.find(QLineEdit, "discoverSearch")
    qtbot.keyClicks(field, "14b")
    made.wait(lambda: made.results == ["Qwen3-14B-GGUF"])
    field.clear()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, "gguf")
    made.wait(lambda: len(made.results) == 3)
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(lambda: note.isVisible() and "1 more does not fit" in note.toolTip())
    qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    made.wait(lambda: "Huge-GGUF" in made.results)
    field.clear()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, "awq")
    made.wait(lambda: "Nothing with a GGUF file matches" in made.text("discoverStateTitle"))
    remedy = made.find(QAbstractButton, "discoverRemedy")
    assert remedy.isVisible() and remedy.text() == "Look in all formats"  # type: ignore[attr-defined]
    qtbot.mouseClick(remedy, Qt.MouseButton.LeftButton)
    made.wait(lambda: made.results == ["Qwen3-8B-AWQ"])


def test_other_formats_lead_to_gguf_versions(made: Made, qtbot: QtBot) -> None:
    action = made.page.findChild(QAction, "filterFormats")
    assert isinstance(action, QAction)
    action.setChecked(True)
    made.wait(lambda: "Qwen3-8B-AWQ" in made.results)
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(made.results.index("Qwen3-8B-AWQ"), 0))
    assert made.text("discoverTitle") == AWQ
    assert "AWQ" in made.text("discoverText") and "vLLM" in made.text("discoverMore")
    qtbot.mouseClick(made.find(QAbstractButton, "discoverVersions"), Qt.MouseButton.LeftButton)
    made.wait(lambda: made.results == ["Qwen3-8B-GGUF"])


def test_inspect_takes_the_chosen_variant(made: Made, qtbot: QtBot) -> None:
    made.open(made.results.index("Qwen3-8B-GGUF"))
    asked: list[str] = []
    made.page.inspect_requested.connect(asked.append)
    made.table.selectRow(0)
    button = made.find(QPushButton, "repoInspect")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    name = made.cells(0)[0].removesuffix(" ★")
    assert len(asked) == 1 and asked[0].startswith("hf:") and asked[0].endswith(f"Qwen3-8B-{name}.gguf")


def test_table_chart_and_reasons_say_the_same(made: Made) -> None:
    made.open(0)
    made.find(QSpinBox, "contextExact").setValue(16_384)  # type: ignore[attr-defined]
    made.wait(lambda: "16,384" in made.text("repoWhy"))
    rows = [made.cells(row) for row in range(made.table.model().rowCount())]
    starred = [cells[0] for cells in rows if "★" in cells[0]]
    assert len(starred) == 1
    name = starred[0].removesuffix(" ★")
    layout = made.chart.chart_layout
    assert layout is not None
    points = {point.name: point for point in layout.points}
    assert [point.name for point in layout.points if point.recommended] == [name]
    assert f"★ Why {name}." in made.text("repoWhy")
    assert rows[-1][0] == "Q8_0" and "of 37 layers" in rows[-1][3]
    on_gpu = [cells[0].removesuffix(" ★") for cells in rows if cells[3].startswith("all on GPU")]
    limit = layout.limits[0].x
    assert limit is not None and name in on_gpu
    assert all((points[variant].where.x() < limit) == (variant in on_gpu) for variant in points)
    assert "8.19 B parameters · qwen3 · 36 layers · 8 KV heads · 40,960 context" in made.text("repoFacts")
    assert made.chart.accessibleDescription().count("KLD") >= 4


def test_the_slider_moves_everything_and_has_marks(made: Made) -> None:
    made.open(0)
    slider = made.find(ContextSlider, "contextSlider")
    assert isinstance(slider, ContextSlider)
    made.wait(lambda: len(slider.marks) >= 4)
    before = made.cells(0)[2]
    slider.setValue(slider.maximum())
    made.wait(lambda: made.cells(0)[2] != before)
    assert slider.context == 40_960 and "40k" not in made.text("repoBusy")
    made.find(QComboBox, "kvType").setCurrentText("q8_0")  # type: ignore[attr-defined]
    f16 = made.cells(0)[2]
    made.wait(lambda: made.cells(0)[2] != f16)


def test_what_is_too_long_for_the_next_model_is_cut_in_the_figures_too(made: Made, hub: HubServer) -> None:
    made.open(0)
    context, layers = made.find(QSpinBox, "contextExact"), made.find(QSpinBox, "gpuLayers")
    assert isinstance(context, QSpinBox) and isinstance(layers, QSpinBox)
    context.setValue(40_960)
    layers.setValue(5)
    made.wait(lambda: "5 of 37 layers" in made.cells(0)[3])
    made.page._repo.controls.set_model(4096, 20)
    assert (context.value(), layers.value()) == (4096, -1)
    made.wait(lambda: made.page._repo.view is not None and made.page._repo.view.context == 4096)
    made.wait(lambda: "4,096 tokens" in made.text("repoWhy"))
    assert "5 of" not in made.cells(0)[3]


def test_keyboard_from_the_search_into_the_results(made: Made, qtbot: QtBot) -> None:
    """Enter goes there once they have come, and the row that is opened is the one that is marked."""
    field, results = made.find(QLineEdit, "discoverSearch"), made.find(QListView, "discoverResults")
    assert isinstance(results, QListView)
    made.page.activateWindow()
    field.setFocus()
    qtbot.keyClicks(field, "qwen3")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(results.hasFocus)
    made.wait(lambda: made.text("repoTitle").startswith("Qwen / Qwen3-8B"))
    assert [index.row() for index in results.selectedIndexes()] == [0] == [results.currentIndex().row()]
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert results.hasFocus()


def test_a_narrow_window_leaves_columns_out_and_shows_every_button(made: Made) -> None:
    made.open(0)
    wide = made.table.width()
    assert not made.table.isColumnHidden(1) and not made.table.isColumnHidden(2)
    made.page.resize(900 - 76, 560)
    made.wait(lambda: made.table.width() < wide)
    pane = made.find(RepoPane, "discoverRepo")
    assert isinstance(pane, RepoPane)
    assert pane.horizontalScrollBar().maximum() == 0, "the page scrolls sideways"
    assert made.table.isColumnHidden(1) and made.table.isColumnHidden(2)
    last = made.table.visualRect(made.table.model().index(0, 6))
    assert last.right() <= made.table.viewport().width()
    made.page.resize(1204, 760)
    made.wait(lambda: not made.table.isColumnHidden(1))


def test_no_label_of_the_chart_reads_as_that_of_another_point() -> None:
    """8B at 8k on 8 GB: "Q5_K_M · recommended" once stood right of the point of Q4_K_M."""
    offered = ["Q2_K", "Q3_K_M", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"]
    found = options("Llama-3.1-8B", profile("rtx-4060-8gb"), 8192, offered)
    assert found[4].fit is not None
    for width in range(400, 1000, 20):
        layout = lay_out(found, 4, found[4].fit.pools, QRectF(512, 230, width, 120), lambda text: 7.2 * len(text))
        label = layout.points[4].label
        assert label is not None
        for point in layout.points:
            beside = QRectF(point.where.x() - 7, point.where.y() - 7, 26, 14)
            assert point.recommended or not label.intersects(beside), f"{point.name} at {width}"


@pytest.mark.parametrize("room", [400, 560, 700, 820, 1200])
def test_the_words_of_two_limits_never_lie_over_each_other(room: float) -> None:
    limits = [
        Limit(0.4 * room, "49.3 GB VRAM on 2 cards free — beyond, layers spill to RAM", False),
        Limit(0.9 * room, "112.7 GB in all — beyond, it does not fit", True),
    ]
    found = limit_labels(limits, room, lambda text: 5.8 * len(text))
    assert found and all(spot.left() >= 0 and spot.right() <= room for spot, _ in found.values())
    if len(found) == 2:
        assert not found[0][0].intersects(found[1][0])
    assert len(found) == 2 or room <= 400
    if room >= 1200:
        assert [found[number][1] for number in (0, 1)] == [limit.words for limit in limits]


def test_what_if_and_goal(made: Made) -> None:
    made.open(0)
    made.page._repo.controls.set_machine(profile("laptop-8gb"))
    made.wait(lambda: "Nothing recommended." in made.text("repoWhy") or "CPU only" in made.cells(0)[3])
    assert "too large by" in made.cells(5)[3]
    made.page._repo.controls.set_machine(profile("rtx-4090"))
    made.wait(lambda: made.cells(5)[3] == "all on GPU")
    goal = made.find(QComboBox, "goal")
    assert isinstance(goal, QComboBox)
    goal.setCurrentIndex(goal.findData("speed"))
    made.wait(lambda: "fastest" in made.text("repoWhy"))
    made.page._repo.controls.set_machine(None)
    made.wait(lambda: "layers" in made.cells(5)[3])


def test_name_explained(made: Made, qtbot: QtBot) -> None:
    made.open(0)
    panel = made.find(QWidget, "namePanel")
    assert not panel.isVisible()
    qtbot.mouseClick(made.find(QAbstractButton, "repoName"), Qt.MouseButton.LeftButton)
    assert panel.isVisible()
    assert "Qwen: Qwen, by Alibaba." in panel.accessibleDescription()


def test_download_by_keyboard_then_chat(made: Made, hub: HubServer, qtbot: QtBot, vocab_dir: Path) -> None:
    whole = vocab_dir / "ggml-vocab-llama-spm.gguf"
    hub.add(repo(SMALL, QWEN3_8B, ("Q4_K_M",), whole, 8.19e9, trendingScore=99))
    small = hub.repos[SMALL].files["Small-Q4_K_M.gguf"]
    hub.repos[SMALL].files["Small-Q4_K_M.gguf"] = BytesContent(small.read(0, 3_000_000))
    made.find(QLineEdit, "discoverSearch").setText("small")  # type: ignore[attr-defined]
    made.wait(lambda: made.results == ["Small-GGUF"])
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(0, 0))
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    made.table.setFocus()
    made.table.selectRow(0)
    qtbot.keyClick(made.table, Qt.Key.Key_Return)
    made.wait(lambda: any(state.phase == "finished" for state in made.downloads.states()))
    made.wait(lambda: made.page._repo.rows.action(0) == "Chat now")
    panel = made.find(DownloadsPanel, "downloadsPanel")
    assert panel.isVisible()
    with qtbot.waitSignal(made.page.run_requested) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert told.args is not None and Path(told.args[0]).name == "Small-Q4_K_M.gguf"


def test_what_is_on_this_computer_is_not_downloaded_again(
    made: Made, hub: HubServer, qtbot: QtBot, tmp_path: Path
) -> None:
    size = hub.repos[FOURTEEN].files["Qwen3-14B-Q4_K_M.gguf"].size
    here = tmp_path / "home" / ".lmstudio" / "models" / FOURTEEN / "Qwen3-14B-Q4_K_M.gguf"
    here.parent.mkdir(parents=True)
    with here.open("wb") as file:
        file.truncate(size)
    made.open(made.results.index("Qwen3-14B-GGUF"))
    rows = {made.cells(row)[0].removesuffix(" ★"): row for row in range(made.table.model().rowCount())}
    model = made.page._repo.rows
    assert (model.action(rows["Q4_K_M"]), model.action(rows["Q8_0"])) == ("Chat now", "Download")
    made.table.setFocus()
    made.table.selectRow(rows["Q4_K_M"])
    with qtbot.waitSignal(made.page.run_requested) as told:
        qtbot.keyClick(made.table, Qt.Key.Key_Return)
    assert told.args == [here] and made.downloads.states() == ()


def test_memory_taken_by_others_is_noticed(made: Made) -> None:
    made.open(0)
    assert made.cells(0)[3] == "all on GPU"
    busy = msgspec.structs.replace(made.machine[0].gpus[0], free_bytes=1_000_000_000)
    made.machine[0] = msgspec.structs.replace(made.machine[0], gpus=(busy,))
    made.page._weighing.look_again()
    made.wait(lambda: "layers" in made.cells(0)[3] or "CPU" in made.cells(0)[3])


def test_gated_asks_for_a_token_and_goes_on_with_it(made: Made, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)
    view.setCurrentIndex(view.model().index(2, 0))
    made.wait(lambda: "no token is set" in made.text("discoverText"))
    field = made.find(QLineEdit, "discoverToken")
    assert isinstance(field, QLineEdit)
    assert field.isVisible() and field.echoMode() == QLineEdit.EchoMode.Password
    qtbot.keyClicks(field, "hf_reader_token")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    assert field.text() == ""


def test_network_gone_is_a_sentence_and_earlier_results_stay_usable(made: Made, hub: HubServer, qtbot: QtBot) -> None:
    made.wait(lambda: len(made.results) == 3)
    hub.fail("status", "/api/models", status=503, times=100)
    made.page._search.search()
    note = made.find(QAbstractButton, "discoverNote")
    made.wait(note.isVisible)
    assert made.results == ["Qwen3-8B-GGUF", "Qwen3-14B-GGUF", "Gated-GGUF"]
    assert "problem of its own" in note.toolTip()
    made.find(QLineEdit, "discoverSearch").setText("never asked before")  # type: ignore[attr-defined]
    made.wait(lambda: "problem of its own" in made.text("discoverStateTitle"))
    hub.heal()
    qtbot.mouseClick(made.find(QAbstractButton, "discoverRemedy"), Qt.MouseButton.LeftButton)
    made.wait(lambda: "Nothing with a GGUF file" in made.text("discoverStateTitle"))


def test_pages_are_fetched_as_one_scrolls(made: Made, hub: HubServer) -> None:
    for number in range(100):
        fields = {"tags": ["gguf"], "trendingScore": 1, "downloads": number, "likes": 0}
        hub.add(Repo(f"many/Model-{number:03d}-GGUF", {"a.gguf": BytesContent(b"")}, dict(fields)))
    made.find(QLineEdit, "discoverSearch").setText("model-")  # type: ignore[attr-defined]
    made.wait(lambda: len(made.results) >= 30 and made.results[0].startswith("Model-"))
    view = made.find(QListView, "discoverResults")
    assert isinstance(view, QListView)

    def scrolled() -> bool:
        view.scrollToBottom()
        return len(made.results) == 100

    made.wait(scrolled)
    assert len(set(made.results)) == 100


def test_light_and_dark_are_painted(made: Made, theme: Theme) -> None:
    made.open(0)
    light = made.page.grab().toImage()
    theme.set_preference("dark")
    dark = made.page.grab().toImage()
    assert light.pixelColor(5, 5) != dark.pixelColor(5, 5)
