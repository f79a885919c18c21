"""The tabs Chat template and Problems, over real files and forged ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QListWidget, QPlainTextEdit, QPushButton, QTableView
from pytestqt.qtbot import QtBot
from support import forge
from support import gguf_bytes as g
from support.inspected import opened
from support.widgets import find, label, shown

from desktop.core.findings import Finding
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import InspectionService
from desktop.services.inspect.template_preview import TemplatePreview
from desktop.services.models.answer_settings import AnswerSettingsService
from desktop.services.models.library import LibraryService
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.inspect.problems import ProblemsTab
from desktop.ui.inspect.source_view import SourceView
from desktop.ui.inspect.template import TemplateTab
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

SECOND = Finding("note", "There is something else to know.", "It is so.", "Nothing.")


@pytest.fixture
def answers(paths: Paths) -> AnswerSettingsService:
    return AnswerSettingsService(LoadSettingsStore(paths.load_settings))


@pytest.fixture
def tab(tasks: Tasks, theme: Theme, qtbot: QtBot, answers: AnswerSettingsService) -> Iterator[TemplateTab]:
    service = TemplatePreview(lambda: answers)
    made = shown(qtbot, TemplateTab(theme, tasks, service), 1180, 660)
    yield made
    made.clear()
    service.close()


@pytest.fixture
def problems(paths: Paths, tasks: Tasks, theme: Theme, qtbot: QtBot) -> ProblemsTab:
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=paths.data)
    return shown(qtbot, ProblemsTab(theme, tasks, InspectionService(paths, library, HubClient())), 1180, 660)


def prompt(tab: TemplateTab) -> str:
    return find(tab, QPlainTextEdit, "inspectTemplatePrompt").toPlainText()


def with_template(path: Path, **entries: str) -> Path:
    found = {"general.architecture": forge.Value(8, "llama")}
    return forge.write(
        path, found | {key.replace("__", "."): forge.Value(8, text) for key, text in entries.items()}, []
    )


def test_the_starter_s_template_and_the_prompt_of_an_edited_example(
    tab: TemplateTab, qtbot: QtBot, starter_model: Path
) -> None:
    tab.show_model(opened(starter_model))
    qtbot.waitUntil(lambda: "And of Italy?" in prompt(tab), timeout=20_000)
    assert prompt(tab).startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
    assert prompt(tab).endswith("<|im_start|>assistant\n")
    assert "nothing suspicious found" in label(tab, "inspectTemplateTold")
    source = tab.findChild(SourceView)
    assert source is not None and source.toPlainText().startswith("{% for message in messages %}")
    line = tab.findChild(QLineEdit, "inspectExampleText3")
    remove = tab.findChild(QPushButton, "inspectExampleRemove0")
    assert line is not None and remove is not None
    line.setText("And of Malta?")
    qtbot.waitUntil(lambda: "And of Malta?" in prompt(tab))
    qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "You are a helpful assistant.<" not in prompt(tab))


def test_colours_follow_the_theme(tab: TemplateTab, qtbot: QtBot, starter_model: Path, theme: Theme) -> None:
    tab.show_model(opened(starter_model))
    source = tab.findChild(SourceView)
    assert source is not None
    qtbot.waitUntil(lambda: source.blockCount() > 1)

    def first_colours() -> set[str]:
        return {run.format.foreground().color().name() for run in source.document().firstBlock().layout().formats()}

    assert theme.tokens["syntax_keyword"] in first_colours()
    theme.set_preference("dark")
    assert theme.tokens["syntax_keyword"] in first_colours()


def test_findings_are_marked_at_their_line(tab: TemplateTab, qtbot: QtBot, tmp_path: Path) -> None:
    source = "{{ bos_token }}\n{{ ''.__class__.__mro__ }}\n{{ messages[0]['content'] }}"
    tab.show_model(opened(with_template(tmp_path / "bad.gguf", tokenizer__chat_template=source)))
    found = tab.findChild(QListWidget, "inspectTemplateFindings")
    view = tab.findChild(SourceView)
    assert found is not None and view is not None
    qtbot.waitUntil(lambda: found.count() > 0, timeout=20_000)
    assert found.item(0).text().startswith("✖ ") and "in line 2." in found.item(0).text()
    found.setCurrentRow(0)
    assert view.textCursor().blockNumber() == 1
    (mark,) = view.extraSelections()
    assert mark.cursor.selectedText() == source.splitlines()[1]  # all of the line, however often it wraps


def test_several_templates_none_and_a_broken_one(tab: TemplateTab, qtbot: QtBot, tmp_path: Path) -> None:
    several = with_template(
        tmp_path / "two.gguf",
        tokenizer__chat_template="default: {{ messages[-1].content }}",
        tokenizer__chat_template__rag="rag: {{ messages[-1].content }}",
    )
    tab.show_model(opened(several))
    qtbot.waitUntil(lambda: prompt(tab) == "default: And of Italy?", timeout=20_000)
    names = tab.findChild(QComboBox, "inspectTemplateName")
    assert names is not None and names.isVisible()
    names.setCurrentText("rag")
    qtbot.waitUntil(lambda: prompt(tab) == "rag: And of Italy?")
    assert label(tab, "inspectTemplateNotes") == "⚠ The model's chat template leaves out what you write."
    tab.show_model(opened(with_template(tmp_path / "none.gguf")))
    qtbot.waitUntil(lambda: "brings no chat template" in label(tab, "inspectTemplateTold"))
    qtbot.waitUntil(lambda: prompt(tab).startswith("<|im_start|>system"))
    tab.show_model(opened(g.model(tokenizer__ggml__model="gpt2").write(tmp_path / "base.gguf")))
    qtbot.waitUntil(lambda: "it continues your text" in label(tab, "inspectTemplateTold"))
    qtbot.waitUntil(lambda: prompt(tab).endswith("What is the capital of France?Paris.\nAnd of Italy?"))
    tab.show_model(opened(with_template(tmp_path / "broken.gguf", tokenizer__chat_template="{% if %}")))
    qtbot.waitUntil(lambda: label(tab, "inspectTemplateNotes").startswith("⚠ The model's chat template failed"))


def test_only_what_there_is_was_checked(problems: ProblemsTab, starter_model: Path, tmp_path: Path) -> None:
    """It said that the template was checked where there was none."""
    problems.show_model(opened(starter_model))
    assert label(problems, "inspectProblemsWhat").endswith("the tokenizer, and the chat template.")
    problems.show_model(opened(g.model(tokenizer__ggml__model="gpt2").write(tmp_path / "base.gguf")))
    told = label(problems, "inspectProblemsWhat")
    assert told.endswith("and the tokenizer. It brings no chat template.")
    problems.show_model(opened(g.model().write(tmp_path / "bare.gguf")))
    told = label(problems, "inspectProblemsWhat")
    assert told.endswith("and the keys the architecture needs. It brings no chat template.")


def test_no_problems_says_what_was_checked_and_checks_everything(
    problems: ProblemsTab, qtbot: QtBot, starter_model: Path
) -> None:
    problems.show_model(opened(starter_model))
    assert label(problems, "inspectProblemsNone") == "✓ No problems found"
    assert "no NaN" not in label(problems, "inspectProblemsWhat")
    check = problems.findChild(QPushButton, "inspectProblemsCheck")
    assert check is not None
    qtbot.mouseClick(check, Qt.MouseButton.LeftButton)
    stop = problems.window().focusWidget()
    assert stop is not None and stop.objectName() == "inspectProblemsCancel"
    qtbot.waitUntil(lambda: label(problems, "inspectProblemsNote") == "Every weight was read.", timeout=60_000)
    assert "no NaN" in label(problems, "inspectProblemsWhat") and not check.isEnabled()
    left = problems.window().focusWidget()
    assert left is not None and (left is problems or problems.isAncestorOf(left))


def test_a_broken_file_s_problems_lead_to_their_place(
    problems: ProblemsTab, qtbot: QtBot, starter_model: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(starter_model.read_bytes()[:40_000_000])
    problems.show_model(opened(cut))
    table = problems.findChild(QTableView, "inspectProblemsTable")
    assert table is not None and table.isVisible()
    assert table.model().index(0, 0).data() == "✖ Error"
    assert label(problems, "inspectProblemsCount").startswith("1 error")
    texts = [str(table.model().index(0, column).data()) for column in (1, 2, 3)]
    room = [table.fontMetrics().boundingRect(0, 0, table.columnWidth(column) - 24, 9999, Qt.TextFlag.TextWordWrap, text)
            for column, text in enumerate(texts, start=1)]  # fmt: skip
    needed = max(rect.height() for rect in room)
    qtbot.waitUntil(lambda: 0 <= table.rowHeight(0) - needed <= 16)  # as high as the texts, and no more
    places: list[str] = []
    problems.place_asked.connect(places.append)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert places and places[0].startswith("tensor:blk.")
    problems.clear()
    assert label(problems, "inspectProblemsNone") == "" and not table.isVisible()


def test_a_check_that_ends_keeps_the_problem_that_is_looked_at(
    problems: ProblemsTab, qtbot: QtBot, starter_model: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(starter_model.read_bytes()[:40_000_000])
    inspected = opened(cut)
    problems.show_model(dataclasses.replace(inspected, findings=(*inspected.findings, SECOND)))
    table = problems.findChild(QTableView, "inspectProblemsTable")
    check = problems.findChild(QPushButton, "inspectProblemsCheck")
    assert table is not None and check is not None and table.model().rowCount() == 2
    row = next(row for row in range(2) if table.model().index(row, 1).data() == SECOND.message)
    at = table.visualRect(table.model().index(row, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseClick(check, Qt.MouseButton.LeftButton)
    stop = find(problems, QPushButton, "inspectProblemsCancel")
    qtbot.waitUntil(lambda: not stop.isVisible(), timeout=60_000)
    assert table.model().index(table.currentIndex().row(), 1).data() == SECOND.message


def editor(tab: TemplateTab) -> QPlainTextEdit:
    return find(tab, QPlainTextEdit, "inspectTemplateEditor")


def press(tab: TemplateTab, qtbot: QtBot, name: str) -> None:
    button = find(tab, QPushButton, name)
    qtbot.waitUntil(button.isVisible)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_template_is_changed_checked_used_and_reset(
    tab: TemplateTab, qtbot: QtBot, tmp_path: Path, answers: AnswerSettingsService
) -> None:
    model = opened(with_template(tmp_path / "m.gguf", tokenizer__chat_template="theirs: {{ messages[-1].content }}"))
    tab.show_model(model)
    qtbot.waitUntil(lambda: prompt(tab) == "theirs: And of Italy?", timeout=20_000)
    assert not find(tab, QPushButton, "inspectTemplateReset").isVisible()
    press(tab, qtbot, "inspectTemplateEdit")
    assert editor(tab).toPlainText() == "theirs: {{ messages[-1].content }}" and editor(tab).hasFocus()
    editor(tab).selectAll()
    qtbot.keyClicks(editor(tab), "mine: {{ messages[-1].content }}")
    qtbot.waitUntil(lambda: prompt(tab) == "mine: And of Italy?")
    assert label(tab, "inspectTemplateTold").startswith("Not saved yet · 1 line, 32 characters")
    assert answers.of(model.ref).template is None
    press(tab, qtbot, "inspectTemplateSave")
    qtbot.waitUntil(lambda: label(tab, "inspectTemplateTold").startswith("Used in the place of the model's own · "))
    assert answers.of(model.ref).template == "mine: {{ messages[-1].content }}"
    names = find(tab, QComboBox, "inspectTemplateName")
    assert [names.itemText(row) for row in range(names.count())] == ["Yours", "default"]
    press(tab, qtbot, "inspectTemplateReset")
    qtbot.waitUntil(lambda: prompt(tab) == "theirs: And of Italy?" and not names.isVisible())
    assert answers.of(model.ref).unset


def test_a_bad_template_is_told_at_its_line_and_not_used(
    tab: TemplateTab, qtbot: QtBot, tmp_path: Path, answers: AnswerSettingsService
) -> None:
    model = opened(with_template(tmp_path / "m.gguf", tokenizer__chat_template="{{ messages[-1].content }}"))
    tab.show_model(model)
    press(tab, qtbot, "inspectTemplateEdit")
    editor(tab).setPlainText("{{ messages[-1].content }}\n{{ ''.__class__ }}")
    found = find(tab, QListWidget, "inspectTemplateFindings")
    qtbot.waitUntil(lambda: found.count() == 1)
    assert found.item(0).text().startswith("✖ ") and "in line 2." in found.item(0).text()
    found.setCurrentRow(0)
    assert editor(tab).textCursor().blockNumber() == 1
    told: list[object] = []
    tab.notify.connect(told.append)
    press(tab, qtbot, "inspectTemplateSave")
    qtbot.waitUntil(lambda: bool(told))
    assert "reaches outside its sandbox" in str(told[0]) and answers.of(model.ref).unset
    assert editor(tab).toPlainText().endswith("{{ ''.__class__ }}")  # what was typed is still there
    press(tab, qtbot, "inspectTemplateDiscard")
    qtbot.waitUntil(lambda: not found.isVisible())
    assert not editor(tab).isVisible()
    qtbot.waitUntil(lambda: prompt(tab) == "And of Italy?")


def test_a_change_that_was_not_ended_is_there_when_its_model_is_shown_again(
    tab: TemplateTab, qtbot: QtBot, tmp_path: Path, answers: AnswerSettingsService
) -> None:
    first = opened(with_template(tmp_path / "one.gguf", tokenizer__chat_template="one {{ messages[-1].content }}"))
    other = opened(with_template(tmp_path / "two.gguf", tokenizer__chat_template="two {{ messages[-1].content }}"))
    tab.show_model(first)
    press(tab, qtbot, "inspectTemplateEdit")
    editor(tab).setPlainText("half a chan\u00a0ge {{ messages[-1].content }}")
    tab.show_model(other)
    qtbot.waitUntil(lambda: prompt(tab) == "two And of Italy?", timeout=20_000)
    assert not editor(tab).isVisible()
    tab.show_model(first)
    qtbot.waitUntil(lambda: prompt(tab).endswith("ge And of Italy?"))
    assert editor(tab).isVisible()
    press(tab, qtbot, "inspectTemplateSave")
    qtbot.waitUntil(lambda: answers.of(first.ref).template == "half a chan\u00a0ge {{ messages[-1].content }}")
