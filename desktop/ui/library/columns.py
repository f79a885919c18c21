"""The columns of the library's table: what each shows of a model and its plan, and what it is sorted by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desktop.core.load_plan import LoadPlan
from desktop.core.units import human_bytes, human_parameters
from desktop.core.words import tr
from desktop.services.models.library import LibraryModel
from desktop.services.planning.library_words import fit_words
from desktop.services.planning.words import speed
from desktop.ui.shared.labels import WARNING_SIGN

SOURCE_NAMES = {
    "heft": tr("Heft"),
    "starter": tr("Starter"),
    "huggingface": tr("Hugging Face"),
    "lmstudio": tr("LM Studio"),
    "ollama": tr("Ollama"),
    "folder": tr("Your folder"),
}
_PLACES = ("gpu", "experts-in-ram", "partial", "cpu", "too-large")  # from the fastest


def when(seconds: float | None, now: float) -> str:
    """A time in the past (seconds since the epoch) as a short local phrase."""
    if seconds is None:
        return tr("never")
    then, today = datetime.fromtimestamp(seconds), datetime.fromtimestamp(now)
    days = (today.date() - then.date()).days
    if days <= 0:
        return tr("today {then:%H:%M}", then=then)
    if days == 1:
        return tr("yesterday")
    return tr("{days} days ago", days=days) if days < 7 else f"{then:%d %b %Y}"


def _fit_key(model: LibraryModel, plan: LoadPlan | None) -> tuple[int, int]:
    """From the fastest place to what is too large, then what is not known and what is not run."""
    if plan is None or plan.fit is None or model.problem or not model.kind.writes_text:
        return len(_PLACES) + bool(model.problem) + 2 * (not model.kind.writes_text), 0
    return _PLACES.index(plan.fit.placement), -plan.fit.gpu_layers


def _speed_key(plan: LoadPlan | None) -> float:
    return plan.speeds.empty.expected if plan is not None and plan.speeds is not None else 0.0


@dataclass(frozen=True)
class LibraryColumn:
    """One column: what it shows, what it is sorted by, and whether it holds figures.

    ``planned_key`` instead of ``key`` where that depends on the plan.
    """

    title: str
    text: Callable[[LibraryModel, LoadPlan | None], str]
    key: Callable[[LibraryModel], Any] = lambda m: m.id
    planned_key: Callable[[LibraryModel, LoadPlan | None], Any] | None = None
    figures: bool = False


COLUMNS = (
    LibraryColumn(
        tr("Name"), lambda m, _: f"{WARNING_SIGN} {m.title}" if m.problem else m.title, lambda m: m.name.casefold()
    ),
    LibraryColumn(tr("Architecture"), lambda m, _: m.architecture or "–", lambda m: m.architecture),
    LibraryColumn(
        tr("Parameters"),
        lambda m, _: human_parameters(m.parameters) if m.parameters else "–",
        lambda m: m.parameters,
        figures=True,
    ),
    LibraryColumn(tr("Quantization"), lambda m, _: m.quantization or "–", lambda m: m.quantization),
    LibraryColumn(tr("Size"), lambda m, _: human_bytes(m.size_bytes), lambda m: m.size_bytes, figures=True),
    LibraryColumn(tr("Runs here"), fit_words, planned_key=_fit_key),
    LibraryColumn(
        tr("Speed (tok/s)"),
        lambda m, plan: speed(plan.speeds, unit=False) if plan is not None else "–",
        planned_key=lambda m, plan: _speed_key(plan),
        figures=True,
    ),
    LibraryColumn(tr("Where"), lambda m, _: SOURCE_NAMES[m.source], lambda m: SOURCE_NAMES[m.source]),
    LibraryColumn(tr("Last used"), lambda m, _: when(m.last_used, time.time()), lambda m: m.last_used or 0.0),
)
NAME, ARCHITECTURE, PARAMETERS, QUANTIZATION, SIZE, FIT, SPEED, WHERE, LAST_USED = range(len(COLUMNS))
