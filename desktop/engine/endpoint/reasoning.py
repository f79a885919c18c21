"""Reasoning that stands in an answer's text between tags, taken apart from the answer as it streams.

The tags are those of the templates that llama.cpp carries (models/templates, common/parsers, common/chat.cpp), and of
EXAONE Deep, Kimi and OpenThinker. They count where an answer begins; anywhere else they are text that somebody wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

_BETWEEN = "\n\n"  # put between two passages that nothing parted but their tags

_PAIRS = (
    ("<think>", "</think>"),  # DeepSeek, Qwen, GLM and most others
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # EXAONE Deep
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<mm:think>", "</mm:think>"),  # MiniMax M3
    ("[THINK]", "[/THINK]"),  # Magistral, Ministral
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command R7B, Command A
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker, Sky-T1
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<think:opensource>", "</think:opensource>"),  # Hunyuan 3
)
_MIXED_UP = ("</think>", "</thinking>")  # models close either with either
_FINAL_RESPONSE = "[BEGIN FINAL RESPONSE]"  # Apriel: its prompt opens the reasoning, with ordinary words
_ALONE = (*(closing for _, closing in _PAIRS), _FINAL_RESPONSE)  # a closing tag that says so without an opening one


@dataclass(frozen=True)
class _Opening:
    """What a tag at the start of an answer opens, and the tags that end it; ``mark``: it opens nothing by itself.

    ``said``: what of the tag itself is text. ``later``: it counts behind another tag only.
    """

    reasoning: bool = False
    closings: tuple[str, ...] = ()
    mark: bool = False
    said: str = ""
    later: bool = False


_HARMONY_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>assistant")  # gpt-oss
_HARMONY_FINAL = "<|channel|>final<|message|>"
_HARMONY_THOUGHT = "<|channel|>analysis<|message|>"
_HARMONY_HEAD_ENDS = ("<|constrain|>", "<|message|>", _HARMONY_THOUGHT, _HARMONY_FINAL, *_HARMONY_ENDS)

_OPENINGS: dict[str, _Opening] = {
    **{closing: _Opening(mark=True) for closing in _ALONE},  # an empty passage that the prompt opened
    **{tag: _Opening(True, _MIXED_UP if closing in _MIXED_UP else (closing,)) for tag, closing in _PAIRS},
    "<|start|>assistant": _Opening(mark=True),
    _HARMONY_THOUGHT: _Opening(True, (*_HARMONY_ENDS, _HARMONY_FINAL)),
    "<|channel|>commentary<|message|>": _Opening(closings=_HARMONY_ENDS),
    _HARMONY_FINAL: _Opening(closings=_HARMONY_ENDS),
    # a call where no tools were given: its head and what it is called with are text
    "to=functions.": _Opening(closings=("<|channel|>commentary", "<|channel|>analysis"), said="to=functions."),
    "<|channel|>commentary": _Opening(closings=_HARMONY_HEAD_ENDS),
    "<|channel|>analysis": _Opening(closings=_HARMONY_HEAD_ENDS),
    "<|constrain|>": _Opening(closings=("<|message|>", *_HARMONY_ENDS)),
    "<|message|>": _Opening(closings=_HARMONY_ENDS),
    "<|begin|>assistant": _Opening(mark=True),  # Solar Open
    "<|think|>": _Opening(True, ("<|end|>",)),
    "<|content|>": _Opening(closings=("<|end|>",)),
    "to=self<|message|>": _Opening(True, ("<|eom|>",)),  # Muse
    "to=user<|message|>": _Opening(closings=("<|eom|>", "<|eot|>")),
    "<|START_RESPONSE|>": _Opening(closings=("<|END_RESPONSE|>",)),  # Command R7B
    "<|START_TEXT|>": _Opening(closings=("<|END_TEXT|>",)),  # Command A
    "<response>": _Opening(closings=("</response>",), later=True),  # Granite 3.3
    "<|begin_of_solution|>": _Opening(closings=("<|end_of_solution|>",)),  # OpenThinker
    "<|open|>response<|sep|>": _Opening(closings=("<|close|>response<|sep|>",)),  # Kimi K3
}
_ANY_CLOSING = tuple(
    dict.fromkeys((*_ALONE, *(tag for opening in _OPENINGS.values() if opening.reasoning for tag in opening.closings)))
)

_CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z]+\]|◁/?[a-z]+▷")


def names_in(text: str) -> list[str]:
    """What may be control tokens in a text of tags: a server prints them only where it is asked to."""
    return _CONTROL.findall(text)


CONTROL_NAMES = tuple(dict.fromkeys(name for tag in (*_OPENINGS, *_ANY_CLOSING) for name in names_in(tag)))


@dataclass(frozen=True)
class AnswerForm:
    """How a model writes an answer. ``begins`` is what it has to write itself before the answer's text, though the
    prompt has opened the answer already (gpt-oss: ``<|channel|>final<|message|>``), "" for most; ``ends`` is the tag
    behind such an answer. ``opens`` stands before its reasoning, "" where the prompt's words open it (Apriel);
    ``closes`` between that and the answer's text.
    """

    begins: str = ""
    ends: str = ""
    opens: str = "<think>\n"
    closes: str = "\n</think>\n\n"

    def begun_by(self, prompt: str) -> bool:
        """Whether a prompt has written ``begins`` already."""
        return bool(self.begins) and prompt.rstrip().endswith(self.begins.rstrip())

    def opened_by(self, prompt: str) -> str:
        """The tag at a prompt's end that opens the reasoning, "" where none does."""
        end = prompt.rstrip()
        if self.opens.strip() and end.endswith(self.opens.strip()):
            return self.opens.strip()
        return next((tag for tag, opening in _OPENINGS.items() if opening.reasoning and end.endswith(tag)), "")


PLAIN_FORM = AnswerForm()


def tags_of(template: str, begins: str, text: str) -> tuple[str, str] | None:
    """``opens`` and ``closes`` by the tags that a template mentions, None for none; ``text`` is one that it made."""
    if begins.startswith("<|channel|>"):
        return _HARMONY_THOUGHT, f"<|end|><|start|>assistant{begins}"
    if begins == "<|content|>":
        return "<|think|>", f"<|end|><|begin|>assistant{begins}"
    found = next((pair for pair in _PAIRS if pair[1] in template or pair[1] in text), None)
    if found is None:
        return None
    opening, closing = found
    if closing in begins:
        return opening, begins
    if f"{opening}{closing}" in text:  # without a line for each
        return opening, f"{closing}{begins}"
    if closing in _MIXED_UP or closing.startswith("◁"):
        return f"{opening}\n", f"\n{closing}\n\n{begins}"
    return opening + ("\n" if opening.endswith("thought") else ""), f"{closing}{begins}"


def _own_openings(form: AnswerForm) -> dict[str, _Opening]:
    """What a template says of its answers, by tags that may be nobody else's."""
    found: dict[str, _Opening] = {}
    if _CONTROL.search(form.opens) and _CONTROL.search(form.closes):
        closes = form.closes.removesuffix(form.begins).strip() or form.closes.strip()
        found[form.opens.strip()] = _Opening(True, (closes,))
    if form.begins.strip():
        found[form.begins.lstrip()] = _Opening(closings=(form.ends,) if form.ends else ())
    return found


class Split(NamedTuple):
    """What a piece of an answer adds. ``turned``: all text that was given before turned out to be reasoning."""

    reasoning: str = ""
    text: str = ""
    turned: bool = False


class _State(Enum):
    START = auto()  # nothing but white space and tags since the answer, or since its last passage
    REASONING = auto()
    TEXT = auto()


class ReasoningSplitter:
    """Takes an answer's text in pieces of any length; what comes out does not depend on where it was cut.

    ``opened``: whether the prompt opened the reasoning, so that the answer begins inside it. None is for not knowing:
    then a closing tag at the start of a line, which nothing opened, makes all before it reasoning (``Split.turned``).
    No character is lost but those of tags; what may yet become a tag is held back until it is known or :meth:`finish`.
    ``form`` is how this model writes an answer, where its template says so.
    """

    def __init__(self, *, opened: bool | None = None, form: AnswerForm | None = None) -> None:
        self._openings = _OPENINGS if form is None else _own_openings(form) | _OPENINGS
        self._state = _State.START
        self._opened = bool(opened)
        self._may_turn = opened is None
        self._found = False
        self._closings: tuple[str, ...] = ()
        self._lines = _Lines()
        self._held = ""
        self._blank = ""  # white space of the start, which goes where what follows it goes
        self._last = ""  # the last character of the reasoning so far
        self._passage_begins = False
        self._reasoning: list[str] = []
        self._text: list[str] = []
        self._turned = False

    @property
    def found(self) -> bool:
        """Whether there was any tag, also one around nothing."""
        return self._found

    def feed(self, piece: str) -> Split:
        """What this piece adds, as far as it is known already."""
        return self._take(self._held + piece, final=False)

    def finish(self) -> Split:
        """The answer has ended: what was held back is what it looks like."""
        return self._take(self._held, final=True)

    def _take(self, text: str, *, final: bool) -> Split:
        self._held = ""
        while text:
            if self._state is _State.START:
                text = self._start(text, final=final)
            elif self._closings:
                text = self._inside(text, final=final)
            else:
                text = self._plain(text, final=final)
        if final:
            self._give(self._blank, reasoning=self._opened)
            self._blank = ""
        split = Split("".join(self._reasoning), "".join(self._text), self._turned)
        self._reasoning, self._text, self._turned = [], [], False
        return split

    # -- each takes what it can and gives back the rest --------------------------------------------

    def _start(self, text: str, *, final: bool) -> str:
        rest = text.lstrip()
        self._blank += text[: len(text) - len(rest)]
        tags = [tag for tag, opening in self._openings.items() if self._found or not opening.later]
        tag = max((tag for tag in tags if rest.startswith(tag)), key=len, default="")
        if not final and any(other != tag and other.startswith(rest) for other in tags):
            self._held = rest
            return ""
        if tag:
            if self._found and not self._openings[tag].reasoning:
                self._blank = ""  # between two tags
            self._enter(tag)
        elif rest:
            self._begin(_State.REASONING if self._opened else _State.TEXT, _ANY_CLOSING if self._opened else ())
        return rest[len(tag) :]

    def _enter(self, tag: str) -> None:
        """What a tag does: begin a passage, begin the answer, or only be there."""
        self._found, self._may_turn, self._opened = True, False, False
        opening = self._openings.get(tag)
        if opening is None or opening.mark:
            self._state = _State.START
        else:
            self._begin(_State.REASONING if opening.reasoning else _State.TEXT, opening.closings)
            self._give(opening.said, reasoning=False)

    def _begin(self, state: _State, closings: tuple[str, ...]) -> None:
        self._state, self._closings, self._opened = state, closings, False
        self._passage_begins = bool(self._last)
        self._give(self._blank, reasoning=state is _State.REASONING)
        self._blank = ""

    def _inside(self, text: str, *, final: bool) -> str:
        """A passage with an end: of reasoning, or of an answer between tags."""
        reasoning = self._state is _State.REASONING
        found = _one_of(self._closings).search(text)
        if found is None:
            end = len(text) if final else len(text) - _begun(text, self._closings)
            self._give(text[:end], reasoning=reasoning)
            self._held = text[end:]
            return ""
        self._give(text[: found.start()], reasoning=reasoning)
        self._enter(found[0])
        return text[found.end() :]

    def _plain(self, text: str, *, final: bool) -> str:
        """The answer."""
        if not self._may_turn:
            self._give(text, reasoning=False)
            return ""
        found = _one_of(_ALONE).search(text)
        if found is None:
            end = len(text) if final else len(text) - _begun(text, _ALONE)
            self._give(text[:end], reasoning=False)
            self._held = text[end:]
            return ""
        self._give(text[: found.start()], reasoning=False)
        if self._lines.begin_one:
            self._reasoning, self._text, self._turned = self._text, [], True
            self._last = "\n"
            self._enter(found[0])
        else:
            self._give(found[0], reasoning=False)
        return text[found.end() :]

    def _give(self, text: str, *, reasoning: bool) -> None:
        if not text:
            return
        if not reasoning:
            self._lines.feed(text)
            self._text.append(text)
            return
        if self._passage_begins and not (self._last.isspace() or text[0].isspace()):
            self._reasoning.append(_BETWEEN)
        self._passage_begins = False
        self._last = text[-1]
        self._reasoning.append(text)


class _Lines:
    """Where in its lines a text ends: at the start of one, inside a code fence (CommonMark 0.31, section 4.5)."""

    _FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
    _ENOUGH = 200  # characters of a line

    def __init__(self) -> None:
        self._line = ""
        self._fence = ""

    @property
    def begin_one(self) -> bool:
        """Whether what comes next is the first of its line, and no code."""
        return not self._fence and not self._line.strip()

    def feed(self, text: str) -> None:
        """More of the text."""
        *ended, rest = text.split("\n")
        for part in ended:
            self._end(self._line + part)
            self._line = ""
        self._line = (self._line + rest)[: self._ENOUGH]

    def _end(self, line: str) -> None:
        mark = self._FENCE.match(line[: self._ENOUGH])
        if mark is None:
            return
        if not self._fence:
            self._fence = mark[1]
        elif mark[1].startswith(self._fence) and not mark[2].strip():
            self._fence = ""


@cache
def _one_of(tags: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(tag) for tag in sorted(tags, key=len, reverse=True)))


def _begun(text: str, tags: tuple[str, ...]) -> int:
    """Length of the end of ``text`` that may be the beginning of one of the tags."""
    longest = min(len(text), max(map(len, tags)) - 1)
    return next((size for size in range(longest, 0, -1) if any(tag.startswith(text[-size:]) for tag in tags)), 0)
