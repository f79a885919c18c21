"""The tab Chat template: its source with what was found in it, and the prompt it makes of an example."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from desktop.core.errors import UsageError
from desktop.core.findings import Severity
from desktop.core.text import LINE_CHARACTERS, bounded, plain_tooltip
from desktop.core.words import counted, tr
from desktop.services.inspect.inspection import Inspected
from desktop.services.inspect.template_preview import ChatTemplate, TemplatePreview
from desktop.services.models.kind_words import CONTINUES
from desktop.ui.inspect.example_conversation import ExampleConversation
from desktop.ui.inspect.source_view import SIGNS, Lines
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.inspect.template_editor import TemplateEditor, editable
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside
from desktop.ui.shared.transcript.highlight import highlight
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.engine.tools.template_records import RenderResult

PAUSE_MILLISECONDS = 200
_ORDER: dict[Severity, int] = {"note": 0, "warning": 1, "error": 2}
_OWN = tr("Used in the place of the model's own")
_ELSEWHERE = tr("Change it in a file, then use heft settings MODEL template=@FILE.")
_FALLBACKS = {
    "chatml": tr("This model brings no chat template. Heft uses ChatML instead, so its answers may be odd."),
    "plain": CONTINUES,
}

Coloured = tuple[tuple[ChatTemplate, Lines], ...]


class TemplateTab(InspectTab):
    """Source and findings at the left, example and prompt at the right."""

    def __init__(self, theme: Theme, tasks: Tasks, service: TemplatePreview, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectTemplate")
        self._tasks, self._service = tasks, service
        self._inspected: Inspected | None = None
        self._templates: Coloured = ()
        self._reading: Task | None = None
        self._rendering: Task | None = None
        self._rendered = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._render)
        self._check_soon = QTimer(self)
        self._check_soon.setSingleShot(True)
        self._check_soon.setInterval(PAUSE_MILLISECONDS)
        self._check_soon.timeout.connect(self._check)
        self._drafts: dict[str, str] = {}  # changes that were not ended, by the model's identity
        self._edited: ChatTemplate | None = None  # what stands in the editor, as it was checked last
        self._checking: Task | None = None
        self._build(theme)
        self._names.currentIndexChanged.connect(self._show_template)
        self._example.changed.connect(lambda *_: self._pause.start())
        self._open.toggled.connect(lambda *_: self._pause.start())
        self._findings.currentRowChanged.connect(self._show_finding)
        self._pause.stop()

    def show_model(self, inspected: Inspected) -> None:
        """Show this model's templates; they are checked and coloured in the background."""
        self.clear()
        self._inspected = inspected

        def read(context: TaskContext) -> Coloured:
            found = self._service.templates(inspected)
            return tuple((t, highlight("jinja", t.source, longest_line=LINE_CHARACTERS)) for t in found)

        self._reading = self._tasks.run(
            read, done=self._show_templates, failed=self.notify.emit, lane=Lane.JOB, owner=self
        )

    def clear(self) -> None:
        """Show no model."""
        if self.editing and self._inspected is not None:
            self._drafts[self._inspected.ref.identity] = self._editor.text
        for task in (self._reading, self._rendering, self._checking):
            if task is not None:
                task.cancel()
        self._reading = self._rendering = self._checking = None
        self._pause.stop()
        self._end_edit()
        self._editor.offer(edit=False, reset=False)
        self._inspected = None
        self._templates = ()
        self._names.clear()
        self._source.set_source("", [], {})
        self._findings.clear()
        self._told.setText("")
        self._prompt.clear()
        self._notes.setText("")

    # -- building --------------------------------------------------------------------------------

    def _build(self, theme: Theme) -> None:
        self._names = ElidedChoice()
        self._names.setObjectName("inspectTemplateName")
        self._names.setAccessibleName(tr("Chat template"))
        self._told = plain_label("inspectTemplateTold")
        self._editor = TemplateEditor(theme)
        self._source = self._editor.view
        self._findings = QListWidget()
        self._findings.setObjectName("inspectTemplateFindings")
        self._findings.setAccessibleName(tr("What was found in the template"))
        self._findings.setWordWrap(True)
        self._findings.setSpacing(4)
        self._findings.setMaximumHeight(120)
        self._copy = explained_button(tr("Copy source"), "inspectTemplateCopy", tr("Copy the template's source"))
        self._copy.clicked.connect(self._copy_source)
        self._editor.edit_asked.connect(self.edit)
        self._editor.edited.connect(self._check_soon.start)
        self._editor.save_asked.connect(self.save)
        self._editor.discard_asked.connect(self.discard)
        self._editor.reset_asked.connect(self.reset)
        above = QHBoxLayout()
        above.addWidget(self._names)
        above.addWidget(self._told, 1)
        above.addWidget(self._copy)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 14, 0)
        column.setSpacing(8)
        column.addLayout(above)
        column.addWidget(self._editor, 1)
        column.addWidget(self._findings)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(self._build_example(theme))
        split.setSizes([640, 520])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 10, 0, 0)
        outer.addWidget(split)

    def _build_example(self, theme: Theme) -> QWidget:
        title, below = QLabel(tr("Example conversation")), QLabel(tr("The prompt the model is given"))
        set_role(title, "subtitle")
        set_role(below, "subtitle")
        self._example = ExampleConversation()
        self._open = QCheckBox(tr("Open the answer"))
        self._open.setObjectName("inspectTemplateOpen")
        self._open.setAccessibleName(tr("End the prompt where the model's answer begins"))
        self._open.setToolTip(tr("End the prompt where the model's answer begins (add_generation_prompt)"))
        self._open.setChecked(True)
        self._prompt = QPlainTextEdit()
        self._prompt.setObjectName("inspectTemplatePrompt")
        self._prompt.setAccessibleName(tr("Rendered prompt"))
        self._prompt.setReadOnly(True)
        self._prompt.setTabChangesFocus(True)
        self._prompt.setFont(theme.monospace)
        self._notes = plain_label("inspectTemplateNotes", "muted")
        self._copy_prompt = explained_button(
            tr("Copy prompt"), "inspectTemplateCopyPrompt", tr("Copy the rendered prompt")
        )
        self._copy_prompt.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._rendered))
        options = QWidget()
        head = QHBoxLayout(options)
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self._open)
        head.addStretch(1)
        head.addWidget(self._copy_prompt)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(14, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(self._example)
        column.addWidget(Beside(below, options, stretch=(1, 0)))
        column.addWidget(self._prompt, 1)
        column.addWidget(self._notes)
        return right

    # -- what is shown ---------------------------------------------------------------------------

    def _show_templates(self, templates: Coloured) -> None:
        self._reading = None
        self._templates = templates
        self._names.blockSignals(True)
        self._names.addItems([template.name for template, _ in templates])
        self._names.blockSignals(False)
        self._names.setVisible(len(templates) > 1)
        self._show_template(0)
        draft = self._drafts.pop(self._inspected.ref.identity, None) if self._inspected is not None else None
        if draft is not None:
            self._begin(draft)

    def _show_template(self, number: int) -> None:
        if not 0 <= number < len(self._templates):
            return
        self._names.setToolTip(plain_tooltip(self._names.currentText()))
        template, colours = self._templates[number]
        self._show_source(template, colours)
        self._editor.offer(edit=True, reset=self.own)
        self._show_checked(template)

    def _show_source(self, template: ChatTemplate, colours: Lines) -> None:
        marks: dict[int, Severity] = {}
        for marked in template.findings:
            known = marks.get(marked.line)
            if known is None or _ORDER[marked.finding.severity] > _ORDER[known]:
                marks[marked.line] = marked.finding.severity
        self._source.set_source(template.source, colours, marks)

    def _show_checked(self, template: ChatTemplate) -> None:
        self._findings.clear()
        for marked in template.findings:
            finding = marked.finding
            said = re.search(rf"(?<!\d){marked.line}(?!\d)", finding.message)  # whatever a line is called
            place = "" if said else tr("Line {line}: ", line=marked.line)
            item = QListWidgetItem(f"{SIGNS[finding.severity]} {place}{finding.message} {finding.reason}")
            item.setData(Qt.ItemDataRole.UserRole, marked.line)
            self._findings.addItem(item)
        self._findings.setVisible(bool(template.findings))
        self._told.setText(told(template, saved=not self.editing))
        self._render()

    def _show_finding(self, row: int) -> None:
        item = self._findings.item(row)
        if item is not None and self.editing:
            self._editor.show_line(item.data(Qt.ItemDataRole.UserRole))
        elif item is not None:
            self._source.show_line(item.data(Qt.ItemDataRole.UserRole))

    def _render(self) -> None:
        inspected, template = self._inspected, self._shown
        if inspected is None or template is None:
            return
        if self._rendering is not None:
            self._rendering.cancel()
        messages, open_answer = self._example.messages, self._open.isChecked()
        self._rendering = self._tasks.run(
            lambda context: self._service.render(inspected, template, messages, open_answer=open_answer),
            done=self._show_prompt,
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def _show_prompt(self, result: RenderResult) -> None:
        self._rendering = None
        self._rendered = result.text
        self._prompt.setPlainText(bounded(result.text))
        self._notes.setText(f"⚠ {result.error}" if result.error else " ".join(result.notes))
        self._notes.setVisible(bool(self._notes.text()))
        self._copy_prompt.setEnabled(bool(result.text))

    def _copy_source(self) -> None:
        if self.editing:
            QGuiApplication.clipboard().setText(self._editor.text)
        elif self._shown is not None:
            QGuiApplication.clipboard().setText(self._shown.source)

    # -- one of the user's ------------------------------------------------------------------------

    @property
    def editing(self) -> bool:
        """Whether a template is being changed."""
        return self._editor.editing

    @property
    def own(self) -> bool:
        """Whether one of the user's stands in for the model's."""
        return any(template.own for template, _ in self._templates)

    @property
    def _shown(self) -> ChatTemplate | None:
        """The template that is checked and rendered: the one in view, or what the editor holds."""
        if self._edited is not None:
            return self._edited
        number = self._names.currentIndex()
        return self._templates[number][0] if 0 <= number < len(self._templates) else None

    def edit(self) -> None:
        """Change the template in view, for this model; the file stays as it is."""
        shown = self._shown
        if self.editing or shown is None:
            return
        if editable(shown.source):
            self._begin(shown.source)
            self._editor.take_keyboard()
        else:
            self.notify.emit(UsageError(tr("This template has lines too long to change here."), _ELSEWHERE))

    def save(self) -> None:
        """Use what is in the editor from now on."""
        if self.editing:
            self._keep(self._editor.text)

    def discard(self) -> None:
        """Give the change up."""
        if self.editing:
            self._end_edit()
            self._show_template(self._names.currentIndex())

    def reset(self) -> None:
        """Use the model's own again."""
        if self.own and not self.editing:
            self._keep(None)

    def _begin(self, text: str) -> None:
        self._editor.begin(text)
        self._editor.offer(edit=True, reset=self.own)
        self._names.setEnabled(False)
        self._check()

    def _end_edit(self) -> None:
        self._check_soon.stop()
        self._edited = None
        self._editor.end()
        self._names.setEnabled(True)

    def _check(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
        text = self._editor.text

        def checked(template: ChatTemplate) -> None:
            if self.editing:
                self._edited = template
                self._show_checked(template)

        self._checking = self._tasks.run(
            lambda context: self._service.examined(text),
            done=checked,
            failed=self.notify.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def _keep(self, source: str | None) -> None:
        inspected = self._inspected
        if inspected is None:
            return

        def kept(_: None) -> None:
            if inspected is self._inspected:
                self._end_edit()
                self.show_model(inspected)

        self._tasks.run(
            lambda context: self._service.keep(inspected, source),
            done=kept,
            failed=self.notify.emit,
            lane=Lane.COMMAND,
            owner=self,
            queue="template",
        )


def told(template: ChatTemplate, *, saved: bool = True) -> str:
    """A template in a line: its size, and how many findings there are."""
    if template.fallback:
        return _FALLBACKS[template.fallback]
    lines = template.source.count("\n") + 1
    size = tr("{lines}, {characters:,} characters", lines=counted(lines, "line"), characters=len(template.source))
    if template.own:
        size = f"{_OWN if saved else tr('Not saved yet')} · {size}"
    if not template.findings:
        return tr("{size} · nothing suspicious found", size=size)
    return tr("{size} · {findings}", size=size, findings=counted(len(template.findings), "finding"))
