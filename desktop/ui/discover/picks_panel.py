"""Picks for this computer, shown where no model was chosen yet: a card for each purpose, which opens its repo."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.text import visible_in_place
from desktop.services.discover.picks import Pick, Picks
from desktop.services.discover.picks_words import figures, reason, source_words, title
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.theme import set_role


class PicksPanel(QWidget):
    """Tells :attr:`wanted` with the pick whose button was pressed."""

    wanted = Signal(object)  # Pick

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("picksPanel")
        self.setAccessibleName("Picks for this computer")
        heading = plain_label("picksTitle", "subtitle", "For this computer")
        self._source = plain_label("picksSource", "muted")
        self._source.setMinimumWidth(1)
        self._cards: list[QFrame] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(heading)
        self._column.addWidget(self._source)
        self.hide()

    def show_waiting(self) -> None:
        """The lists are being asked for."""
        if not self._cards:
            self._source.setText("Asking the Hub which models are used most, and weighing them for this computer…")
            self.show()

    def show_picks(self, picks: Picks) -> None:
        """Replace all cards; where nothing fits, nothing is shown."""
        for card in self._cards:
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards = [self._card(number, pick) for number, pick in enumerate(picks.picks)]
        for card in self._cards:
            self._column.addWidget(card)
        self._source.setText(source_words(picks))
        self.setVisible(bool(self._cards))

    def _card(self, number: int, pick: Pick) -> QFrame:
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
        spoken = f"Look at {pick.name}, {title(pick)}"
        look = push_button("Look at it", f"pickOpen{number}", pick.source or pick.repo, spoken=spoken)
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
        return card
