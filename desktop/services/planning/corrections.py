"""What the ledger's runs teach about predictions, worked out once for every question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import kv_words
from desktop.core.placement import Fit
from desktop.core.quants import main_type
from desktop.core.speed.learning import Correction, Experience, correction
from desktop.store.ledger import Run


@dataclass(frozen=True)
class Way:
    """How a model is computed, as far as that decides its speed: what was measured so holds for nothing else.

    ``experts`` is how many layers keep theirs in main memory, 0 where all is computed there. ``flash``: with flash
    attention, which "auto" means wherever the engine can. ``threads`` 0: any number of them. ``devices`` hold layers
    beside the processor (:attr:`desktop.core.placement.Fit.gpu_names`).
    """

    gpu_layers: int
    experts: int
    kv_type: str
    flash: bool = True
    threads: int = 0
    devices: str = ""

    @classmethod
    def of_fit(cls, fit: Fit, threads: int, *, flash: bool) -> Way:
        """As a model would be."""
        experts = fit.cpu_expert_layers if fit.gpu_layers else 0
        return cls(fit.gpu_layers, experts, kv_words(fit.kv_types), flash, threads, fit.gpu_names)

    @classmethod
    def of_plan(cls, plan: LoadPlan) -> Way:
        """As a model will be."""
        experts = plan.cpu_expert_layers if plan.gpu_layers else 0
        flash, devices = plan.flash_attention != "off", plan.fit.gpu_names if plan.fit is not None else ""
        return cls(plan.gpu_layers, experts, kv_words(plan.kv_types), flash, plan.threads, devices)

    def is_of(self, run: Run) -> bool:
        """Whether a run was computed so."""
        experts = run.cpu_expert_layers if run.gpu_layers else 0
        threads = run.threads if self.threads else 0
        flash = run.flash_attention != "off"
        return self == Way(run.gpu_layers, experts, run.kv_type, flash, threads, run.devices)

    def is_near(self, run: Run) -> bool:
        """Whether a run was computed by the same devices: it teaches something about this way."""
        alike = bool(self.gpu_layers) == bool(run.gpu_layers) and self.devices == run.devices
        return alike and self.threads in (0, run.threads)


class Corrections:
    """The runs of one machine as corrections. Not changed by what is written later: make another one then."""

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self.runs = runs
        self._known: dict[tuple[str, Way, str, bool], Correction] = {}

    def of(self, kind: str, way: Way, fingerprint: str) -> tuple[Correction, Correction]:
        """For writing, and for reading a prompt, of a model with this main type and fingerprint ("": not known)."""
        return self._correction(kind, way, fingerprint), self._correction(kind, way, fingerprint, prompt=True)

    def _correction(self, kind: str, way: Way, fingerprint: str, *, prompt: bool = False) -> Correction:
        about = (kind, way, fingerprint, prompt)
        if about not in self._known:
            self._known[about] = correction(self._experience(way, fingerprint, prompt), kind)
        return self._known[about]

    def _experience(self, way: Way, fingerprint: str, prompt: bool) -> list[Experience]:
        found = []
        for run in self.runs:
            figures = run.figures
            said, was = figures.model_decode, figures.measured_decode
            if prompt:
                said, was = figures.model_prompt, figures.measured_prompt
            if said > 0 and was > 0 and way.is_near(run) and figures.tells_speed:
                same = bool(fingerprint) and run.fingerprint == fingerprint and way.is_of(run)
                found.append(Experience(said, was, same, main_type(run.quantization)))
        return found
