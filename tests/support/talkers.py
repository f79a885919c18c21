"""Scripted models for clients of the server: one that calls a tool and tells of its result, one that thinks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.speaker import speaker

THOUGHT, SAID, TOLD = "User greets. Keep it short.", "Hello there, sailor!", "it has 15 degrees now."
WEATHER = {"location": "Paris"}
_BEGUN = "Well:"
# Qwen 3's, shortened; where a tool has answered, the prompt ends with the first word of what is said then, which may
# or may not become a part of the answer
_TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% endif %}# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% elif message.role == 'assistant' %}<|im_start|>assistant
{% if message.reasoning_content %}<think>
{{ message.reasoning_content }}
</think>

{% endif %}{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
{%- if message.content or not loop.first %}
{% endif %}<tool_call>
{% set given = call.function.arguments %}{"name": "{{ call.function.name }}", "arguments": \
{{ given if given is string else given | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% elif message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>

</think>

{% endif %}{% if messages[-1].role == 'tool' %}AFTER{% endif %}{% endif %}"""
_CONTROLS = ("<|im_start|>", "<|im_end|>")
_CONTEXT = 131072  # tokens: the prompts of programs that write code are long
# The commonest pieces of such prompts, so that they are read in seconds
_COMMON = """the of to and a in is it you that for on are with as be this from or have an by not but what all can if
when use will your which do how their other about out them then these so some would make like has more two must see
number no way could than first been its who now find any new get may after only file files tool tools code user command
commands output input path paths line lines content text string should before where also using run create read write
edit message messages following without result results current directory one"""
_WORDS = (
    *(f" {word}" for word in _COMMON.split()),
    '"type": "', '"description": "', '"string"', '"properties": {', '"required": [', '"object"', '"boolean"',
    '"number"', '"array"', '"items": {', '"enum": [', '"additionalProperties": ', '"function"', '"name": "',
    '"parameters": ', "false", "true", "tion", "ment", "ing", "ed ", "er ", "ly ", "es ", "th", "ation", "    ", "\\n",
    "- ", ". ", ", ", "ou", "in", "re", "an", "on", "er", "at", "st", "en", "al", "or", "it", "ar", "le", "is", "se",
)  # fmt: skip


def caller(
    path: Path, name: str = "get_weather", arguments: Mapping[str, Any] = WEATHER, told: str = TOLD, thought: str = ""
) -> None:
    """A model that calls this tool, and once a tool has answered says ``told``, perhaps with "Well:" before it."""
    call = f"<tool_call>\n{json.dumps({'name': name, 'arguments': dict(arguments)})}\n</tool_call>"
    if thought:
        call = f"<think>\n{thought}\n</think>\n\n{call}"
    template = _TEMPLATE.replace("AFTER", _BEGUN)
    speaker(path, [call], [f"{_BEGUN} {told}"], template=template, controls=_CONTROLS, words=_WORDS, context=_CONTEXT)


def talker(path: Path, said: str) -> None:
    """A model that says this."""
    template = _TEMPLATE.replace("AFTER", "")
    speaker(path, [said], template=template, controls=_CONTROLS, words=_WORDS, context=_CONTEXT)


def thinker(path: Path, thought: str = THOUGHT, said: str = SAID) -> None:
    """A model that thinks before it answers, whatever it is asked."""
    text = f"<think>\n{thought}\n</think>\n\n{said}"
    speaker(path, [text], template=_TEMPLATE.replace("AFTER", ""), controls=_CONTROLS)
