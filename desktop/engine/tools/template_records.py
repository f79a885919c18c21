"""What is asked of the process that renders chat templates and what it answers, and the templates that stand in.

Apart from what renders, which brings Jinja: whoever asks has it not.
"""

from __future__ import annotations

from typing import Any

import msgspec

from desktop.core.thinking import NO_THINKING, Thinking
from desktop.engine.api import ChatMessage
from desktop.engine.endpoint.reasoning import PLAIN_FORM, AnswerForm

# The format most small chat models were tuned on; used when a model brings no template and its vocabulary has the marks
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

# A base model continues the conversation's text: an answer follows on what it answers, what is added begins a new line
PLAIN = (
    "{% for message in messages %}"
    "{% if not loop.first and message['role'] != 'assistant' and loop.previtem['content'][-1:] not in ['\n', ''] %}"
    "{{ '\n' }}{% endif %}"
    "{{ message['content'] }}{% endfor %}"
)

# What a template is tried with
TALK = (
    ChatMessage("system", "Answer briefly."),
    ChatMessage("user", "What is the capital of France?"),
    ChatMessage("assistant", "Paris."),
    ChatMessage("user", "And of Italy?"),
)


class RenderRequest(msgspec.Struct, frozen=True, tag="render"):
    """A template and what it is given; ``bos`` and ``eos`` are the texts of the vocabulary's tokens.

    ``continues``: the last message is an answer to go on with, so the prompt ends with its text. ``mark_key``: names
    of control tokens are marked with it, also these ``names`` (:mod:`desktop.engine.tools.typed_text`).
    ``variables`` are what else the template is given (``enable_thinking`` ...).
    """

    template: str
    messages: tuple[ChatMessage, ...]
    bos: str
    eos: str
    add_generation_prompt: bool = True
    continues: bool = False
    mark_key: str = ""
    names: tuple[str, ...] = ()
    variables: dict[str, bool | int | str] = {}


class RenderResult(msgspec.Struct, frozen=True, tag="rendered"):
    """The prompt, or ``error``, with what the template itself said; ``notes`` are sentences the chat should show.

    ``plain`` is the error for whoever chats and knows nothing of templates; empty where ``error`` says no more.

    ``messages`` are the turns in the form that the template was given, for another renderer of the same template,
    without ``begun``, the answer to continue where there is one. ``opened`` is the tag by which the template opens the
    reasoning, ``form`` how this model writes an answer.

    With an error ``text`` is empty, or what the template made without all the words, for whoever looks into it.
    ``harmless``: the error is a refusal or a mistake of the template's and no attack, so another may stand in for it.
    """

    text: str = ""
    error: str = ""
    plain: str = ""
    notes: tuple[str, ...] = ()
    harmless: bool = False
    messages: tuple[dict[str, Any], ...] = ()
    begun: ChatMessage | None = None
    opened: str = ""
    form: AnswerForm = PLAIN_FORM


class TrialRequest(msgspec.Struct, frozen=True, tag="try"):
    """Try the template of the model at ``path``, or ``template`` in its place."""

    path: str
    template: str = ""


class Trial(msgspec.Struct, frozen=True, tag="tried"):
    """What was found: the template ("" for none), the texts of its tokens, why it cannot be used ("" when it can).

    ``chatml``: the vocabulary has ChatML's control tokens, which is asked only of a model without a template.
    ``names`` are its control tokens that :func:`desktop.engine.tools.typed_text.looks_like_a_name` does not know.
    ``latent_keys``: it has the tensors that Intel's matrix tiles cannot take (desktop/engine/matrix_tiles.py).
    ``thinking``: what the template lets a person say about it. ``talk``: a conversation in the form the template is
    given, for another renderer that is to make the same of it. ``tools``: it tells its model of tools.
    """

    template: str = ""
    bos: str = ""
    eos: str = ""
    unusable: str = ""
    chatml: bool = False
    latent_keys: bool = False
    names: tuple[str, ...] = ()
    thinking: Thinking = NO_THINKING
    talk: tuple[dict[str, Any], ...] = ()
    tools: bool = False


def arrives(prompt: str) -> bool:
    """Whether all that was said in the trial's conversation stands in a prompt that was made of it."""
    return all(message.content in prompt for message in TALK)
