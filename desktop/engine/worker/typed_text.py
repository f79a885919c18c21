"""Typed text is text: a control token's name in what somebody wrote is read letter by letter, never as the token.

Otherwise `<|im_end|>` in a question ends the turn, and whatever follows it speaks as somebody else. Only a text with
such a name takes this way: the name travels through the template as a mark, and when the prompt is tokenized, the
stretch between two control tokens that holds a mark is read without control tokens. All other stretches, and every
prompt without a mark, give the tokens that llama.cpp makes of the prompt as a whole.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from desktop.engine.api import ChatMessage

_SPACES = " \t\n\v\f\r"  # what C's isspace knows, as llama.cpp strips it beside tokens that ask for it
_FRAMES = ("<", "[")  # first letters of the words that templates set around turns
_REASONING = "think"  # in the words around reasoning, which answers carry and templates look for


class Piece(Protocol):
    """What turns text into tokens: ``special`` reads control tokens in it."""

    def __call__(self, text: str, *, special: bool) -> Sequence[int]:
        """Token ids, without the BOS that begins a prompt."""
        ...


@dataclass(frozen=True)
class Special:
    """A special token of a vocabulary, as llama.cpp reads it.

    ``defined``: llama.cpp reads it in any text, asked to or not (type "user-defined"). ``strips_left`` and
    ``strips_right``: it swallows white space beside it.
    """

    text: str
    defined: bool = False
    strips_left: bool = False
    strips_right: bool = False


class TypedText:
    """Keeps what was typed apart from the control tokens of one vocabulary and template."""

    def __init__(self, specials: Iterable[Special], template: str) -> None:
        """Of the user-defined tokens, those count that the template writes: they frame turns in some models."""
        self._specials = {
            special.text: special
            for special in specials
            if special.text.strip()
            and (not special.defined or (special.text.startswith(_FRAMES) and special.text in template))
        }
        self._any = _one_of(self._specials)
        self._in_answers = _one_of(word for word in self._specials if _REASONING not in word.lower())
        self._key = secrets.token_hex(4)
        self._marks = {f"\ue0f0{self._key}.{index}\ue0f1": word for index, word in enumerate(self._specials)}
        self._mark_of = {word: mark for mark, word in self._marks.items()}
        self._mark = re.compile(f"\ue0f0{self._key}" + r"\.\d+\ue0f1")
        self._parts = re.compile(f"({self._mark.pattern})|({self._any.pattern})")

    def marked(self, messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """The messages with a mark in the place of each control token's name."""
        return tuple(
            msgspec.structs.replace(
                message,
                content=(self._in_answers if message.role == "assistant" else self._any).sub(
                    lambda found: self._mark_of[found[0]], message.content
                ),
            )
            for message in messages
        )

    def has_marks(self, prompt: str) -> bool:
        """Whether a prompt made of marked messages needs :meth:`tokens`."""
        return self._mark.search(prompt) is not None

    def tokens(self, prompt: str, tokenize: Piece) -> list[int]:
        """Token ids of a prompt made of marked messages, without BOS."""
        ids: list[int] = []
        for stretch, typed in self._stretches(prompt):
            if not typed:
                ids += tokenize(stretch, special=True)
                continue
            for piece in self._letters(stretch):
                ids += tokenize(piece, special=False)
        return ids

    def _stretches(self, prompt: str) -> Iterator[tuple[str, bool]]:
        """The prompt in parts that end and begin at control tokens: text, and whether it holds marks."""
        plain = run = ""
        typed = False
        left: Special | None = None
        at = 0
        for found in [*self._parts.finditer(prompt), None]:
            run += prompt[at : found.start() if found else len(prompt)]
            at = found.end() if found else at
            if found and found[1]:
                run += found[1]
                typed = True
                continue
            right = self._specials[found[2]] if found else None
            if typed:
                if plain:
                    yield plain, False
                plain = ""
                yield _stripped(run, left, right), True
            else:
                plain += run
            plain += right.text if right else ""
            left, run, typed = right, "", False
        if plain:
            yield plain, False

    def _letters(self, stretch: str) -> Iterator[str]:
        """A stretch with its marks written out, cut inside the words that llama.cpp would read even so."""
        piece = ""
        at = 0
        for found in self._mark.finditer(stretch):
            word = self._marks[found[0]]
            piece += stretch[at : found.start()]
            at = found.end()
            if self._specials[word].defined:
                yield piece + word[0]
                piece = word[1:]
            else:
                piece += word
        yield piece + stretch[at:]


def _one_of(words: Iterable[str]) -> re.Pattern[str]:
    """The longest of these words that stands at a place, as llama.cpp looks for them; no words: nothing matches."""
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)")


def _stripped(run: str, left: Special | None, right: Special | None) -> str:
    if left is not None and left.strips_right:
        run = run.lstrip(_SPACES)
    if right is not None and right.strips_left:
        run = run.rstrip(_SPACES)
    return run
