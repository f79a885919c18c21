"""The strip above the composer: what needs a decision, in words, with one or two things to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.settings_pages import SettingsPage
from desktop.core.words import tr
from desktop.services.engine.supervisor import EngineState
from desktop.services.models.kind_words import CONTINUES
from desktop.store.chats import Chat
from desktop.ui.shared.chips import FlowLayout
from desktop.ui.shared.elided_label import first_fitting
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.settings_link import SettingsLink
from desktop.ui.shared.signals import calling
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

Action = Literal[
    "load-again",
    "load-smaller",
    "load-on-processor",
    "load-larger",
    "drop-oldest",
    "summarise",
    "stop-summary",
    "new-chat",
    "open-file",
    "load-chat-model",
    "choose-model",
]
_OF_DEVICES = (FailureKind.DEVICE_GONE, FailureKind.DEVICE_FULL)
# what a page is told of before an engine was asked: the strip says it with what can be done
ANSWERED_BY_NOTICE = (FailureKind.NO_MODEL, FailureKind.CANNOT_CHAT, *_OF_DEVICES)
_ON_PROCESSOR: tuple[Action, str] = ("load-on-processor", tr("Load on the processor"))
_MARK = 20  # pixels of the sign before the words
_NARROW = 440  # pixels
_SIDES = 30  # pixels left and right of the strip, its edge included
_FILE_KINDS = (
    FailureKind.NOT_FOUND,
    FailureKind.BAD_FILE,
    FailureKind.UNKNOWN_ARCHITECTURE,
    FailureKind.MISSING_SHARD,
)


@dataclass(frozen=True)
class Notice:
    """One strip. ``key`` tells whether it is still the same one after it was dismissed."""

    key: str
    severity: Literal["note", "warning", "error"]
    text: str
    hint: str = ""
    actions: tuple[tuple[Action, str], ...] = ()
    settings_page: SettingsPage | None = None


def engine_notice(state: EngineState, smaller: int | None) -> Notice | None:
    """What the engine's state asks the user to decide; ``smaller`` is the context to try when memory ran out."""
    if state.died is not None:
        died = state.died
        return Notice(
            f"died {id(died)}",
            "error",
            tr("{message} The chat is kept.", message=died.message),
            died.hint,
            _ways_on(died.kind, smaller, state),
            died.kind.settings_page,
        )
    failure = state.failure if state.loaded is None else None  # why an answer failed stands below the answer
    if failure is not None:
        cancelled = isinstance(failure, CancelledError)
        return Notice(
            f"failure {id(failure)}",
            "note" if cancelled else "error",
            failure.message,
            "" if cancelled else failure.hint,
            _ways_on(failure.kind, smaller, state),
            failure.settings_page,
        )
    if state.removed:
        words = tr(
            "{removed} was removed from this computer, so no model is loaded. The chat is kept.", removed=state.removed
        )
        return Notice(
            f"removed {state.removed}", "note", words, actions=(("choose-model", tr("Choose another model…")),)
        )
    return None


def offload_notice(state: EngineState) -> Notice | None:
    """Less of the loaded model is on the graphics cards than was planned: why, and what to do."""
    missing = state.shortfall
    if missing is None:
        return None
    from desktop.services.planning.offload_words import shortfall_words  # where a load fell short

    words, hint = shortfall_words(missing)
    return Notice(f"offload {id(state.loaded)}", "warning", words, hint, (("load-again", tr("Load again")),))


def template_notice(state: EngineState) -> Notice | None:
    """The loaded model has no chat template: what it does instead. Nothing to decide, so all else goes before it."""
    if state.loaded is None or state.loaded.template == "model":
        return None
    chatml = tr("This model brings no chat template, so ChatML is used. It may ramble or not stop by itself.")
    words = chatml if state.loaded.template == "chatml" else CONTINUES
    return Notice(f"{state.loaded.template} {state.loaded.path}", "note", words)


def refusal_notice(error: HeftError | None) -> Notice | None:
    """A message could not go out because there is no model, or one was asked for that cannot chat."""
    if error is None:
        return None
    way: tuple[Action, str] = ("open-file", tr("Open a model file…"))
    if error.kind == FailureKind.CANNOT_CHAT:
        way = ("choose-model", tr("Choose another model…"))
    if error.kind in _OF_DEVICES:
        way = _ON_PROCESSOR
    return Notice(f"refused {id(error)}", "error", error.message, error.hint, (way,))


def _ways_on(kind: FailureKind, smaller: int | None, state: EngineState) -> tuple[tuple[Action, str], ...]:
    on_gpu = state.plan is not None and state.plan.gpu_layers > 0
    if state.endpoint:
        return (("load-again", tr("Try again")), ("choose-model", tr("Choose another model…")))
    failed = kind in (FailureKind.OUT_OF_MEMORY, FailureKind.CRASHED, FailureKind.DEVICE_LOST)
    if kind in _OF_DEVICES:
        return (_ON_PROCESSOR,)
    return (*_usual_ways(kind, smaller), *([_ON_PROCESSOR] if on_gpu and failed else []))


def _usual_ways(kind: FailureKind, smaller: int | None) -> tuple[tuple[Action, str], ...]:
    less: tuple[tuple[Action, str], ...] = ()
    if smaller is not None:
        less = (("load-smaller", tr("Load with {smaller:,} tokens", smaller=smaller)),)
    if kind == FailureKind.OUT_OF_MEMORY and less:
        return less
    if kind == FailureKind.KILLED:  # by the system for want of memory, or by someone: both ways on are right
        return (("load-again", tr("Load again")), *less)
    if kind == FailureKind.NO_SERVER:  # loading again would end the same; what would not is offered beside it
        return ()
    if kind in _FILE_KINDS:
        return (("open-file", tr("Open another file…")),)
    return (("load-again", tr("Load again")),)


def model_notice(chat: Chat | None, state: EngineState) -> Notice | None:
    """Another model is loaded than the one this chat was held with."""
    if chat is None or not chat.model_path or state.loaded is None or state.loaded.path == chat.model_path:
        return None
    return Notice(
        f"model {chat.id} {state.loaded.path}",
        "note",
        tr(
            "This chat was held with {model}. The next answer comes from {model_name}.",
            model=chat.model,
            model_name=state.model_name,
        ),
        actions=(("load-chat-model", tr("Load {model}", model=chat.model)),),
    )


class NoticeStrip(QFrame):
    """Shows one notice, or nothing. A dismissed one stays away until another comes."""

    chosen = Signal(str)  # Action
    settings_asked = Signal(str)  # SettingsPage

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._notice: Notice | None = None
        self._dismissed = ""
        self.setObjectName("noticeStrip")
        self.setProperty("role", "notification")
        self._mark = QLabel()
        self._mark.setFixedWidth(_MARK)
        self._text = plain_label("noticeText", selectable=True)
        self._hint = plain_label("noticeHint", "muted", selectable=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._text)
        texts.addWidget(self._hint)
        self._ways = QWidget()  # an empty row as a layout of its own would be the strip's greatest width
        self._around = QVBoxLayout(self._ways)
        self._buttons = FlowLayout(spacing=6)
        self._around.addLayout(self._buttons)
        self._offered: list[tuple[QPushButton, str]] = []  # with all their words
        self._close = QToolButton()
        self._close.setObjectName("dismissNotice")
        self._close.setAccessibleName(tr("Dismiss this message"))
        self._close.setToolTip(tr("Dismiss"))
        self._close.setProperty("role", "ghost")
        self._close.setIconSize(QSize(16, 16))
        self._close.clicked.connect(self._dismiss)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 9, 10, 9)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._ways)
        theme.changed.connect(self._paint_icons)
        self._paint_icons()
        self.hide()

    @property
    def notice(self) -> Notice | None:
        """What is shown, None when nothing is."""
        return self._notice

    def show_notice(self, notice: Notice | None) -> None:
        """Show this; None, or one that was dismissed, hides the strip."""
        if notice is None or notice.key == self._dismissed:
            self._notice = None
            self.hide()
            return
        if notice == self._notice:
            return
        self._notice = notice
        self._text.setText(notice.text)
        self._hint.setText(notice.hint)
        self._hint.setVisible(bool(notice.hint))
        self._offer(notice.actions, notice.settings_page)
        self.setProperty("severity", "error" if notice.severity == "error" else "notice")
        self.style().unpolish(self)
        self.style().polish(self)
        self._paint_icons()
        self.setAccessibleName(f"{notice.text} {notice.hint}".strip())
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _offer(self, actions: tuple[tuple[Action, str], ...], page: SettingsPage | None) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._offered = []
        for number, (action, title) in enumerate(actions):
            button = QPushButton(title)
            button.setAccessibleName(title)
            self._offered.append((button, title))
            button.setObjectName(f"notice-{action}")
            if number == 0 and action != "stop-summary":
                button.setProperty("role", "primary")
            button.clicked.connect(calling(self.chosen.emit, action))
            self._buttons.addWidget(button)
            button.show()  # else it comes an event later, and the strip flickers when its offer changes
        if page is not None:
            settings = SettingsLink("noticeSettings")
            settings.asked.connect(self.settings_asked)
            settings.show_page(page)
            self._buttons.addWidget(settings)
        self._fit()
        self._ways.setVisible(bool(actions) or page is not None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window has more lines of buttons, and says less on them."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        narrow = self.width() < _NARROW
        self._mark.setVisible(not narrow)  # the colour of the edge says it too
        indent = 0 if narrow else _MARK + 10
        self._around.setContentsMargins(indent, 0, 0, 0)  # below the words
        for button, title in self._offered:
            metrics, shorter = button.fontMetrics(), (title.rsplit(", ", 1)[0], title.split(":", 1)[0])
            padding = button.sizeHint().width() - metrics.horizontalAdvance(button.text())
            button.setText(first_fitting(metrics, self.width() - indent - _SIDES - padding, title, *shorter))
            button.setToolTip(title if button.text() != title else "")

    def _dismiss(self) -> None:
        if self._notice is not None:
            self._dismissed = self._notice.key
        self.show_notice(None)

    def _paint_icons(self) -> None:
        severity = self._notice.severity if self._notice else "note"
        name, token = {"note": ("info", "accent"), "warning": ("warning", "warn"), "error": ("warning", "bad")}[
            severity
        ]
        self._mark.setPixmap(icon(self._theme, name, size=18, token=token).pixmap(18, 18))
        self._close.setIcon(icon(self._theme, "close", size=16))
