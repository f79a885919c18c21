"""The notification area: failures and notices over the status bar. They move nothing and never take the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.words import tr
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.settings_link import SettingsLink
from desktop.ui.shared.signals import calling
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

MOST_SHOWN = 3
ECHO_MS = 1000  # the same failure told by two services at once is one event
NOTICE_SECONDS = 8.0  # a notice needs no action and leaves by itself; an error stays until it is dismissed


@dataclass(frozen=True)
class Offer:
    """A message with something to press: each button's words and what it does; the message goes with either."""

    message: str
    hint: str = ""
    answers: tuple[tuple[str, Callable[[], object]], ...] = ()


def error_report(error: HeftError) -> str:
    """What "Copy details" puts on the clipboard."""
    return "\n".join(part for part in (error.message, error.hint, f"[{error.kind}]", error.detail) if part)


class Notification(QFrame):
    """One message: what happened, the one thing to do, the settings that mend it, copy and dismiss."""

    settings_asked = Signal(str)  # SettingsPage

    dismissed = Signal()
    next_asked = Signal()

    def __init__(self, theme: Theme, what: HeftError | Offer | str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._count = 1
        self._told = QElapsedTimer()
        self._told.start()
        self._error = what if isinstance(what, HeftError) else None
        self._offer = what if isinstance(what, Offer) else None
        message = what if isinstance(what, str) else what.message
        self.setObjectName("notification")
        self.setProperty("role", "notification")
        self.setProperty("severity", "error" if self._error else "notice")
        self._mark = QLabel()
        self._mark.setFixedWidth(20)
        role = "subtitle" if self._error else ""
        self._message = plain_label("notificationMessage", role, message, selectable=True)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self._message)
        hint = "" if isinstance(what, str) else what.hint
        if hint:
            texts.addWidget(plain_label("notificationHint", text=hint, selectable=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 5, 10, 5)
        row.setSpacing(10)
        row.addWidget(self._mark)
        row.addLayout(texts, 1)
        self._others = push_button("", "notificationOthers", tr("Show the message behind this one"), role="ghost")
        self._others.clicked.connect(self.next_asked)
        row.addWidget(self._others)
        for number, (words, answer) in enumerate(self._offer.answers if self._offer else ()):
            button = push_button(words, f"notificationAnswer{number}", spoken=f"{words}: {message}")
            button.clicked.connect(calling(self._answer, answer))
            row.addWidget(button)
        if self._error and self._error.settings_page is not None:
            settings = SettingsLink("notificationSettings")
            settings.show_page(self._error.settings_page)
            settings.asked.connect(self.settings_asked)
            row.addWidget(settings)
        if self._error:
            self._copy = push_button(
                tr("Copy details"), "notificationCopy", spoken=tr("Copy the details of this error")
            )
            self._copy.clicked.connect(self._copy_details)
            row.addWidget(self._copy)
        self._close = QToolButton()
        self._close.setObjectName("notificationDismiss")
        self._close.setProperty("role", "ghost")
        self._close.setAccessibleName(tr("Dismiss this message"))
        self._close.setToolTip(tr("Dismiss (Esc)"))
        self._close.setIconSize(QSize(16, 16))
        self._close.clicked.connect(self.dismissed)
        row.addWidget(self._close)
        theme.changed.connect(self._paint)
        self._paint()
        self._announce()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismissed)
        if not self.stays:
            self._timer.start(round(NOTICE_SECONDS * 1000))

    @property
    def stays(self) -> bool:
        """Whether it stays until it is answered or dismissed."""
        return self._error is not None or self._offer is not None

    @property
    def text(self) -> str:
        """The message as shown."""
        return self._message.text()

    def show_place(self, number: int, total: int) -> None:
        """Say that there are others: this is ``number`` of ``total``, the newest being 1."""
        self._others.setVisible(total > 1)
        self._others.setText(tr("{number} of {total}", number=number, total=total))
        self._others.setAccessibleName(tr("Message {number} of {total}: show the next", number=number, total=total))

    def focus_others(self) -> None:
        """Give the keyboard to the button that shows the next message."""
        self._others.setFocus(Qt.FocusReason.OtherFocusReason)

    def is_same(self, what: HeftError | Offer | str) -> bool:
        """Whether ``what`` says the same, so that it is counted instead of shown again."""
        if isinstance(what, Offer):
            return self._offer == what
        if isinstance(what, HeftError):
            mine = self._error
            return mine is not None and (mine.kind, mine.message) == (what.kind, what.message)
        return not self.stays and self._message.text() == what

    def repeat(self, what: HeftError | Offer | str) -> None:
        """The same happened again."""
        if isinstance(what, HeftError):
            if self._told.restart() < ECHO_MS:
                return
            self._error = what
            self._count += 1
            self._message.setText(tr("{message} ({count} times)", message=what.message, count=self._count))
        elif not self.stays:
            self._timer.start(round(NOTICE_SECONDS * 1000))
        self._announce()

    def _answer(self, answer: Callable[[], object]) -> None:
        self.dismissed.emit()
        answer()

    def _announce(self) -> None:
        self.setAccessibleName(self._message.text())
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _paint(self) -> None:
        name, token = ("warning", "bad") if self._error else ("info", "accent")
        self._mark.setPixmap(icon(self._theme, name, size=18, token=token).pixmap(18, 18))
        self._close.setIcon(icon(self._theme, "close", size=16))

    def _copy_details(self) -> None:
        if self._error is not None:
            QGuiApplication.clipboard().setText(error_report(self._error))
            self._copy.setText(tr("Copied"))


class NotificationArea(QWidget):
    """The newest messages, at most MOST_SHOWN, one in view; lies above its parent's foot, to which it adds nothing.

    ``left`` is told when a message goes that had the keyboard.
    """

    left = Signal()

    settings_asked = Signal(str)  # SettingsPage

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: list[Notification] = []
        self._edge = 0
        self._foot: Callable[[], int] = lambda: 0
        self.setObjectName("notificationArea")
        self.setAccessibleName(tr("Messages"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.hide()

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """The messages now shown; the last one is in view."""
        return tuple(self._shown)

    def set_edges(self, left: int, foot: Callable[[], int]) -> None:
        """What stays uncovered: so many pixels of its parent left of it, and below it, asked each time."""
        self._edge, self._foot = left, foot
        self.place()

    def place(self) -> None:
        """Lie above what stays uncovered, as high as the message in view needs; the parent tells of its size."""
        parent = self.parentWidget()
        if parent is None or not self._shown:
            return
        width = max(0, parent.width() - self._edge)
        height = self._column.heightForWidth(width)
        self.setGeometry(self._edge, max(0, parent.height() - self._foot() - height), width, height)

    def show_message(self, what: object) -> None:
        """Show a HeftError, an offer or a sentence; the same one again is counted."""
        told = what if isinstance(what, HeftError | Offer) else str(what)
        for known in self._shown:
            if known.is_same(told):
                known.repeat(told)
                return
        if len(self._shown) == MOST_SHOWN:
            notices = [shown for shown in self._shown if not shown.stays]
            self._dismiss((notices or self._shown)[0])
        notification = Notification(self._theme, told, self)
        notification.dismissed.connect(calling(self._dismiss, notification))
        notification.next_asked.connect(self._show_next)
        notification.settings_asked.connect(self.settings_asked)
        self._shown.append(notification)
        self._column.addWidget(notification)
        self._arrange()

    def dismiss_last(self) -> bool:
        """Dismiss the message in view; False when there is none."""
        if not self._shown:
            return False
        self._dismiss(self._shown[-1])
        return True

    def event(self, event: QEvent) -> bool:
        """Another text or font needs another height."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.place()
        return super().event(event)

    def _show_next(self) -> None:
        """The message in view goes behind the others; the keyboard stays on the button that was pressed."""
        self._shown.insert(0, self._shown.pop())
        self._arrange()
        self._shown[-1].focus_others()

    def _arrange(self) -> None:
        total = len(self._shown)
        for number, notification in enumerate(reversed(self._shown), 1):
            notification.show_place(number, total)
            notification.setVisible(number == 1)
        self.setVisible(bool(total))
        self.place()
        self.raise_()

    def _dismiss(self, notification: Notification) -> None:
        if notification not in self._shown:
            return
        focused = QApplication.focusWidget()
        had_keyboard = focused is not None and notification.isAncestorOf(focused)
        self._shown.remove(notification)
        self._column.removeWidget(notification)
        if had_keyboard:
            self.left.emit()
        notification.hide()
        notification.deleteLater()
        self._arrange()
