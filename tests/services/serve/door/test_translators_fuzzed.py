"""Whatever a client sends, a translator makes a request of it or says which field is wrong."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from desktop.core.thinking import NO_THINKING
from desktop.services.serve.door.anthropic.request import count_request, messages_request
from desktop.services.serve.door.conversation import Conversation
from desktop.services.serve.door.failures import DoorError
from desktop.services.serve.door.ollama.request import chat_request, embed_request, generate_request
from desktop.services.serve.door.responses.request import responses_request
from desktop.services.serve.door.responses.store import ResponseStore

ROUNDS = 3000
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
MESSAGES = {
    "model": "m",
    "max_tokens": 4096,
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "b"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "c"}]},
    ],
    "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "stop_sequences": ["END"],
    "temperature": 0.5,
}
RESPONSE = {
    "model": "m",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "heft:SG0u"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "top_logprobs": 0,
    "previous_response_id": None,
}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "tool_name": "f", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "options": {"num_predict": 5, "temperature": 0.5, "stop": ["a"], "seed": 1},
    "format": SCHEMA,
    "think": "low",
    "keep_alive": "5m",
    "logprobs": True,
    "top_logprobs": 2,
}
GENERATE = {"model": "m", "prompt": "Hello", "system": "s", "raw": False, "format": "json", "options": {"top_k": 1}}
EMBED = {"model": "m", "input": ["a", "b"], "dimensions": 3, "keep_alive": 0}
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e300, 10**18, "", " ", "x", "function", "text", "\x00", "a" * 5000, [], {}, [None],
    [[]], {"type": "text"}, {"type": None}, [{"type": "text", "text": "x"}], {"type": "function", "name": []},
)  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a document."""
    if above:
        yield above
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*above, key))


def spoilt(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The document with one to three parts replaced, left out or doubled."""
    found = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(list(places(found)))
        holder: Any = found
        for step in way:
            holder = holder[step]
        match chance.randrange(4):
            case 0:
                del holder[last]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
            case _:
                holder[last] = copy.deepcopy(chance.choice(ODD))
        if not found:
            break
    return found


def translated(body: dict[str, Any]) -> object:
    return responses_request(body, ResponseStore())


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (MESSAGES, messages_request), (MESSAGES, count_request), (RESPONSE, translated), (CHAT, chat_request),
        (GENERATE, generate_request), (EMBED, embed_request),
    ],
)  # fmt: skip
def test_a_spoilt_request_is_read_or_refused(document: dict[str, Any], read: Callable[[dict[str, Any]], Any]) -> None:
    read(copy.deepcopy(document))  # as it is, it is taken
    chance = random.Random(7)
    refused = 0
    for _ in range(ROUNDS):
        body = spoilt(document, chance)
        try:
            request = read(body)
        except DoorError as error:
            refused += 1
            assert (error.status, bool(error.message)) == (400, True), body
            continue
        talk = getattr(request, "talk", None)
        if isinstance(talk, Conversation):
            msgspec.json.encode(talk.asked(request.options, NO_THINKING, streams=True))
    assert ROUNDS * 0.1 < refused < ROUNDS
