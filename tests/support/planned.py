"""Plans with memory figures, of a computer that holds so many tokens and no more."""

from __future__ import annotations

from dataclasses import replace

from desktop.core.cancelled import Cancelled, never
from desktop.core.context_length import engine_context
from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import DeviceMemory, Memory
from desktop.core.model_ref import ModelRef
from desktop.core.placement import Fit

TOKEN_BYTES = 100_000
TRAINED = 8192


class Capacity:
    """Plans any model; each token takes 0.1 MB, and ``most`` tokens fit. ``planned`` are the contexts asked for."""

    def __init__(self, most: int, trained: int = TRAINED) -> None:
        self.most, self.trained = most, trained
        self.planned: list[int] = []

    def for_load(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> LoadPlan:
        """Its plan."""
        wanted = asked or LoadSettings()
        context = engine_context(wanted.context or 4096)
        self.planned.append(context)
        fits = context <= self.most
        memory = Memory((DeviceMemory(RAM, kv_bytes=context * TOKEN_BYTES),))
        longest = min(max(context, engine_context(self.trained)), self.most) if fits else 0
        short = 0 if fits else (context - self.most) * TOKEN_BYTES
        fit = Fit(
            context, ("f16", "f16"), memory, "engine", "cpu" if fits else "too-large", 0, 30, 0, 0, short, longest, ()
        )
        return replace(LoadPlan(ref, wanted, 2, fit), trained_context=self.trained)
