"""What llama.cpp's server says in an answer, as scripts for tests/support/scripted_server.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.scripted_server import END, STREAM, document, event

PROMPT = document({"prompt": "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"})
Script = tuple[bytes | None, ...]


def prompt(text: str) -> Script:
    """The answer of /apply-template."""
    return (document({"prompt": text}),)


def completion(words: Sequence[str], *, stop: str = "eos", word: str = "", prompt_tokens: int = 9) -> Script:
    """The answer of /completion, a word at a time."""
    said = [event(token(each, number + 1, prompt_tokens)) for number, each in enumerate(words)]
    return (STREAM, *said, event(last(len(words), stop, word, prompt_tokens)), END)


def token(text: str, number: int, prompt_tokens: int = 9, **further: Any) -> dict[str, Any]:
    """The event of one token."""
    return {
        "index": 0, "content": text, "tokens": [], "stop": False, "id_slot": 0, "tokens_predicted": number,
        "tokens_evaluated": prompt_tokens, **further,
    }  # fmt: skip


def last(tokens: int, stop: str = "eos", word: str = "", prompt_tokens: int = 9) -> dict[str, Any]:
    """The event that ends an answer."""
    timings = {
        "cache_n": 4,
        "prompt_n": prompt_tokens - 4,
        "prompt_ms": 5.0,
        "predicted_n": tokens,
        "predicted_ms": 100.0,
    }
    return {
        "index": 0, "content": "", "stop": True, "stop_type": stop, "stopping_word": word, "tokens_predicted": tokens,
        "tokens_evaluated": prompt_tokens, "timings": timings,
    }  # fmt: skip


def chat_event(delta: dict[str, Any], finish: str | None = None, **further: Any) -> bytes:
    """An event of /v1/chat/completions."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event(
        {"choices": [choice], "object": "chat.completion.chunk", "id": "x", "created": 1, "model": "m", **further}
    )


def chat_usage(prompt_tokens: int, tokens: int, cached: int = 0) -> bytes:
    """The event with an answer's figures."""
    usage = {
        "prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    }  # fmt: skip
    return event({"choices": [], "usage": usage, "object": "chat.completion.chunk"})


OFF_FORM = event(
    {
        "error": {
            "code": 500,
            "message": "The model output does not match the expected peg-native format",
            "type": "server_error",
        }
    }
)
