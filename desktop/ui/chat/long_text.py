"""Which text is too long to be edited in a field: Qt lays out a whole paragraph anew at every key."""

from __future__ import annotations

LONG_PASTE = 10_000  # characters: a paste that is longer stands beside the text
MOST_TYPED = 40_000  # in the field, all together
LONG_LINE = 10_000  # without a line break
_LONGEST_BEGINNING = 2_000  # of a long text, what is edited as text again


def _longest_line(text: str) -> int:
    return max((len(line) for line in text.split("\n")), default=0)


def is_long(text: str, held: int, beside: int) -> bool:
    """Whether a pasted text is kept beside the field, which holds ``held`` characters, ``beside`` in its paragraph."""
    if len(text) > LONG_PASTE or len(text) + held > MOST_TYPED:
        return True
    return beside + _longest_line(text) > LONG_LINE


def parted(text: str) -> tuple[str, str]:
    """A text that comes back to be edited: what goes into the field, and the long part beside it.

    A message is what was typed, a blank line and what was pasted; its beginning is typed text again.
    """
    if len(text) <= MOST_TYPED and _longest_line(text) <= LONG_LINE:
        return text, ""
    typed, gap, rest = text.partition("\n\n")
    if gap and len(typed) <= _LONGEST_BEGINNING and rest.strip():
        return typed, rest
    return "", text
