"""Asks the door for chat completions, before a scripted engine."""

from __future__ import annotations

import json
from typing import Any

from support import scripted_answers as said
from support.lending import KEY
from support.raw_http import Answered, request
from support.scripted_server import ScriptedServer

from desktop.services.serve.door.door import Door

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def ask(door: Door, **fields: Any) -> Answered:
    return request(door.address, CHAT, {"model": "talker", "messages": HELLO, **fields}, key=KEY)


def chunks(answered: Answered) -> list[dict[str, Any]]:
    """The documents of a stream; its last event is [DONE]."""
    assert answered.headers["content-type"].startswith("text/event-stream")
    text = b"".join(answered.body.split(b"\r\n")[1::2]).decode()
    events = [each.removeprefix("data: ") for each in text.split("\n\n") if each]
    assert events[-1] == "[DONE]"
    return [json.loads(each) for each in events[:-1]]


def plain(engine: ScriptedServer, *words: str, prompt: str = "<|im_start|>assistant\n", **ending: Any) -> None:
    engine.answers += [said.prompt(prompt), said.completion(words, **ending)]
