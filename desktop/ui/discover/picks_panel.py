"""Picks for this computer, shown where no model was chosen yet: a card for each purpose, which opens its repo."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.text import visible_in_place
from desktop.core.words import tr
from desktop.services.discover.picks import Pick, Picks
from desktop.services.discover.picks_words import figures, offline_words, reason, source_words, title
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.theme import set_role

WATCH_MILLISECONDS = 5_000  # what the picks were weighed for is looked at again so often while they are in view


class _Cards(QVBoxLayout):
    """Cards as high as their texts need at the width that the panel gets, which is at most its widest."""

    def heightForWidth(self, width: int) -> int:
        """Also where there is more room beside the panel."""
        return super().heightForWidth(self._got(width))

    def minimumHeightForWidth(self, width: int) -> int:
        """Also where there is more room beside the panel."""
        return super().minimumHeightForWidth(self._got(width))

    def _got(self, width: int) -> int:
        panel = self.parentWidget()
        return width if panel is None else min(width, panel.maximumWidth())


class PicksPanel(QWidget):
    """Tells :attr:`wanted` with the pick whose button was pressed."""

    wanted = Signal(object)  # Pick
    in_view = Signal()  # they came into view, or still are: what they were weighed for may have changed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("picksPanel")
        self.setAccessibleName(tr("Picks for this computer"))
        heading = plain_label("picksTitle", "subtitle", tr("For this computer"))
        self._source = plain_label("picksSource", "muted")
        self._source.setMinimumWidth(1)
        self._cards: list[QFrame] = []
        self._said: object = None
        self._watch = QTimer(self)
        self._watch.setInterval(WATCH_MILLISECONDS)
        self._watch.timeout.connect(self.in_view)
        self._column = _Cards(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(heading)
        self._column.addWidget(self._source)
        self.hide()

    def showEvent(self, event: QShowEvent) -> None:
        """In view, the picks follow what they were weighed for."""
        super().showEvent(event)
        self._watch.start()
        self.in_view.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        """Out of view, nothing is looked at."""
        super().hideEvent(event)
        self._watch.stop()

    def show_waiting(self) -> None:
        """The lists are being asked for."""
        if not self._cards:
            self._source.setText(tr("Asking the Hub which models are used most, and weighing them for this computer…"))
            self.show()

    def show_picks(self, picks: Picks) -> None:
        """Replace all cards, unless they say the same already; where nothing fits, nothing is shown."""
        said = (source_words(picks), *((_words(pick), offline_words(pick, picks)) for pick in picks.picks))
        if said == self._said:
            return
        self._said = said
        for card in self._cards:
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards = [self._card(number, pick, offline_words(pick, picks)) for number, pick in enumerate(picks.picks)]
        for card in self._cards:
            self._column.addWidget(card)
        self._source.setText(source_words(picks))
        self.setVisible(bool(self._cards))

    def _card(self, number: int, pick: Pick, offline: str) -> QFrame:
        """``offline`` is said once its button was pressed, "" where there is nothing to say."""
        card = QFrame()
        card.setObjectName(f"pick{number}")
        set_role(card, "card")
        role = plain_label(f"pickRole{number}", "muted", title(pick), wraps=False)
        name = ElidedLabel()
        name.setObjectName(f"pickName{number}")
        set_role(name, "subtitle")
        name.set_whole_text(visible_in_place(pick.name))
        said = plain_label(f"pickFigures{number}", text=figures(pick))
        why = plain_label(f"pickReason{number}", "muted", reason(pick))
        for label in (said, why):
            label.setMinimumWidth(1)
        spoken = tr("Look at {name}, {pick}", name=pick.name, pick=title(pick))
        look = push_button(tr("Look at it"), f"pickOpen{number}", pick.source or pick.repo, spoken=spoken)
        unreachable = plain_label(f"pickOffline{number}", text=offline)
        unreachable.setMinimumWidth(1)
        unreachable.hide()
        if offline:
            look.clicked.connect(unreachable.show)
        look.clicked.connect(calling(self.wanted.emit, pick))
        head = QHBoxLayout()
        head.setSpacing(10)
        named = QVBoxLayout()
        named.setSpacing(1)
        named.addWidget(role)
        named.addWidget(name)
        head.addLayout(named, 1000)
        head.addStretch(1)  # a name takes what it needs; the button is no wider than its words
        head.addWidget(look, 0, Qt.AlignmentFlag.AlignTop)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 9, 14, 9)
        inside.setSpacing(3)
        inside.addLayout(head)
        inside.addWidget(said)
        inside.addWidget(why)
        inside.addWidget(unreachable)
        return card


def _words(pick: Pick) -> tuple[str, ...]:
    """What its card says."""
    return title(pick), pick.name, pick.repo, figures(pick), reason(pick)
