"""Chat templates: untrusted Jinja from a stranger's file, rendered in an immutable sandbox.

The sandbox stops escapes, not loops or memory (docs/reference/security.md), so
:mod:`desktop.engine.tools.renderer` runs this module in a process with limits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2
import jinja2.sandbox
import msgspec

from desktop.core.template_syntax import EXTENSIONS
from desktop.engine.worker.protocol import ChatMessage

MAX_OUTPUT_CHARS = 8 * 1024 * 1024

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


class RenderRequest(msgspec.Struct, frozen=True):
    """A template and what it is given; ``bos`` and ``eos`` are the texts of the vocabulary's tokens."""

    template: str
    messages: tuple[ChatMessage, ...]
    bos: str
    eos: str
    add_generation_prompt: bool = True


class RenderResult(msgspec.Struct, frozen=True):
    """The prompt, or ``error`` in words; ``notes`` are sentences the chat should show."""

    text: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()


class TemplateRaisedError(jinja2.TemplateError):
    """The template itself refused, through ``raise_exception``."""


def _raise_exception(message: str) -> NoReturn:
    raise TemplateRaisedError(str(message))


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **_: Any) -> str:
    # Transformers' templates expect plain JSON, not Jinja's HTML-escaped one
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _environment() -> jinja2.sandbox.ImmutableSandboxedEnvironment:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=EXTENSIONS
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


def _render_once(request: RenderRequest, messages: Sequence[dict[str, str]]) -> str:
    template = _environment().from_string(request.template)
    try:
        return _generate(template, request, messages, tools=None)
    except TypeError:
        # templates for tool use iterate over the tools without asking whether there are any
        return _generate(template, request, messages, tools=[])


def _generate(
    template: jinja2.Template, request: RenderRequest, messages: Sequence[dict[str, str]], tools: list[str] | None
) -> str:
    chunks: list[str] = []
    size = 0
    for chunk in template.generate(
        messages=messages,
        add_generation_prompt=request.add_generation_prompt,
        bos_token=request.bos,
        eos_token=request.eos,
        tools=tools,
        functions="",
        datetime=datetime.now().strftime("%d %B %Y"),
    ):
        size += len(chunk)
        if size > MAX_OUTPUT_CHARS:
            raise TemplateRaisedError(f"more than {MAX_OUTPUT_CHARS:,} characters of output")
        chunks.append(chunk)
    return "".join(chunks)


def _merge_system(messages: Sequence[dict[str, str]]) -> list[dict[str, str]] | None:
    """The conversation with its system prompt put before the first user message; None when there is none to move."""
    if len(messages) < 2 or messages[0]["role"] != "system" or messages[1]["role"] != "user":
        return None
    merged = f"{messages[0]['content']}\n\n{messages[1]['content']}"
    return [{"role": "user", "content": merged}, *messages[2:]]


def render(request: RenderRequest) -> RenderResult:
    """Render one conversation; a template that refuses a system role is given it inside the first user message."""
    messages = [{"role": m.role, "content": m.content} for m in request.messages]
    try:
        return RenderResult(text=_render_once(request, messages))
    except TemplateRaisedError as error:
        merged = _merge_system(messages)
        if merged is None:
            return RenderResult(error=f"The model's chat template refused the conversation: {error}")
        try:
            text = _render_once(request, merged)
        except Exception as second:  # noqa: BLE001  # a stranger's template may raise anything
            return RenderResult(error=f"The model's chat template refused the conversation: {second}")
        note = "This model takes no system prompt; it was placed before your first message."
        return RenderResult(text=text, notes=(note,))
    except MemoryError:
        return RenderResult(error="The model's chat template needs more memory than it is allowed.")
    except Exception as error:  # noqa: BLE001  # a stranger's template may raise anything
        return RenderResult(error=f"The model's chat template failed: {type(error).__name__}: {error}")
