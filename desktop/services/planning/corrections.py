"""What the ledger's runs teach about predictions, worked out once for every question."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.quants import main_type
from desktop.core.speed.learning import Correction, Experience, correction
from desktop.store.ledger import Run


class Corrections:
    """The runs of one machine as corrections. Not changed by what is written later: make another one then."""

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self.runs = runs
        self._known: dict[tuple[str, str, int, str, bool, int], Correction] = {}

    def correction(
        self,
        kind: str,
        gpu_layers: int,
        fingerprint: str = "",
        kv_type: str = "",
        *,
        prompt: bool = False,
        threads: int = 0,
    ) -> Correction:
        """For a model of this main type and fingerprint ("": not known), on the CPU alone or with GPU layers.

        Its own runs are those with as many layers on the GPU and with caches of these types. ``prompt`` asks about
        reading instead of writing; ``threads`` 0 takes runs with any number of them.
        """
        about = (fingerprint, kind, gpu_layers, kv_type, prompt, threads)
        if about not in self._known:
            self._known[about] = correction(self._experience(*about), kind)
        return self._known[about]

    def of(
        self, kind: str, gpu_layers: int, fingerprint: str, kv_type: str, threads: int
    ) -> tuple[Correction, Correction]:
        """For writing, and for reading a prompt."""
        about = (kind, gpu_layers, fingerprint, kv_type)
        return self.correction(*about, threads=threads), self.correction(*about, prompt=True, threads=threads)

    def _experience(
        self, fingerprint: str, _kind: str, gpu_layers: int, kv_type: str, prompt: bool, threads: int
    ) -> list[Experience]:
        found = []
        for run in self.runs:
            figures = run.figures
            said, was = figures.model_decode, figures.measured_decode
            if prompt:
                said, was = figures.model_prompt, figures.measured_prompt
            unlike = bool(run.gpu_layers) != bool(gpu_layers) or (threads and run.threads != threads)
            if said > 0 and was > 0 and not unlike and figures.tells_speed:
                same = bool(fingerprint) and run.fingerprint == fingerprint and run.gpu_layers == gpu_layers
                same = same and kv_type in ("", run.kv_type)
                found.append(Experience(said, was, same, main_type(run.quantization)))
        return found
