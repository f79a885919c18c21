"""A model's own chat template, tried before the engine meets it: it is a stranger's program.

llama.cpp's server evaluates the template while it loads, without a limit: one that loops holds it for ever, and in a
trial one that eats memory took all 24 GB of a machine (docs/reference/server.md). So it is tried here first, inside
:mod:`desktop.engine.tools.rendering`'s limits.
"""

from __future__ import annotations

import mmap
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, Header, ValueType, read_header
from desktop.core.memory.packing import LATENT_KEYS
from desktop.core.model_kind import CHATML_TOKENS
from desktop.core.template_thinking import thinking_of
from desktop.core.thinking import NO_THINKING
from desktop.engine.tools.prompt_text import render
from desktop.engine.tools.template import HOSTILE, Template, Turn
from desktop.engine.tools.template_records import TALK, RenderRequest, Trial, TrialRequest
from desktop.engine.tools.typed_text import looks_like_a_name

_KEY = "tokenizer.chat_template"
_TOKENS = "tokenizer.ggml.tokens"
LONGEST_TEMPLATE = 1 << 20  # bytes
_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "quillonby_weather",
        "description": "The weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
_CONTROL = 3  # of tokenizer.ggml.token_type (include/llama.h, LLAMA_TOKEN_TYPE_CONTROL)
_MOST_NAMES = 1000  # a vocabulary is a stranger's


def try_template(request: TrialRequest) -> Trial:
    """Read what the file says and hold a conversation. A file that cannot be read has none: the load says why."""
    try:
        found = _of_file(request)
    except (OSError, ValueError, FileFormatError):
        return Trial(request.template)
    if not found.template:
        return found
    result = render(RenderRequest(found.template, TALK, found.bos, found.eos))
    thinking = NO_THINKING if result.error else thinking_of(found.template)
    tools = not result.error and _tells_of_tools(found, result.messages)
    return msgspec.structs.replace(
        found, unusable=result.plain or result.error, thinking=thinking, talk=result.messages, tools=tools
    )


def _tells_of_tools(found: Trial, talk: tuple[Turn, ...]) -> bool:
    """Whether a tool that is offered stands in the prompt."""
    try:
        text = Template(found.template, found.bos, found.eos).text(talk, opens_answer=True, tools=[_TOOL])
    except HOSTILE:
        raise
    except Exception:  # noqa: BLE001  # a stranger's template may raise anything
        return False
    return _TOOL["function"]["name"] in text


def _of_file(request: TrialRequest) -> Trial:
    with Path(request.path).open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        header = read_header(BytesSource(content))
        template = request.template or header.text(_KEY, LONGEST_TEMPLATE)
        return Trial(
            template,
            header.token_text("bos"),
            header.token_text("eos"),
            chatml=not template and _has_chatml(header),
            names=_other_names(header),
            latent_keys=any(LATENT_KEYS in tensor.name for tensor in header.tensors),
        )


def _other_names(header: Header) -> tuple[str, ...]:
    tokens, types = header.array(_TOKENS), header.array("tokenizer.ggml.token_type")
    if tokens is None or types is None or tokens.type is not ValueType.STRING or types.type is ValueType.STRING:
        return ()
    kinds = types.numbers(0, min(len(types), len(tokens)))
    controls = [at for at, kind in enumerate(kinds) if kind == _CONTROL]
    texts = tokens.strings(0, controls[-1] + 1) if controls else []
    found = (texts[at] for at in controls)
    return tuple(islice((text for text in found if text.strip() and not looks_like_a_name(text)), _MOST_NAMES))


def _has_chatml(header: Header) -> bool:
    tokens = header.array(_TOKENS)
    if tokens is None or tokens.type is not ValueType.STRING:
        return False
    return set(CHATML_TOKENS) <= set(tokens.strings(0, len(tokens)))
