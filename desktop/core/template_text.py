"""Texts that have no place in a chat template: the patterns, and what counts as natural language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """A text that is suspicious in a template: what is said when ``expression`` matches, and why it matters."""

    expression: re.Pattern[str]
    message: str
    reason: str


def _pattern(expression: str, message: str, reason: str, flags: re.RegexFlag = re.IGNORECASE) -> Pattern:
    return Pattern(re.compile(expression, flags), message, reason)


_HIDDEN = "The model follows such a text in every conversation, and you do not see it."

# Gaps are bounded, so that no expression takes more than linear time. All of llama.cpp's 71 templates are free of them.
SUSPICIOUS: Sequence[Pattern] = (
    _pattern(
        r"\b(ignore|disregard|forget|override)\b.{0,30}\b(previous|prior|earlier|above|all other|system)\b"
        r".{0,20}\b(instruction|rule|message|prompt|polic)",
        "The chat template tells the model to ignore instructions",
        _HIDDEN,
    ),
    _pattern(
        # "Do not tell the user about function calls" stands in the templates of Qwen and Nemotron.
        r"\b(do not|don't|never|without)\b.{0,12}\b(tell(ing)?|inform(ing)?|mention(ing)?|reveal(ing)?|disclos(e|ing)|"
        r"notify(ing)?|warn(ing)?)\b.{0,30}\b(user|anyone|human|this|these)\b(?! about (function|tool) calls)",
        "The chat template tells the model to keep something from you",
        _HIDDEN,
    ),
    _pattern(r"\b(secretly|covertly|surreptitiously)\b", "The chat template tells the model to act in secret", _HIDDEN),
    _pattern(
        r"\b(always|must|should)\b.{0,40}\b(recommend|advertise|promote|praise)\b",
        "The chat template tells the model what to recommend",
        _HIDDEN,
    ),
    _pattern(
        r"\b(https?|ftp|wss?)://[^\s'\"<>]{4,}|\bwww\.[a-z0-9-]+\.[a-z]{2,}",
        "The chat template holds a web address",
        "The model can be made to repeat it or to send something there.",
    ),
    _pattern(
        r"<script\b|<iframe\b|<img\b[^>]{0,80}\bsrc\b|\bonerror\s*=|javascript:",
        "The chat template holds active HTML",
        "A program that shows answers as a web page would run it.",
    ),
    _pattern(
        r"\b(curl|wget)\s+-?\S|\bpowershell\b|\brm\s+-rf\b|\bos\.(system|popen)\b|\bsubprocess\.|\b__import__\b|"
        r"\bbase64\s+(-d|--decode)\b",
        "The chat template holds a command",
        "The model can be made to hand it to you or to a tool as its own advice.",
    ),
    _pattern(
        r"(?=[A-Za-z0-9+/]{0,60}[a-z])(?=[A-Za-z0-9+/]{0,60}[A-Z])(?=[A-Za-z0-9+/]{0,60}[0-9])"
        r"[A-Za-z0-9+/]{48,4096}={0,2}",
        "The chat template holds encoded text",
        "Text in base64 can carry instructions that nobody reads.",
        re.RegexFlag(0),
    ),
)

_MARKUP = re.compile(r"<[^<>]{0,80}>|\[/?[A-Z_ ]{1,30}\]|[\w-]*[_/\\|{}\[\]<>=:]+[\w-]*")
_WORD = re.compile(r"[^\W\d_]{3,}")


def natural_words(text: str) -> list[str]:
    """The words of a natural language in a text: tags such as ``</think>`` and names such as ``image_url`` are none."""
    return _WORD.findall(_MARKUP.sub(" ", text[:20_000]))
