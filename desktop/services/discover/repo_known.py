"""What is known of a repo's variants and models at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from desktop.core.gguf import Header
from desktop.core.gguf.together import fingerprint_of, quantization_of
from desktop.core.memory import ModelShape, Weights
from desktop.core.model_groups import Identity, NameWords, Use
from desktop.core.model_kind import ModelKind
from desktop.core.model_size import ModelSize


@dataclass(frozen=True)
class Known:
    """What is known of a variant. ``shape`` and ``weights`` are its own once its ``headers`` are there; before, they
    are estimates by another file of its model, None while none was read. ``identity`` and ``kind`` are from its own
    header.

    ``quantization`` is what its header says where its name says nothing or something else, and ``note`` is a sentence
    where its name is wrong; "" otherwise.

    ``problem`` is why something is missing. ``damaged``: it is no sound GGUF file; ``unplannable``: it may be
    one, and nothing can be worked out from it.
    """

    shape: ModelShape | None = None
    weights: Weights | None = None
    headers: tuple[Header, ...] = ()
    identity: Identity | None = None
    kind: ModelKind = ModelKind.UNKNOWN
    size: ModelSize | None = None
    quantization: str = ""
    note: str = ""
    problem: str = ""
    damaged: bool = False
    unplannable: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """The model's own sign, once its headers are there; "" before."""
        return fingerprint_of(self.headers)

    @cached_property
    def header_quantization(self) -> str:
        """By the headers, whatever the name says; "" before these are there."""
        return quantization_of(self.headers)

    @property
    def given_up(self) -> bool:
        """Whether nothing more will be known."""
        return self.damaged or self.unplannable


@dataclass(frozen=True)
class Model:
    """One of a repo's models. ``parameters`` are counted in a header, or the Hub's where it can only mean this model;
    ``rough_parameters`` follow from sizes of files."""

    name: str
    variants: tuple[int, ...]
    use: Use
    words: NameWords
    parameters: int | None
    rough_parameters: float
    kind: ModelKind


@dataclass(frozen=True)
class Snapshot:
    """All that is known at one moment: an entry per variant, and the models in the order of their smallest files."""

    known: tuple[Known, ...]
    models: tuple[Model, ...]

    @cached_property
    def longest_trained(self) -> int:
        """The most tokens that any of the models was trained for, 0 where that is not known."""
        return max((entry.shape.trained_context for entry in self.known if entry.shape), default=0)

    def model_of(self, variant: int) -> Model:
        """The model that a variant is of, by the variant's number."""
        return next(model for model in self.models if variant in model.variants)

    @property
    def problem(self) -> str:
        """A sentence where nothing of the repo can be weighed, and all of it for one reason."""
        reasons = {entry.problem for entry in self.known}
        return reasons.pop() if len(reasons) == 1 and all(entry.unplannable for entry in self.known) else ""
