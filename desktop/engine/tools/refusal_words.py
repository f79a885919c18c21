"""What a chat template refuses, in words for whoever chats."""

from __future__ import annotations

_REFUSALS = (  # by what templates of the Hub say, the more telling first
    (("alternate",), "This model wants questions and answers to take turns, and this conversation does not."),
    (("system",), "This model takes no system prompt."),
    (("tool",), "This model's chat template is made for tools, and takes no conversation without them."),
    (("role",), "This model's chat template does not know everyone who speaks in this conversation."),
)


def refusal_words(complaint: str) -> str:
    """What a template refuses, in words; its own are written for programmers."""
    said = complaint.casefold()
    for signs, words in _REFUSALS:
        if all(sign in said for sign in signs):
            return words
    return "The model's chat template does not take a conversation like this one."
