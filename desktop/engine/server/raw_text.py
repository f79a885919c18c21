"""An answer that the server gives as text, token by token: its reasoning and its form are told apart here."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.engine.endpoint.reasoning import AnswerForm, ReasoningSplitter


@dataclass(frozen=True)
class Raw:
    """How to take such an answer apart. ``names`` are control tokens that the server is to print, ``begun`` is the tag
    behind which the answer goes on, "" for none, ``form`` how this model writes an answer. ``thinking``: it begins
    inside its reasoning without a tag that says so.
    """

    names: tuple[str, ...]
    form: AnswerForm
    begun: str = ""
    thinking: bool = False


class RawText:
    """Takes the text of one token after the other."""

    def __init__(self, raw: Raw) -> None:
        self._names = frozenset(raw.names)
        self._splitter = ReasoningSplitter(opened=raw.thinking, form=raw.form)
        self._splitter.feed(raw.begun)
        self._held = ""

    def take(self, token: str, *, ended: bool) -> tuple[str, str]:
        """Reasoning and text that are new. ``ended``: the model ended the answer itself, with the token before.

        A control token that ends an answer is printed like any other, and is no part of it.
        """
        if ended and not token:
            self._held = ""
        held, self._held = self._held, ""
        if token in self._names:
            self._held, token = token, ""
        split = self._splitter.feed(held + token)
        return split.reasoning, split.text

    def finish(self) -> tuple[str, str]:
        """What was held back until the end."""
        held, self._held = self._held, ""
        first, last = self._splitter.feed(held), self._splitter.finish()
        return first.reasoning + last.reasoning, first.text + last.text
