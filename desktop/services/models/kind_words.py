"""What is said of the kind of a model file: its name, what it is for, and what to do with one that cannot chat."""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.model_fault import Fault
from desktop.core.model_kind import ModelKind
from desktop.core.words import tr

CONTINUES = tr("This model has no chat template: it continues your text instead of answering.")

_CHOOSE = tr("Choose a chat model.")
_SAID: dict[ModelKind, tuple[str, str, str]] = {  # what it is, what it is for, the one thing to do
    ModelKind.EMBEDDING: (tr("an embedding model"), tr("it turns text into vectors, it cannot chat"), _CHOOSE),
    ModelKind.RERANKER: (tr("a reranker"), tr("it scores how well texts match a question, it cannot chat"), _CHOOSE),
    ModelKind.ENCODER_DECODER: (
        tr("an encoder-decoder model"),
        tr("it rewrites a whole text into another, such as a translation, and cannot chat"),
        _CHOOSE,
    ),
    ModelKind.PROJECTOR: (
        tr("a projector"),
        tr("it lets the model it belongs to see or hear, and cannot chat by itself"),
        tr("Choose the model it belongs to."),
    ),
    ModelKind.DRAFT: (
        tr("a draft model"),
        tr("it guesses ahead for the model it was made for, and cannot chat by itself"),
        tr("Choose the model it was made for."),
    ),
    ModelKind.ADAPTER: (
        tr("an adapter (LoRA)"),
        tr("it changes the model it was made for, and cannot chat by itself"),
        tr("Choose the model it was made for."),
    ),
    ModelKind.IMATRIX: (
        tr("an importance matrix"),
        tr("it is used for making quantizations, and holds no model"),
        _CHOOSE,
    ),
    ModelKind.CONTROL_VECTOR: (
        tr("a control vector"),
        tr("it steers the model it was made for, and cannot chat by itself"),
        tr("Choose the model it was made for."),
    ),
    ModelKind.VOCABULARY: (
        tr("a vocabulary without weights"),
        tr("it can be inspected, not run"),
        tr("Choose the file that has the model's weights."),
    ),
    ModelKind.DIFFUSION: (
        tr("a diffusion model"),
        tr("it makes its whole output out of noise instead of writing word by word, and cannot chat here"),
        _CHOOSE,
    ),
    ModelKind.AUDIO: (tr("an audio model"), tr("it works with sound, it cannot chat"), _CHOOSE),
}
_WRITERS = {ModelKind.CHAT: tr("chat model"), ModelKind.BASE: tr("base model"), ModelKind.UNKNOWN: ""}


def kind_name(kind: ModelKind) -> str:
    """What it is, in a word or two; "" where that is not known."""
    return _WRITERS[kind] if kind.writes_text else _SAID[kind][0].split(" ", 1)[1]


def kind_fact(kind: ModelKind) -> str:
    """The name for a line of facts; "" for a chat model, which is what people expect."""
    return "" if kind is ModelKind.CHAT else kind_name(kind)


def kind_note(kind: ModelKind) -> str:
    """A sentence on what cannot chat, "" for what can."""
    if kind.writes_text:
        return ""
    what, purpose, _ = _SAID[kind]
    return f"{what[0].upper()}{what[1:]}: {purpose}."


def cannot_chat(name: str, kind: ModelKind, failure: FailureKind = FailureKind.CANNOT_CHAT) -> HeftError:
    """The refusal of a file that writes no text: what it is for, and the one thing to do. KeyError for others."""
    what, purpose, advice = _SAID[kind]
    return HeftError(tr("{name} is {what}: {purpose}.", name=name, what=what, purpose=purpose), advice, kind=failure)


def must_write_text(name: str, kind: ModelKind, fault: Fault | None = None) -> None:
    """HeftError for a file that cannot chat, or be loaded at all (``fault``): before an engine is started with it, or a
    chat is opened for it."""
    if not kind.writes_text:
        raise cannot_chat(name, kind)
    if fault is not None:
        raise fault.error(name)
