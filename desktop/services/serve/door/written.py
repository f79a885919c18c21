"""Whether a model can do what a route is for, by what its file is."""

from __future__ import annotations

from desktop.core.model_kind import ModelKind
from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.failures import DoorError

_CODE = "model_cannot_do_this"
_USES = {
    ModelKind.EMBEDDING: "it is an embedding model (/v1/embeddings)",
    ModelKind.RERANKER: "it is a reranker (/v1/rerank)",
    ModelKind.ENCODER_DECODER: "encoders with a decoder (T5) are not run here",
}


def check_writes(model: ServedModel) -> None:
    """Raises DoorError (400) for a model that writes no text."""
    if not model.kind.writes_text:
        why = _USES.get(model.kind, f"its file is of the kind '{model.kind}'")
        raise _cannot(model, f"cannot write text: {why}.")


def check_embeds(model: ServedModel) -> None:
    """Raises DoorError (400) for a model that no embedding comes out of."""
    if model.kind not in (ModelKind.EMBEDDING, ModelKind.UNKNOWN):
        raise _cannot(model, f"gives no embeddings: its file is of the kind '{model.kind}'.")


def check_ranks(model: ServedModel) -> None:
    """Raises DoorError (400) for a model that is no reranker."""
    if model.kind not in (ModelKind.RERANKER, ModelKind.UNKNOWN):
        raise _cannot(model, "is no reranker.")


def _cannot(model: ServedModel, what: str) -> DoorError:
    return DoorError(400, f"The model '{model.name}' {what}", code=_CODE, param="model")
