"""What a model of a kind can be asked for, and how a refusal says it."""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.model_kind import Purpose, purpose_of
from desktop.core.words import tr
from desktop.services.models.kind_words import cannot_chat, kind_name
from desktop.services.serve.api import ServedModel

_WANTED: dict[Purpose, tuple[str, str]] = {
    "embedding": ("turn text into vectors", "Choose an embedding model."),
    "rerank": ("score texts against a question", "Choose a reranker."),
}


def must_serve(model: ServedModel, purpose: Purpose) -> None:
    """HeftError where the model is not made for the purpose."""
    if purpose == purpose_of(model.kind):
        return
    if purpose == "text":
        raise cannot_chat(model.name, model.kind)
    what, advice = _WANTED[purpose]
    is_one = f" is {_article(kind_name(model.kind))}: it" if kind_name(model.kind) else ""
    raise HeftError(
        tr("{name}{is_one} cannot {what}.", name=model.name, is_one=is_one, what=what),
        advice,
        kind=FailureKind.CANNOT_EMBED,
    )


def _article(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
