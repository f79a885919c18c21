"""The page's models and requests: what each row says, what is done with the chosen one, what stays as they change."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot
from support.serve_page import MakePage
from support.serving import asked, planned, served

from desktop.core.model_kind import ModelKind
from desktop.services.serve.api import ModelState
from desktop.services.serve.snippets import SNIPPETS
from desktop.store import options
from desktop.ui.serve.models_model import ACT, MEMORY, NAME, RATE, STATE, WHERE
from desktop.ui.shell.theme import Theme

CHAT = ModelState(
    served("qwen3-8b", quantization="Q5_K_M", aliases=("qwen3",)),
    "answering",
    planned("qwen3-8b", gpu_layers=36),
    leases=2,
    in_chat=True,
    tokens_per_second=98.0,
)
VECTORS = ModelState(served("nomic-embed", ModelKind.EMBEDDING), "ready", memory_bytes=300_000_000)
WAITS = ModelState(served("gpt-oss-20b"), plan=planned("gpt-oss-20b", 32768, 20), would_go=("qwen3-8b",))
LARGE = ModelState(served("llama-70b"), too_large="It needs 41 GB, and 31 GB are free.")


def test_without_models_it_says_where_to_get_one(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page()
    assert made.says("serveNoModels") == "No models yet." and "Library" in made.says("serveNoModelsAdvice")
    with qtbot.waitSignal(made.page.models_asked):
        made.press("serveFindModels")
    assert 'model="MODEL"' in made.lines


def test_each_model_says_what_it_does_in_words_and_figures(make_page: MakePage) -> None:
    made = make_page(CHAT, VECTORS, WAITS, LARGE)
    chat, vectors, waits, large = made.rows("serveModels")
    assert chat == [
        "qwen3-8b Q5_K_M · also in Chat", "● answering 2", "RTX 4070", "7.5 GB", "16k", "2 / 1", "98.0", "Unload",
    ]  # fmt: skip
    assert vectors[NAME] == "nomic-embed embedding model" and vectors[STATE] == "● ready"
    assert (vectors[WHERE], vectors[MEMORY], vectors[RATE]) == ("–", "300.0 MB", "–")
    assert waits[STATE] == "○ fits when qwen3-8b rests" and waits[WHERE] == "RTX 4070 + RAM"
    assert (waits[RATE], waits[ACT]) == ("~ 41", "Load")
    assert large[STATE] == "✕ too large"
    model = made.table("serveModels").model()
    assert "41 GB" in model.index(3, STATE).data(Qt.ItemDataRole.ToolTipRole)
    assert "also qwen3" in model.index(0, NAME).data(Qt.ItemDataRole.ToolTipRole)


def test_the_rule_of_unloading_follows_the_setting(make_page: MakePage) -> None:
    made = make_page(CHAT)
    assert "unloaded after 10 minutes, never in the middle of an answer" in made.says("serveRule")
    made.serving.settings.subscribe(made.page.option_changed)
    made.serving.settings.set(options.SERVE_IDLE_MINUTES, "1")
    assert "after 1 minute," in made.says("serveRule")
    made.serving.settings.set(options.SERVE_IDLE_MINUTES, "never")
    assert "only to make room" in made.says("serveRule")


def test_the_chosen_model_is_loaded_and_unloaded_by_button_keys_and_mouse(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(WAITS)
    table = made.table("serveModels")
    assert not made.button("serveLoad").isEnabled()
    table.selectRow(0)
    assert made.button("serveLoad").toolTip() == "Switch serving on first."
    made.switch_on()
    made.press("serveLoad")
    qtbot.waitUntil(lambda: made.rows("serveModels")[0][ACT] == "Unload")
    assert made.serving.lender.asked == [("gpt-oss-20b", "text")] and table.currentIndex().row() == 0
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: made.rows("serveModels")[0][ACT] == "Load")
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: made.rows("serveModels")[0][ACT] == "Unload")
    cell = table.visualRect(table.model().index(0, ACT)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    qtbot.waitUntil(lambda: made.rows("serveModels")[0][ACT] == "Load")
    assert made.serving.lender.let_go == ["gpt-oss-20b"] * 2


def test_what_a_model_would_take_is_planned_while_it_is_not_loaded(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(ModelState(served("gpt-oss-20b")), ModelState(served("unknown")))
    assert made.rows("serveModels")[0][MEMORY] == "–"
    made.serving.plans = {"gpt-oss-20b": planned("gpt-oss-20b", 32768, 20)}
    made.page.hide()
    made.page.show()
    qtbot.waitUntil(lambda: made.rows("serveModels")[0][MEMORY] == "7.5 GB")
    known, unknown = made.rows("serveModels")
    assert (known[WHERE], known[RATE], known[STATE]) == ("RTX 4070 + RAM", "~ 41", "○ loaded when asked for")
    assert (unknown[WHERE], unknown[MEMORY], unknown[RATE]) == ("–", "–", "–")
    plan = made.serving.plans["gpt-oss-20b"]
    assert plan.fit is not None
    fit = replace(plan.fit, placement="too-large", short_by_bytes=10_200_000_000)
    made.serving.plans = {"gpt-oss-20b": replace(plan, fit=fit)}
    made.page.hide()
    made.page.show()
    qtbot.waitUntil(lambda: made.rows("serveModels")[0][STATE] == "✕ too large")


def test_the_chosen_model_stays_chosen_when_models_come_and_go(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT, VECTORS)
    made.table("serveModels").selectRow(1)
    made.serving.lender.all = [WAITS, *made.serving.lender.all]
    made.serving.lender.heard.tell(None)
    qtbot.waitUntil(lambda: len(made.rows("serveModels")) == 3)
    assert made.table("serveModels").currentIndex().row() == 2


def test_requests_come_on_top_and_grow_in_place(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    assert made.says("serveNoRequests") == "Requests stand here once serving is switched on."
    made.switch_on()
    qtbot.waitUntil(lambda: "Copy the lines above" in made.says("serveNoRequests"))
    now = time.time()
    made.serving.door.tell(
        asked(1, "refused", client="curl", model="gpt-4", status=404, error="no such model", asked_at=now - 120)
    )
    qtbot.waitUntil(lambda: len(made.rows("serveRequests")) == 1)
    assert made.rows("serveRequests")[0] == ["curl", "gpt-4", "2 min", "–", "–", "–", "–", "✕ 404 no such model"]
    table = made.table("serveRequests")
    table.selectRow(0)
    figures = {"prompt_tokens": 11_204, "cached_tokens": 10_980, "seconds_to_first_token": 0.31}
    made.serving.door.tell(
        asked(2, "answering", asked_at=now, generated_tokens=214, tokens_per_second=49.12, **figures)
    )
    qtbot.waitUntil(lambda: len(made.rows("serveRequests")) == 2)
    assert made.rows("serveRequests")[0] == [
        "aider", "qwen3-8b", "now", "11,204 98 % kept", "0.3 s", "214 …", "49.1", "answering",
    ]  # fmt: skip
    assert table.currentIndex().row() == 1, "the chosen request is still the one of curl"
    made.serving.door.tell(asked(2, "done", asked_at=now, generated_tokens=300, tokens_per_second=48.0, **figures))
    qtbot.waitUntil(lambda: made.rows("serveRequests")[0][-1] == "done")
    assert made.rows("serveRequests")[0][5] == "300" and made.says("serveNotKept") == "contents are not kept"


def test_what_was_asked_without_a_model_is_told_by_its_path(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.switch_on()
    made.serving.door.tell(asked(1, client="heft/1.0", model="", path="/v1/models"))
    qtbot.waitUntil(lambda: len(made.rows("serveRequests")) == 1)
    assert made.rows("serveRequests")[0][:2] == ["heft/1.0", "/v1/models"]


@pytest.mark.parametrize("size", [(744, 490), (1204, 770)])
def test_models_whose_names_differ_at_their_end_look_different(
    make_page: MakePage, qtbot: QtBot, size: tuple[int, int]
) -> None:
    made = make_page(CHAT, size=size)
    made.switch_on()
    name = "qwen2.5-coder-7b-instruct-abliterated"
    for number, label in enumerate(("q4_k_m", "q8_0")):
        made.serving.door.tell(asked(number, model=f"{name}-{label}"))
    qtbot.waitUntil(lambda: len(made.rows("serveRequests")) == 2)
    table = made.table("serveRequests")
    table.setCurrentIndex(QModelIndex())
    cells = [table.visualRect(table.model().index(row, 1)).adjusted(1, 1, -1, -1) for row in range(2)]
    pictures = [table.viewport().grab(cell).toImage() for cell in cells]
    assert cells[0].size() == cells[1].size() and pictures[0] != pictures[1]
    if size[0] > 1000:
        assert cells[0].width() >= table.fontMetrics().horizontalAdvance(f"{name}-q4_k_m") + 21, "with its margins"


def test_the_lines_name_the_address_and_a_model_that_answers(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(VECTORS, WAITS)
    assert 'base_url="http://127.0.0.1:8321/v1"' in made.lines and 'model="gpt-oss-20b"' in made.lines
    made.press("serveSnippet_curl")
    assert made.lines.splitlines()[1].startswith("curl http://127.0.0.1:8321/v1/chat/completions")
    made.press("serveCopyLines")
    assert made.clipboard() == made.lines and made.told == ["The lines for curl are copied."]
    made.press("serveSnippet_javascript")
    assert "import OpenAI" in made.lines and made.button("serveSnippet_javascript").isChecked()
    made.serving.settings.set(options.SERVE_PORT, 8400)
    qtbot.waitUntil(lambda: "http://127.0.0.1:8400/v1" in made.lines)


def test_editors_are_chosen_from_a_menu(make_page: MakePage) -> None:
    made = make_page(CHAT)
    more = made.button("serveEditors")
    entries = more.menu().actions()  # type: ignore[attr-defined]
    assert [entry.text() for entry in entries] == [snippet.title for snippet in SNIPPETS if snippet.editor]
    for entry, snippet in zip(entries, (found for found in SNIPPETS if found.editor), strict=True):
        entry.trigger()
        assert made.lines == snippet.text("http://127.0.0.1:8321", "qwen3-8b")
        assert more.text() == f"{snippet.title} ▾" and more.isChecked()
        assert not made.button("serveSnippet_python").isChecked()
    made.press("serveSnippet_python")
    assert more.text() == "Editors ▾" and not more.isChecked()


def test_words_stay_readable_when_the_theme_changes(make_page: MakePage, theme: Theme) -> None:
    made = make_page(CHAT)
    state = made.table("serveModels").model().index(0, STATE)
    light = state.data(Qt.ItemDataRole.ForegroundRole)
    theme.set_preference("dark")
    assert state.data(Qt.ItemDataRole.ForegroundRole) != light
