"""Chat templates: untrusted Jinja from a stranger's file, rendered in an immutable sandbox.

The sandbox stops escapes, not loops or memory (docs/reference/security.md), so
:mod:`desktop.engine.tools.rendering` runs this module in a process with limits.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2
import jinja2.exceptions
import jinja2.sandbox

from desktop.core.template_syntax import EXTENSIONS
from desktop.core.words import tr

MAX_OUTPUT_CHARS = 8 * 1024 * 1024
_KEPT_TEMPLATES = 8  # compiled; a chat uses one, a preview a few

Turn = dict[str, Any]  # role, and content as text or as typed parts


class TemplateRaisedError(jinja2.TemplateError):
    """The template itself refused, through ``raise_exception``."""


class TooLongError(Exception):
    """The template writes without end."""


# What no honest template meets: it reaches out of its sandbox, or has no measure
HOSTILE = (
    jinja2.exceptions.SecurityError,
    jinja2.TemplateNotFound,
    TooLongError,
    MemoryError,
    OverflowError,
    RecursionError,
)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateRaisedError(str(message))


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **_: Any) -> str:
    # Transformers' templates expect plain JSON, not Jinja's HTML-escaped one
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _environment() -> jinja2.sandbox.ImmutableSandboxedEnvironment:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=EXTENSIONS, loader=jinja2.DictLoader({})
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


@functools.lru_cache(_KEPT_TEMPLATES)
def _compiled(source: str) -> jinja2.Template:
    return _environment().from_string(source)


def _today() -> dict[str, str]:
    """As llama.cpp gives it (common/chat.cpp, common_chat_extra_context)."""
    now = datetime.now()
    return {"datetime": now.strftime("%b %d %Y"), "date_string": now.strftime("%d %b %Y")}


class Template:
    """A template with its vocabulary's tokens: what it makes of messages exactly as they are handed to it."""

    def __init__(self, source: str, bos: str, eos: str, variables: Mapping[str, Any] | None = None) -> None:
        """``variables`` are further ones of the template's own (``enable_thinking`` ...).

        Raises jinja2.TemplateSyntaxError, and whatever its constants raise when they are computed.
        """
        self._template = _compiled(source)
        self._given = {**(variables or {}), "bos_token": bos, "eos_token": eos}

    def text(self, turns: Sequence[Turn], *, opens_answer: bool, tools: list[Any] | None = None) -> str:
        """The prompt. A stranger's template may raise anything; :data:`HOSTILE` says which of it is an attack."""
        try:
            return self._generate(turns, opens_answer, tools)
        except TypeError:
            # templates for tool use iterate over the tools without asking whether there are any
            return self._generate(turns, opens_answer, tools=[])

    def _generate(self, turns: Sequence[Turn], opens_answer: bool, tools: list[Any] | None) -> str:
        chunks: list[str] = []
        size = 0
        given: dict[str, Any] = {"functions": "", **_today(), **self._given}
        given |= {"messages": list(turns), "add_generation_prompt": opens_answer, "tools": tools}
        for chunk in self._template.generate(**given):
            size += len(chunk)
            if size > MAX_OUTPUT_CHARS:
                raise TooLongError(
                    tr("more than {max_output_chars:,} characters of output", max_output_chars=MAX_OUTPUT_CHARS)
                )
            chunks.append(chunk)
        return "".join(chunks)
