"""The page Inspect over real files: opening, failing, selecting, comparing, exporting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.hub_server import FileContent, HubServer, Repo, online

from desktop.core.errors import HeftError
from desktop.hub.client import HubClient
from desktop.services.engine import EngineState
from desktop.services.inspection import Inspected, InspectionService, PlacedTensor
from desktop.services.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.pages.inspect import InspectPage
from desktop.ui.pages.inspect_format import FormatTab
from desktop.ui.pages.inspect_sources import AddressDialog
from desktop.ui.pages.inspect_tab import InspectTab, TabEntry
from desktop.ui.pages.inspect_tensors import TensorsTab
from desktop.ui.tasks import Tasks
from desktop.ui.theme import Theme
from desktop.ui.widgets.layer_map import LayerMap

MakePage = Callable[..., InspectPage]
W = TypeVar("W", bound=QWidget)


class Recorder(InspectTab):
    """A tab that tells what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def show_model(self, inspected: Inspected) -> None:
        self.told.append(inspected.title)

    def clear(self) -> None:
        self.told.append("cleared")

    def go_to(self, place: str) -> None:
        self.told.append(place)


class Panel(QWidget):
    """A panel that keeps what it shows."""

    shown: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def show_tensor(self, inspected: Inspected | None, tensor: PlacedTensor | None) -> None:
        self.shown.append(tensor.tensor.name if tensor is not None else "")


@pytest.fixture
def settings(paths: Paths) -> SettingsStore:
    return SettingsStore(paths.settings)


@pytest.fixture
def make_page(
    paths: Paths, settings: SettingsStore, tasks: Tasks, theme: Theme, qtbot: QtBot, tmp_path: Path
) -> Iterator[MakePage]:
    Panel.shown.clear()
    made: list[InspectPage] = []

    def make(*tabs: TabEntry, client: HubClient | None = None) -> InspectPage:
        library = LibraryService(paths, settings, environ={}, home=tmp_path / "home")
        service = InspectionService(paths, library, client or HubClient())
        page = InspectPage(
            service,
            library,
            settings,
            EngineState,
            tasks,
            theme,
            tabs=tabs,
            panel=Panel,
            summary=lambda: FormatTab(theme),
        )
        qtbot.addWidget(page)
        page.resize(1204, 770)
        with qtbot.waitExposed(page):
            page.show()
        page.activateWindow()
        made.append(page)
        return page

    yield make
    for page in made:
        page.close_model()


def opened(qtbot: QtBot, page: InspectPage, source: str | Path) -> None:
    page.open(str(source))
    qtbot.waitUntil(lambda: not page.busy)


def find(page: QWidget, kind: type[W], name: str) -> W:
    found = page.findChild(kind, name)
    assert isinstance(found, kind), name
    return found


def click(qtbot: QtBot, page: QWidget, name: str) -> None:
    qtbot.mouseClick(find(page, QAbstractButton, name), Qt.MouseButton.LeftButton)


def label(page: QWidget, name: str) -> str:
    return find(page, QLabel, name).text()


def tabs(page: QWidget) -> list[str]:
    bar = find(page, QTabBar, "inspectTabBar")
    return [bar.tabText(index) for index in range(bar.count()) if bar.isTabVisible(index)]


def names(table: QTableView) -> list[str]:
    return [table.model().index(row, 0).data() for row in range(table.model().rowCount())]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    one, other = g.model(layers=3), g.model(layers=3, general__author="Somebody")
    other.tensors[2] = ("blk.0.ffn_up.weight", (256, 1024), 14)
    other.tensors.append(("output.weight", (256, 512), 14))
    return one.write(tmp_path / "one.gguf"), other.write(tmp_path / "other.gguf")


def test_says_what_to_do_first_and_opens_the_starter_model(make_page: MakePage, qtbot: QtBot) -> None:
    page = make_page()
    assert find(page, QWidget, "inspectEmpty").isVisible()
    click(qtbot, page, "inspectEmptyStarter")
    qtbot.waitUntil(lambda: page.inspected is not None)
    facts = label(page, "inspectFacts")
    for fact in ("GGUF v3", "llama", "135 M parameters", "5.74 bits/weight", "98.4 MB", "272 tensors"):
        assert fact in facts
    assert tabs(page) == ["Layers", "Tensors 272"]
    assert find(page, LayerMap, "layerMap").isVisible()


def test_a_selection_is_seen_everywhere(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    opened(qtbot, page, starter_model)
    layers = find(page, LayerMap, "layerMap")
    qtbot.keyClick(layers, Qt.Key.Key_Right)
    qtbot.keyClick(layers, Qt.Key.Key_Right)
    assert Panel.shown[-1] == "blk.1.attn_q.weight"
    near = find(page, QTableView, "layerTensors")
    assert near.currentIndex().siblingAtColumn(0).data() == "blk.1.attn_q.weight"
    assert label(page, "layerCaption") == "9 tensors of layer 1"
    qtbot.keyClick(layers, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    table = find(page, QTableView, "tensorTable")
    assert table.isVisible() and table.currentIndex().siblingAtColumn(0).data() == "blk.1.attn_q.weight"
    qtbot.keyClick(table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert Panel.shown[-1] == "token_embd.weight" == near.currentIndex().siblingAtColumn(0).data()
    assert layers.accessibleDescription().startswith("token_embd.weight")


def test_filter_type_and_group(make_page: MakePage, qtbot: QtBot, starter_model: Path) -> None:
    page = make_page()
    opened(qtbot, page, starter_model)
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(1)
    table = find(page, QTableView, "tensorTable")
    qtbot.keyClick(table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    search = find(page, QLineEdit, "tensorSearch")
    qtbot.keyClicks(search, "blk.3. attn")
    assert label(page, "tensorCount") == "5 of 272"
    kinds = find(page, QComboBox, "tensorType")
    kinds.setCurrentIndex(kinds.findData("F32"))
    assert names(table) == ["blk.3.attn_norm.weight"]
    search.clear()
    click(qtbot, page, "tensorGroup")
    assert names(table)[0] == "▾ layer 0  (2)"
    sums = find(page, QTableView, "typeTotals").model()
    assert [sums.index(0, column).data() for column in range(5)] == ["Q4_1", "210", "66.4 MB", "68.7 %", "5.00"]


def test_exports_what_is_shown(make_page: MakePage, qtbot: QtBot, starter_model: Path, tmp_path: Path) -> None:
    page = make_page()
    opened(qtbot, page, starter_model)
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(1)
    find(page, QLineEdit, "tensorSearch").setText("blk.29.")
    tab = find(page, TensorsTab, "inspectTensors")
    for path in (tmp_path / "list.json", tmp_path / "list.csv"):
        with qtbot.waitSignal(page.notify) as told:
            tab.write(path)
        assert str(path) in str(told.args)
    assert len(json.loads((tmp_path / "list.json").read_text())["tensors"]) == 9
    assert len((tmp_path / "list.csv").read_text().splitlines()) == 10
    with qtbot.waitSignal(page.notify) as told:
        tab.write(tmp_path / "no-such-folder" / "list.csv")
    assert isinstance(told.args[0], HeftError)


def test_a_failure_stays_and_so_does_the_former_model(
    make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    page = make_page()
    opened(qtbot, page, pair[0])
    missing = tmp_path / "missing.gguf"
    opened(qtbot, page, missing)
    assert find(page, QWidget, "inspectFailure").isVisible()
    assert "missing.gguf" in label(page, "inspectFailureMessage") and label(page, "inspectFailureHint")
    assert page.inspected is not None and page.inspected.title.startswith("one") and tabs(page)[1] == "Tensors 10"
    pair[1].rename(missing)
    click(qtbot, page, "inspectAgain")
    qtbot.waitUntil(lambda: not page.busy)
    assert not find(page, QWidget, "inspectFailure").isVisible() and tabs(page)[1] == "Tensors 11"


def test_a_header_that_breaks_off_is_shown_as_far_as_it_goes(
    make_page: MakePage, qtbot: QtBot, starter_model: Path, tmp_path: Path
) -> None:
    with starter_model.open("rb") as whole:
        (tmp_path / "cut.gguf").write_bytes(whole.read(1_500_000))
    page = make_page()
    opened(qtbot, page, tmp_path / "cut.gguf")
    assert page.inspected is not None and any(found.severity == "error" for found in page.inspected.findings)
    assert find(page, LayerMap, "layerMap").grab().width() > 0


def test_a_vocabulary_file_has_no_tensors(make_page: MakePage, qtbot: QtBot, vocab_dir: Path) -> None:
    page = make_page()
    opened(qtbot, page, vocab_dir / "ggml-vocab-gemma-4.gguf")
    assert tabs(page) == ["Layers", "Tensors 0"]
    assert "0 tensors" in label(page, "inspectFacts")
    assert not find(page, QAbstractButton, "inspectRun").isEnabled()
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(1)
    assert names(find(page, QTableView, "tensorTable")) == []


def test_compares_two_files(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    opened(qtbot, page, pair[0])
    page.compare(str(pair[1]))
    qtbot.waitUntil(lambda: not page.busy)
    assert tabs(page)[-1] == "Compare 2"
    assert "2 of 11 tensors and 1 of 6 metadata keys differ" in label(page, "compareWords")
    table = find(page, QTableView, "compareTensors")
    assert names(table) == ["blk.0.ffn_up.weight", "output.weight"]
    cells = [table.model().index(0, column).data() for column in range(4)]
    assert cells[1:] == ["other type", "Q4_K, 256 × 1,024, 147.5 kB", "Q6_K, 256 × 1,024, 215.0 kB"]
    assert names(find(page, QTableView, "compareKeys")) == ["general.author"]
    both = find(page, LayerMap, "compareMap")
    table.selectRow(0)
    assert "one" in both.accessibleDescription() and "Q6_K" in both.accessibleDescription()
    assert Panel.shown[-1] == "blk.0.ffn_up.weight"
    click(qtbot, page, "compareEnd")
    assert tabs(page) == ["Layers", "Tensors 10"]


def test_another_model_ends_the_comparison(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    opened(qtbot, page, pair[0])
    page.compare(str(pair[0]))
    qtbot.waitUntil(lambda: not page.busy)
    assert "say the same" in label(page, "compareWords")
    end = find(page, QAbstractButton, "compareEnd")
    assert end.width() < end.sizeHint().width() + 20
    opened(qtbot, page, pair[1])
    assert tabs(page) == ["Layers", "Tensors 11"]
    assert find(page, LayerMap, "layerMap").isVisible()


def test_tabs_are_as_wide_as_their_figures_need(
    make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path], starter_model: Path, tmp_path: Path
) -> None:
    page = make_page()
    bar = find(page, QTabBar, "inspectTabBar")
    opened(qtbot, page, pair[0])
    qtbot.waitUntil(bar.isVisible)
    narrow = bar.tabRect(1).width()
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam")
    opened(qtbot, page, tmp_path / "letter.txt")  # hides the bar while its figures change
    opened(qtbot, page, starter_model)
    qtbot.waitUntil(bar.isVisible)
    assert tabs(page)[1] == "Tensors 272" and bar.tabRect(1).width() > narrow


def test_tabs_are_made_and_told_when_looked_at(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    made: list[Recorder] = []

    def make() -> InspectTab:
        made.append(Recorder())
        return made[-1]

    entry = TabEntry("metadata", "Metadata", make, lambda inspected: ("2", "bad"))
    page = make_page(entry)
    opened(qtbot, page, pair[0])
    assert made == [] and tabs(page)[2] == "Metadata ✕ 2"
    picture = find(page, QTabBar, "inspectTabBar").grab().toImage()
    colours = [picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())]
    assert any(colour.red() - max(colour.green(), colour.blue()) > 60 for colour in colours)
    page.go_to("key:general.name")
    title = page.inspected.title if page.inspected else ""
    assert made[0].told == [title, "key:general.name"]
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(0)
    opened(qtbot, page, pair[1])
    assert made[0].told[2:] == ["cleared"]
    made[0].counted.emit("0", "good")
    assert find(page, QTabBar, "inspectTabBar").accessibleTabName(2) == "Metadata 0"
    page.go_to("tensor:output.weight")
    assert Panel.shown[-1] == "output.weight"


def test_recent_sources_are_kept_newest_first(
    make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path], settings: SettingsStore
) -> None:
    page = make_page()
    for path in (pair[0], pair[1], pair[0]):
        opened(qtbot, page, path)
    assert settings.load().recent_inspected == (str(pair[0]), str(pair[1]))


def test_run_asks_for_the_file(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    assert not find(page, QAbstractButton, "inspectRun").isEnabled()
    opened(qtbot, page, pair[0])
    with qtbot.waitSignal(page.run_requested) as asked:
        click(qtbot, page, "inspectRun")
    assert asked.args == [pair[0]]


def test_cancelling_keeps_what_is_shown(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page()
    opened(qtbot, page, pair[0])
    shown = page.inspected
    page.open(str(pair[1]))
    page.cancel()
    assert not page.busy and page.inspected is shown
    assert not find(page, QWidget, "inspectFailure").isVisible()


def test_address_dialog_takes_what_people_paste(qtbot: QtBot) -> None:
    dialog = AddressDialog("Inspect a file on the Hub")
    qtbot.addWidget(dialog)
    button, field = find(dialog, QAbstractButton, "hubAddressOpen"), find(dialog, QLineEdit, "hubAddress")
    qtbot.keyClicks(field, "owner")
    assert not button.isEnabled() and "owner and repository" in label(dialog, "hubAddressState")
    qtbot.keyClicks(field, "/repo")
    assert button.isEnabled() and label(dialog, "hubAddressState") == "✓ hf:owner/repo"
    field.setText("https://hub.example/owner/repo/blob/main/file.gguf")
    assert label(dialog, "hubAddressState") == "✓ hf:owner/repo/file.gguf"
    with qtbot.waitSignal(dialog.given) as given:
        button.click()
    assert given.args == ["hf:owner/repo/file.gguf"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server, online(monkeypatch):
        yield server


def _client(hub: HubServer) -> HubClient:
    return HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=2.0, read_seconds=30.0)


def test_a_file_on_the_hub_says_what_it_cost(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, starter_model: Path, pair: tuple[Path, Path]
) -> None:
    hub.add(Repo("owner/repo", {"model.gguf": FileContent(starter_model)}))
    page = make_page(client=_client(hub))
    opened(qtbot, page, "hf:owner/repo/model.gguf")
    assert page.inspected is not None
    facts = label(page, "inspectFacts")
    sent = page.inspected.transferred_bytes
    assert f"in {page.inspected.requests} request" in facts and "98.4 MB" in facts
    assert 0 < sent < 4_000_000  # the header, not the file
    assert not find(page, QAbstractButton, "inspectRun").isEnabled()
    page.compare(str(pair[0]))
    qtbot.waitUntil(lambda: not page.busy)
    assert tabs(page)[-1].startswith("Compare ")


def test_a_hub_that_does_not_answer_is_waited_for_with_progress_and_cancelled(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, starter_model: Path, pair: tuple[Path, Path]
) -> None:
    hub.add(Repo("owner/repo", {"model.gguf": FileContent(starter_model)}))
    hub.fail("stall", "model.gguf", after=1000)
    page = make_page(client=_client(hub))
    opened(qtbot, page, pair[0])
    page.open("hf:owner/repo/model.gguf")
    qtbot.waitUntil(lambda: find(page, QWidget, "inspectReading").isVisible())
    assert "model.gguf" in label(page, "inspectReadingText")
    click(qtbot, page, "inspectCancel")
    assert not page.busy and not find(page, QWidget, "inspectReading").isVisible()
    assert tabs(page)[1] == "Tensors 10"  # what was shown stays


def test_a_gated_file_says_what_is_missing(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, starter_model: Path
) -> None:
    hub.add(Repo("owner/repo", {"model.gguf": FileContent(starter_model)}, {"gated": "manual"}))
    page = make_page(client=_client(hub))
    opened(qtbot, page, "hf:owner/repo/model.gguf")
    assert find(page, QWidget, "inspectFailure").isVisible()
    assert "owner/repo" in label(page, "inspectFailureMessage") and label(page, "inspectFailureHint")


def test_another_format_is_summarised_and_makes_room_for_the_next(
    make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    header = b'{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}'
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    page = make_page()
    opened(qtbot, page, pair[0])
    opened(qtbot, page, file)
    assert find(page, FormatTab, "").view.summary is not None
    assert find(page, QWidget, "formatSummary").isVisible() and not find(page, LayerMap, "layerMap").isVisible()
    assert not find(page, QAbstractButton, "inspectRun").isEnabled()
    assert not find(page, QAbstractButton, "inspectCompare").isEnabled()
    opened(qtbot, page, pair[1])
    assert find(page, LayerMap, "layerMap").isVisible() and not find(page, QWidget, "formatSummary").isVisible()


def test_a_repo_is_a_list_to_choose_from(
    make_page: MakePage, qtbot: QtBot, hub: HubServer, pair: tuple[Path, Path]
) -> None:
    files = {"a-Q4_K_M.gguf": FileContent(pair[0]), "a-Q8_0.gguf": FileContent(pair[1])}
    hub.add(Repo("owner/repo", dict(files), {"tags": ["gguf"]}))
    page = make_page(client=_client(hub))
    opened(qtbot, page, "hf:owner/repo")
    table = find(page, QTableView, "inspectModels")
    assert table.isVisible() and table.model().rowCount() == 2 and table.hasFocus()
    shown = [table.model().index(0, column).data() for column in range(3)]
    assert shown == ["a-Q4_K_M.gguf", "GGUF", "Q4_K_M"]
    table.selectRow(1)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not page.busy)
    assert page.inspected is not None and page.inspected.source == "hf:owner/repo/a-Q8_0.gguf"
    opened(qtbot, page, "hf:owner/repo")
    click(qtbot, page, "inspectModelOpen")
    qtbot.waitUntil(lambda: not page.busy)
    assert page.inspected.title == "a-Q4_K_M.gguf"
    page.compare("hf:owner/repo")
    qtbot.waitUntil(lambda: not page.busy)
    assert "holds 2 files" in label(page, "inspectFailureMessage")
