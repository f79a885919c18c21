"""An answer that goes on: the prompt ends with what there is of it, as its model wrote it."""

from __future__ import annotations

import re

from desktop.engine.api import ChatMessage
from desktop.engine.endpoint.reasoning import AnswerForm

_REASONING = re.compile(r"\s*[<\[|]+/?[\w:]*think", re.IGNORECASE)  # <think>, [THINK], <mm:think>, <|START_THINKING|>


def continued(prompt: str, answer: ChatMessage, form: AnswerForm) -> str:
    """``prompt``, which asks for an answer, with ``answer`` behind it.

    The model wrote it after the prompt, so that is what it is put behind. The tags around its parts are the form's:
    they are no part of what was kept.
    """
    content, opened = answer.content, form.opened_by(prompt)
    if not answer.reasoning and _REASONING.match(content):  # it stands in the text, tags and all
        return prompt + (content.lstrip().removeprefix(opened).lstrip() if opened else content)
    thought = answer.reasoning and ("" if opened else form.opens) + answer.reasoning
    if not content:
        return prompt + thought
    if thought or opened:
        between = form.closes
        thought = thought.rstrip("\n") if between.startswith("\n") else thought
    else:
        between = "" if form.begun_by(prompt) else form.begins
    return prompt + thought + between + content
