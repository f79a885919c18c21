"""What is remembered of how a model is talked to: each field declared once for window, commands and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from desktop.core.errors import UsageError
from desktop.core.load_settings import UNSET_WORDS
from desktop.core.words import tr

SWITCH_WORDS: Mapping[str, bool] = {"on": True, "off": False}


@dataclass(frozen=True)
class AnswerSettings:
    """How a model is asked. What is None or "" is left to the model.

    ``template`` is the source of a chat template that stands in for the model's own. ``thinking`` turns its thinking on
    or off, ``effort`` is one of the levels its template knows (:class:`desktop.core.template_thinking.Thinking`).
    """

    template: str | None = None
    thinking: bool | None = None
    effort: str = ""

    @property
    def unset(self) -> bool:
        """Whether everything is left to the model."""
        return self == NOTHING_ASKED


NOTHING_ASKED = AnswerSettings()


@dataclass(frozen=True)
class AnswerField:
    """A field of :class:`AnswerSettings`; ``name`` is its key in commands and documents too.

    ``parse`` makes a value of what was typed (ValueError for what is none), ``unset`` is the value that leaves it to
    the model. ``from_file``: it is a text that is given as a file.
    """

    name: str
    label: str
    explanation: str
    accepts: str
    parse: Callable[[str], Any]
    metavar: str
    unset: object = None
    from_file: bool = False


def _switch(text: str) -> bool:
    try:
        return SWITCH_WORDS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _level(text: str) -> str:
    if not text.replace("_", "").replace("-", "").isalnum():
        raise ValueError(text)
    return text.lower()


def _source(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


ANSWER_FIELDS = (
    AnswerField(
        "template", tr("Chat template"), tr("A chat template in the place of the model's own."),
        tr("@FILE, or default for the model's own"), _source, "FILE", from_file=True,
    ),
    AnswerField(
        "thinking", tr("Thinking"), tr("Whether the model thinks before it answers, where its template has a switch."),
        tr("on, off, or default to leave it to the model"), _switch, "on|off",
    ),
    AnswerField(
        "effort", tr("Effort"), tr("How much it thinks, where its template has levels."),
        tr("a level of the model's, such as low, medium or high, or default for its own"), _level, "LEVEL", unset="",
    ),
)  # fmt: skip
_BY_NAME: Mapping[str, AnswerField] = {field.name: field for field in ANSWER_FIELDS}


def answer_field(key: str) -> AnswerField | None:
    """The field of a key; None where it is no setting of answers."""
    return _BY_NAME.get(key)


def parse_answer(field: AnswerField, text: str) -> dict[str, Any]:
    """The field of :class:`AnswerSettings` that ``text`` sets; an empty text or ``default`` unsets it. UsageError."""
    if text.strip().lower() in UNSET_WORDS:
        return {field.name: field.unset}
    try:
        return {field.name: field.parse(text if field.from_file else text.strip())}
    except ValueError:
        raise UsageError(
            tr("'{strip}' is no value for {name}.", strip=text.strip(), name=field.name),
            tr("It takes {accepts}.", accepts=field.accepts),
        ) from None


def answers_document(settings: AnswerSettings) -> dict[str, Any]:
    """The settings by their keys; None where it is left to the model."""
    values = {field.name: getattr(settings, field.name) for field in ANSWER_FIELDS}
    return {name: None if value == _BY_NAME[name].unset else value for name, value in values.items()}
