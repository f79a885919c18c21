"""Opening on the page Inspect: first words, failures, broken and other files, the sources opened before."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QAbstractButton, QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.inspect_page import MakePage, names, opened, tabs
from support.starter_size import BITS_SAID, PARAMETERS_SAID
from support.widgets import click, find, label

from desktop.store.options import RECENT_INSPECTED
from desktop.store.settings import SettingsStore
from desktop.ui.inspect.format import FormatTab
from desktop.ui.inspect.layer_map import LayerMap


def test_says_what_to_do_first_and_opens_the_starter_model(make_page: MakePage, qtbot: QtBot) -> None:
    page = make_page()
    assert find(page, QWidget, "inspectEmpty").isVisible()
    click(qtbot, page, "inspectEmptyStarter")
    qtbot.waitUntil(lambda: page.inspected is not None)
    facts = label(page, "inspectFacts")
    for fact in ("GGUF v3", "llama", f"{PARAMETERS_SAID} parameters", BITS_SAID, "98.4 MB", "272 tensors"):
        assert fact in facts
    assert tabs(page) == ["Layers", "Tensors 272"]
    assert find(page, LayerMap, "layerMap").isVisible()


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
    assert "vocabulary without weights" in label(page, "inspectFacts")
    find(page, QTabBar, "inspectTabBar").setCurrentIndex(1)
    assert names(find(page, QTableView, "tensorTable")) == []


def test_what_cannot_chat_is_not_run_and_says_what_it_is_for(make_page: MakePage, qtbot: QtBot, tmp_path: Path) -> None:
    page = make_page()
    opened(qtbot, page, g.model(architecture="bert").write(tmp_path / "vectors.gguf"))
    run = find(page, QAbstractButton, "inspectRun")
    assert "bert · embedding model" in label(page, "inspectFacts") and not run.isEnabled()
    assert "An embedding model: it turns text into vectors, it cannot chat" in run.toolTip()


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


def test_recent_sources_are_kept_newest_first(
    make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path], settings: SettingsStore
) -> None:
    page = make_page()
    for path in (pair[0], pair[1], pair[0]):
        opened(qtbot, page, path)
    assert settings.get(RECENT_INSPECTED) == (str(pair[0]), str(pair[1]))


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
