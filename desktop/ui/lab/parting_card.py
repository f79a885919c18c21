"""Where two answers part, and what each model held for likely there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QHeaderView, QTableView, QVBoxLayout

from desktop.core.next_token import Thought
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.lab.comparing import Compared

_ROW = 26
_MOST_ROWS = 10


class PartingCard(QFrame):
    """Hidden until there is something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("labParting")
        set_role(self, "card")
        self._words = plain_label("labPartingWords")
        self._thoughts = plain_label("labPartingThoughts", "muted")
        self._rows = TextTableModel(figures=(1, 2), parent=self)
        self._table = QTableView()
        self._table.setModel(self._rows)
        set_up_table(self._table, "labTokens", tr("What each model held for likely where they part"), row_height=_ROW)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addWidget(self._words)
        column.addWidget(self._thoughts)
        column.addWidget(self._table)
        self.hide()

    def show_compared(self, found: Compared | None) -> None:
        """Of one prompt; None hides it."""
        self.setVisible(found is not None)
        if found is None:
            return
        from desktop.services.lab.compare_words import parting_words, thought_words

        self._words.setText(parting_words(found))
        thoughts = found.thoughts
        self._thoughts.setVisible(thoughts is not None)
        self._table.setVisible(thoughts is not None)
        if thoughts is None:
            return
        names = found.sides[0].model, found.sides[1].model
        self._thoughts.setText("\n".join(thought_words(thoughts, names)))
        rows = _token_rows(thoughts)
        self._rows.set_rows((tr("Next token"), *names), rows)
        header = self._table.horizontalHeader().sizeHint().height()
        self._table.setFixedHeight(header + _ROW * len(rows) + 6)


def _token_rows(thoughts: tuple[Thought, Thought]) -> list[TextRow]:
    """The likeliest tokens of both, the likeliest first, with what each gives them."""
    from desktop.services.lab.compare_words import probability_words, token_words

    given = [{token.text: token.probability for token in reversed(one.tokens)} for one in thoughts]
    for one, mine in zip(thoughts, given, strict=True):
        for text, probability in ((one.own, one.own_probability), (one.other, one.other_probability)):
            if probability is not None:
                mine[text] = probability
    texts = sorted({*given[0], *given[1]}, key=lambda text: -max(mine.get(text, 0.0) for mine in given))
    rows = []
    for text in texts[:_MOST_ROWS]:
        words = [probability_words(mine.get(text), one) for one, mine in zip(thoughts, given, strict=True)]
        marks = [" ←" if text == one.own else "" for one in thoughts]
        rows.append(
            TextRow(
                (token_words(text), *(word + mark for word, mark in zip(words, marks, strict=True))),
                (text, *(mine.get(text, 0.0) for mine in given)),
            )
        )
    return rows
