"""Where a message is written: a growing input, what is attached, Send or Stop, and how full the context is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.core.attachments import Enclosed
from desktop.core.words import tr
from desktop.services.models.answer_settings import Asking
from desktop.ui.chat.actions import NEW_LINE, SEND, STOP
from desktop.ui.chat.attached import AttachedRow
from desktop.ui.chat.editor import Editor
from desktop.ui.chat.long_text import parted
from desktop.ui.chat.thinking_choice import ThinkingChoice
from desktop.ui.chat.tools_choice import ToolsChoice
from desktop.ui.chat.tools_offer import ToolsOffer
from desktop.ui.shared.elided_label import first_fitting
from desktop.ui.shell.icons import icon
from desktop.ui.shell.keys import listed_keys, shown_keys, tooltip
from desktop.ui.shell.theme import Theme, set_role

_WARN_AT = 0.85  # share of the context from which the meter says that it is running out
_SIDE, _NARROW_SIDE, _NARROW = 40, 16, 560  # as the transcript's margins, so that both columns have one edge
_METER, _LEAST_METER = 120, 40
_COLUMN = 780


class _Box(QWidget):
    """The rounded field around editor and button."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.lit = False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Surface, and a border that says whether the keyboard is here."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("accent" if self.lit else "control_border"), 1))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 12, 12)
        painter.end()


class Composer(QWidget):
    """The input below the transcript.

    ``submitted(text, files)`` and ``edit_submitted(message id, text, files)`` carry what was written and attached and
    empty the input; ``stop_requested`` comes from Stop or Escape; ``edit_last_requested`` from Up in the empty input.
    """

    submitted = Signal(str, object)
    edit_submitted = Signal(int, str, object)
    edit_last_requested = Signal()
    stop_requested = Signal()
    typed = Signal()
    undo_asked = Signal()  # Ctrl+Z in the empty input
    trouble_sent = Signal()  # somebody sends what the model cannot take: it stays

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self._theme = theme
        self._busy = False
        self._model, self._continues = "", False
        self._editing: int | None = None
        self._draft: tuple[str, tuple[Enclosed, ...]] = "", ()
        self._said = self._share = ""
        self._box = _Box(theme, self)
        self._editor = Editor(self._box)
        self._editor.setAccessibleName(tr("Message"))
        self.attached = AttachedRow(theme, self._editor)
        self.attach = QToolButton(self._box)  # what it offers, desktop.ui.chat.attaching says
        self._button = QPushButton(self._box)
        self._button.setObjectName("composerSend")
        self._button.setIconSize(QSize(14, 14))
        self._banner, self._cancel = QWidget(self), QPushButton(tr("Cancel"))
        self._meter, self._meter_words = QProgressBar(), QLabel()
        self.thinking, self.tools = ThinkingChoice(theme), ToolsChoice(theme)
        self._build()
        self._editor.entered.connect(self.send)
        self._editor.escaped.connect(self._escape)
        self._editor.recalled.connect(self._recall)
        self._editor.undo_asked.connect(self.undo_asked)
        self._editor.focus_changed.connect(self._light)
        self._editor.resized.connect(self._show_placeholder)
        self._editor.long_pasted.connect(self.attached.add)
        self.files_pasted, self.picture_pasted = self._editor.files_pasted, self._editor.picture_pasted
        self.attached.changed.connect(self._show_button)
        self.attached.changed.connect(self.typed)
        self._editor.textChanged.connect(self._show_button)
        self._editor.textChanged.connect(self.typed)
        self._button.clicked.connect(self._press)
        self._cancel.clicked.connect(self.cancel_edit)
        theme.changed.connect(self._restyle)
        self.setFocusProxy(self._editor)
        self._show_placeholder()
        self._show_button()

    def _build(self) -> None:
        around = QVBoxLayout(self._box)
        around.setContentsMargins(13, 9, 11, 9)
        around.addWidget(self.attached)
        inside = QHBoxLayout()
        around.addLayout(inside)
        self.attach.setObjectName("composerAttach")
        self.attach.setProperty("role", "ghost")
        self.attach.setIconSize(QSize(18, 18))
        self.attach.hide()
        inside.addWidget(self.attach, 0, Qt.AlignmentFlag.AlignBottom)
        inside.addWidget(self._editor, 1, Qt.AlignmentFlag.AlignVCenter)
        inside.addWidget(self._button, 0, Qt.AlignmentFlag.AlignBottom)
        banner = QHBoxLayout(self._banner)
        banner.setContentsMargins(4, 0, 0, 0)
        label = QLabel(tr("Editing an earlier message. Sending it starts a new branch; the old one is kept."))
        label.setWordWrap(True)
        set_role(label, "muted")
        self._cancel.setObjectName("composerCancelEdit")
        self._cancel.setAccessibleName(tr("Cancel editing"))
        set_role(self._cancel, "ghost")
        banner.addWidget(label, 1)
        banner.addWidget(self._cancel)
        self._banner.hide()
        self._meter.setObjectName("contextMeter")
        self._meter.setAccessibleName(tr("Context used"))
        self._meter.setTextVisible(False)
        self._meter.setMaximumWidth(_METER)
        self._meter.setMinimumWidth(_LEAST_METER)
        self._meter_words.setObjectName("contextWords")
        set_role(self._meter_words, "muted")
        meter = QHBoxLayout()
        meter.setContentsMargins(4, 0, 4, 0)
        meter.addWidget(self._meter_words)
        meter.addWidget(self._meter, 1, Qt.AlignmentFlag.AlignVCenter)
        meter.addStretch(0)
        meter.addWidget(self.tools)
        meter.addWidget(self.thinking)
        self._column = QWidget(self)
        self._column.setMaximumWidth(_COLUMN)
        column = QVBoxLayout(self._column)
        column.setContentsMargins(0, 4, 0, 10)
        column.setSpacing(6)
        column.addWidget(self._banner)
        column.addWidget(self._box)
        column.addLayout(meter)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._column, 1)
        self.set_context(0, 0)

    # -- state -----------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What is written at the moment, what was pasted beside it included."""
        return "\n\n".join(filter(None, (self._editor.toPlainText(), *self.attached.texts)))

    def set_text(self, text: str, files: Sequence[Enclosed] = ()) -> None:
        """Put text into the input, the cursor at its end; of a long one all but its beginning stands beside it, and so
        do the files.
        """
        typed, long = parted(text)
        self._editor.setPlainText(typed)
        self.attached.show_only(long, files)
        cursor = self._editor.textCursor()
        cursor.movePosition(cursor.MoveOperation.End)
        self._editor.setTextCursor(cursor)

    @property
    def written(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.attached.texts or self.attached.files) or (
            not self._editor.toPlainText().isspace() and not self._editor.empty
        )

    @property
    def editing(self) -> int | None:
        """The message that is edited; None when a new one is written."""
        return self._editing

    def note_deletion(self) -> None:
        """Something was deleted, which Ctrl+Z in the empty input brings back."""
        self._editor.note_deletion()

    def begin_edit(self, message_id: int, text: str, files: Sequence[Enclosed] = (), *, focus: bool = True) -> None:
        """Edit an earlier message; what was written so far comes back afterwards. ``focus`` takes the keyboard."""
        if self._editing is None:
            self._draft = self.text, self.attached.files
        self._editing = message_id
        self._banner.show()
        self.set_text(text, files)
        self._show_button()
        if focus:
            self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def give_back(self, text: str, files: Sequence[Enclosed] = ()) -> None:
        """A refused message goes back to where it was written, before what was written since."""
        self.set_text("\n".join(filter(None, (text, self.text))), (*files, *self.attached.files))

    def give_edit_back(self, message_id: int, text: str, files: Sequence[Enclosed] = ()) -> None:
        """And so does an edited one, which is edited on, unless another one is by now."""
        if self._editing is None:
            self.begin_edit(message_id, text, files, focus=False)
        else:
            self.give_back(text, files)

    def cancel_edit(self) -> None:
        """Give up editing, if that is going on."""
        if self._editing is None:
            return
        self._editing = None
        self._banner.hide()
        self.set_text(*self._draft)
        self._draft = "", ()
        self._show_button()

    def set_busy(self, busy: bool) -> None:
        """While an answer is generated, the button stops it; writing goes on."""
        self._busy = busy
        self._show_button()

    def set_model_name(self, name: str, *, continues: bool = False) -> None:
        """The model that will answer; empty when none is loaded. ``continues``: it writes a text on instead."""
        if (name, continues) != (self._model, self._continues):
            self._model, self._continues = name, continues
            self._show_placeholder()

    def set_context(self, used: int, total: int) -> None:
        """Tokens used of the context length; the meter is hidden as long as there is no context."""
        known = total > 0
        self._meter_words.setVisible(known)
        if not known:
            self._said = ""
            self._meter.hide()
            return
        share = used / total
        full = "full: " if used >= total else tr("nearly full: ") if share >= _WARN_AT else ""
        words = tr("Context {full}{used:,} / {total:,} tokens", full=full, used=used, total=total)
        if words != self._said:
            self._said, self._share = words, f"{share:.0%}"
            self._meter.setRange(0, total)
            self._meter.setValue(min(used, total))
            self._fit_words()
            self._meter.setAccessibleDescription(words)
            set_role(self._meter_words, "warn" if full else "muted")
            tip = tr(
                "{share:.0%} of the context is used: {used:,} of {total:,} tokens.", share=share, used=used, total=total
            )
            self._meter_words.setToolTip(tr("{tip} The model reads everything in it again for each answer.", tip=tip))

    def show_asking(self, asking: Asking | None) -> None:
        """What is set for the loaded model of how it is asked, and what can be; None without one."""
        self.thinking.show_asking(asking)
        self._fit_words()

    def show_tools(self, offer: ToolsOffer) -> None:
        """Which tools the model is offered."""
        self.tools.show_offer(offer)
        self._fit_words()

    # -- looks -----------------------------------------------------------------------------------

    def _show_placeholder(self) -> None:
        name = self._model if len(self._model) <= 18 else f"{self._model[:17].rstrip('-._ ')}…"
        to = tr("Message {name}", name=name) if name else tr("Message")
        least = tr("Message…")
        if self._continues:
            to, least = tr("Begin a text for {name}", name=name), tr("Begin a text…")
        keys = tr("{send} sends, {new_line} for a new line", send=shown_keys(SEND), new_line=listed_keys(NEW_LINE))
        words = f"{to.removesuffix('…')}… ({keys})"
        room = self._editor.viewport().width() - 8
        short = (
            words,
            tr("{removesuffix}… ({send} sends)", removesuffix=to.removesuffix("…"), send=shown_keys(SEND)),
            f"{to.removesuffix('…')}…",
            least,
        )
        fitting = first_fitting(self._editor.fontMetrics(), room, *short)
        self._editor.setPlaceholderText(fitting)
        self._editor.setAccessibleDescription(words)

    def _fit_words(self) -> None:
        """The context's figures in as many words as there is room for."""
        beside = sum(part.sizeHint().width() + 6 for part in (self.thinking, self.tools) if part.offered)
        room, metrics = self._column.width() - 16 - beside, self._meter_words.fontMetrics()
        fewer = self._said.removesuffix(" tokens")
        figures = fewer.split(" ", 1)[-1]
        bar = not beside or metrics.horizontalAdvance(figures) <= room - _LEAST_METER  # the figures say it too
        self._meter.setVisible(bar and bool(self._said))
        room -= _LEAST_METER if bar else 0
        self._meter_words.setText(first_fitting(metrics, room, self._said, fewer, figures, self._share))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow column has narrow margins and says less."""
        super().resizeEvent(event)
        side = _NARROW_SIDE if event.size().width() <= _NARROW else _SIDE
        self._row.setContentsMargins(side, 0, side, 0)
        self._row.activate()
        self._fit_words()
        self._show_button()

    def _show_button(self) -> None:
        self._editor.escape_wanted = self._busy or self._editing is not None
        words, name, role = (tr("Stop"), "stop", "") if self._busy else (tr("Send"), "send", "primary")
        if self._editing is not None and not self._busy:
            words = tr("Send edit")
        ready = self._busy or (self.written and not self.attached.waiting)
        self._button.setEnabled(ready)
        narrow = self._editing is not None and self.width() <= _NARROW  # then the text needs the room
        self.attach.setVisible(self.attach.menu() is not None and not narrow)
        shown = words.split()[0] if narrow else words
        if self._button.text() != shown or self._button.accessibleName() != words or self._button.icon().isNull():
            self._button.setText(shown)
            self._button.setAccessibleName(words)
            self._button.setToolTip(tooltip(STOP) if self._busy else f"{words} ({shown_keys(SEND)})")
            set_role(self._button, role)
        token = "text" if self._busy else "accent_text" if ready else "text_muted"
        key = f"{name} {token} {self._theme.scheme}"
        if self._button.property("iconKey") != key:
            self._button.setProperty("iconKey", key)
            self._button.setIcon(icon(self._theme, name, size=14, token=token))
        self.attach.setIcon(icon(self._theme, "attach", size=18))

    def _light(self) -> None:
        self._box.lit = self._editor.hasFocus()
        self._box.update()

    def _restyle(self) -> None:
        self._show_button()
        self._box.update()

    # -- the person ------------------------------------------------------------------------------

    def _press(self) -> None:
        if self._busy:
            self.stop_requested.emit()
        else:
            self.send()

    def send(self) -> None:
        """Send what is written, if it may be sent."""
        text, files = self.text.strip("\n"), self.attached.files
        if self._busy or self.attached.waiting or not (text.strip() or files):
            return
        if self.attached.trouble:
            self.trouble_sent.emit()
            return
        editing = self._editing
        if editing is not None:
            self.cancel_edit()
            self.edit_submitted.emit(editing, text, files)
            return
        self._editor.clear()
        self.attached.show_only("")
        self.submitted.emit(text, files)

    def _escape(self) -> None:
        if self._busy:
            self.stop_requested.emit()
        else:
            self.cancel_edit()

    def _recall(self) -> None:
        if not self._busy and self._editing is None:
            self.edit_last_requested.emit()
