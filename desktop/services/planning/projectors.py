"""Which projector a model is loaded with: the smallest of those that lie beside it and are read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.errors import FileFormatError, HeftError
from desktop.core.gguf import read_header
from desktop.core.load_plan import LoadPlan
from desktop.core.model_ref import ModelRef
from desktop.core.projector import Projector, projector_of
from desktop.store.gguf_files import FileSource

NO_ROOM = "There is no room for its projector, so it is loaded without: it sees no pictures and hears nothing."


@dataclass(frozen=True)
class Projectors:
    """``beside`` are the projectors of a model file that lie with it, as the library attaches them."""

    beside: Callable[[Path], Sequence[Path]]

    def of(self, ref: ModelRef) -> Projector | None:
        """None where there is none, or none that can be read. Types differ little in quality: the smallest is taken."""
        with contextlib.suppress(HeftError, OSError):
            return best_of(self.beside(ref.path)) if ref.path is not None else None
        return None


def best_of(paths: Sequence[Path]) -> Projector | None:
    """The smallest of these files; None where none is a projector that can be read."""
    found: list[Projector] = []
    for path in paths:
        with contextlib.suppress(FileFormatError, OSError), FileSource(path) as source:
            projector = projector_of(path, read_header(source))
            found += [projector] if projector is not None else []
    return min(found, key=lambda one: one.total_bytes, default=None)


def with_room(projector: Projector | None, plan: Callable[[Projector | None], LoadPlan]) -> LoadPlan:
    """The plan with the projector; without, where only that fits."""
    made = plan(projector)
    if projector is None or made.fits:
        return made
    bare = plan(None)
    if not bare.fits:
        return made
    return replace(bare, note=" ".join(filter(None, (bare.note, NO_ROOM))))
