"""Whether a projector can belong to a model, by the width of what it puts out.

llama.cpp refuses a pair whose widths differ when it loads them (tools/mtmd/mtmd.cpp: n_embd of the text model against
that of the projector). Which tensor has that width depends on the projector's type, so all that are no part of its
encoder are looked at; only where none of them has the model's width do the two contradict each other.
"""

from __future__ import annotations

from collections.abc import Collection

from desktop.core.gguf.header import Header

_KEYS = ("clip.vision.projection_dim", "clip.audio.projection_dim", "clip.projection_dim")
_ENCODER = ("v.", "a.")  # tensors of what sees and hears: tools/mtmd/clip-impl.h


def projector_widths(header: Header) -> tuple[int, ...]:
    """The widths of what a projector may put out, in elements; empty where its header does not say."""
    said = {width for key in _KEYS if (width := header.integer(key))}
    built = {length for tensor in header.tensors if not tensor.name.startswith(_ENCODER) for length in tensor.shape}
    # Some say the width of the encoder's own space there (CLIP's 768), which no tensor of the projector has.
    return tuple(sorted(said if said and (not built or said & built) else said | built))


def model_width(header: Header) -> int:
    """The width of a model's embeddings, in elements; 0 where its header does not say."""
    return header.integer(f"{header.architecture}.embedding_length") or 0


def widths_contradict(projector: Collection[int], model: int) -> bool:
    """Whether a projector of these widths cannot be of a model of this one; False where either is not known."""
    return bool(projector) and bool(model) and model not in projector
