"""What the engine does now, in figures: rate, prompt, first token, context, memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from desktop.core.text import plain_tooltip
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.api import Memory
from desktop.services.chat.speculation_words import speculation_figure, speculation_words
from desktop.ui.chat.rate_chart import RateChart
from desktop.ui.shared.labels import PlainLabel
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.core.speed import Speeds  # the whole of what predicts: a start does without

NOTHING = "–"
_HARD_SPACE = "\u00a0"
_UNIT = re.compile(r"(?<=\d) (?=[A-Za-z/])|(?<=/) (?=\d)|(?<=up to) ")  # a number and its unit, used of how much
_NEARLY_FULL = 0.9  # of the context: time to say so in words
_ROWS = (
    (
        "generation",
        tr("Generation"),
        tr("Tokens written per second: live over the last second, then of the whole answer."),
    ),
    (
        "predicted",
        tr("Predicted"),
        tr("What Heft expects here: with an empty context → with all of it used."),
    ),
    ("prompt", tr("Prompt"), tr("Prompt tokens read per second. Tokens kept from the turn before are not read again.")),
    ("firstToken", tr("First token"), tr("Time from sending the question to the first token of the answer.")),
    (
        "speculation",
        tr("Guesses"),
        tr("Tokens guessed ahead and found right (speculation), and what that gave against writing without it."),
    ),
    ("context", tr("Context"), tr("Tokens in the model's memory of this chat, of those it was loaded for.")),
    ("memory", tr("Memory"), tr("What the engine allocated for this model.")),
)
_MEANINGS = {name: meaning for name, _, meaning in _ROWS}


@dataclass(frozen=True)
class Figures:
    """What the panel shows; None where there is nothing to show. Rates per second, times in seconds.

    ``planned_bytes`` is what the load was planned to take, ``kept_bytes`` what a long chat adds at most.
    ``speculation`` are an answer's figures, of which those of its guesses are shown.
    """

    tokens_per_second: float | None = None
    prompt_tokens_per_second: float | None = None
    prompt_done: int | None = None
    prompt_total: int | None = None
    seconds_to_first_token: float | None = None
    context_used: int | None = None
    context_length: int | None = None
    memory: Memory | None = None
    planned_bytes: int | None = None
    kept_bytes: int = 0
    speculation: Mapping[str, float] = field(default_factory=dict)


def memory_text(memory: Memory, kept: int = 0) -> str:
    """The terms of the engine's memory, one per line; ``kept`` bytes come with a long chat."""
    from desktop.services.planning.words import memory_terms  # where there is a model

    lines = [f"{name}: {human_bytes(count)}" for name, count in memory_terms(memory).items() if count]
    lines.append(tr("Sum: {total_bytes}", total_bytes=human_bytes(memory.total_bytes)))
    if kept:
        lines.append(tr("Kept states, in a long chat: up to {kept} more, as planned", kept=human_bytes(kept)))
    lines.append(
        tr(
            "Resident memory of the engine process: {resident_bytes}, which counts the program "
            "itself, and of the model's file what was read of it",
            resident_bytes=human_bytes(memory.resident_bytes),
        )
    )
    return "\n".join(lines)


class _Value(PlainLabel):
    """A figure, which wraps where the column is narrow, but never between a number and its unit."""

    def __init__(self, name: str) -> None:
        super().__init__(NOTHING)
        self.setObjectName(name)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def setText(self, text: str) -> None:
        """Show this figure."""
        super().setText(_UNIT.sub(_HARD_SPACE, text))

    def text(self) -> str:
        """The figure as it was set."""
        return super().text().replace(_HARD_SPACE, " ")


class LivePanel(QWidget):
    """Heading, rate chart, and a row for each figure."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("livePanel")
        self.chart = RateChart(theme)
        self._values: dict[str, QLabel] = {}
        self._guesses: tuple[QWidget, ...] = ()
        self._meter = QProgressBar()
        self._meter.setObjectName("contextBar")
        self._meter.setAccessibleName(tr("Context used"))
        self._meter.setTextVisible(False)
        self._meter.setRange(0, 1000)
        heading = QLabel(tr("Now"))
        heading.setProperty("role", "subtitle")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(self.chart)
        column.addLayout(self._make_rows())
        self.show_figures(Figures())

    def _make_rows(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        line = 0
        for name, title, meaning in _ROWS:
            label = QLabel(title)
            label.setToolTip(meaning)
            value = _Value(f"{name}Value")
            value.setAccessibleName(title)
            value.setToolTip(meaning)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._values[name] = value
            grid.addWidget(label, line, 0)
            grid.addWidget(value, line, 1)
            line += 1
            if name == "context":
                grid.addWidget(self._meter, line, 0, 1, 2)
                line += 1
            below = separator()
            grid.addWidget(below, line, 0, 1, 2)
            line += 1
            if name == "speculation":
                self._guesses = (label, value, below)
        set_role(self._values["generation"], "subtitle")
        return grid

    def show_figures(self, figures: Figures) -> None:
        """Show these; nothing is kept of earlier ones."""
        rate, first = figures.tokens_per_second, figures.seconds_to_first_token
        self._set("generation", NOTHING if rate is None else tr("{rate:.1f} tok/s", rate=rate))
        self._set("prompt", self._prompt(figures))
        self._set("firstToken", NOTHING if first is None else f"{first:.2f} s")
        self._show_context(figures.context_used, figures.context_length)
        self._show_guesses(figures.speculation)
        memory = figures.memory
        planned, kept = figures.planned_bytes, figures.kept_bytes
        words, terms = NOTHING, ""
        if memory is not None:
            from desktop.services.planning.words import memory_held  # where there is a model

            words, terms = memory_held(memory.total_bytes, planned, kept), memory_text(memory, kept)
        self._set("memory", words)
        self._values["memory"].setToolTip(terms or _ROWS[-1][2])
        self._values["memory"].setAccessibleDescription(terms)

    def _show_guesses(self, figures: Mapping[str, float]) -> None:
        """A row only where guesses are made: most models run without."""
        words = ", ".join(speculation_words(figures))
        for widget in self._guesses:
            widget.setVisible(bool(words))
        self._set("speculation", speculation_figure(figures))
        self._values["speculation"].setToolTip(words)
        self._values["speculation"].setAccessibleDescription(words)

    def show_prediction(self, speeds: Speeds | None) -> None:
        """Show the loaded model's speed as its plan has it; None: nothing is known."""
        from desktop.services.planning.words import speed, speed_details  # where there is a plan

        self._set("predicted", speed(speeds))
        said = plain_tooltip(f"{_MEANINGS['predicted']}\n{speed_details(speeds)}".rstrip())
        self._values["predicted"].setToolTip(said)

    @staticmethod
    def _prompt(figures: Figures) -> str:
        if figures.prompt_done is not None and figures.prompt_total:
            return tr(
                "reading {prompt_done:,} / {prompt_total:,}",
                prompt_done=figures.prompt_done,
                prompt_total=figures.prompt_total,
            )
        rate = figures.prompt_tokens_per_second
        return NOTHING if not rate else tr("{rate:,.0f} tok/s", rate=rate)

    def _show_context(self, used: int | None, length: int | None) -> None:
        value = self._values["context"]
        if not length:
            self._set("context", tr("{used:,} tokens", used=used) if used else NOTHING)
            self._meter.setValue(0)
            set_role(value, "")
            return
        share = (used or 0) / length
        text = f"{used or 0:,} / {length:,}"
        if share >= 1:
            text = tr("full: {text}", text=text)
        elif share >= _NEARLY_FULL:
            text = tr("nearly full: {text}", text=text)
        self._set("context", text)
        self._meter.setValue(min(1000, round(share * 1000)))
        self._meter.setAccessibleDescription(tr("{share:.0%} of the context is used", share=share))
        set_role(value, "warn" if share >= _NEARLY_FULL else "")

    def _set(self, name: str, text: str) -> None:
        value = self._values[name]
        if value.text() != text:
            value.setText(text)
            value.setAccessibleDescription(text)


def separator() -> QFrame:
    """A thin line between rows."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setFixedHeight(1)
    line.setProperty("role", "separator")
    return line
