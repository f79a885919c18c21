"""The client of other servers, driven step by step, its events awaited with a deadline."""

from __future__ import annotations

import queue
from typing import Any, TypeVar

from desktop.engine.api import ChatMessage, Event, Failed, Finished, Generate, Load, Loaded, Text
from desktop.engine.endpoint.client import EndpointClient
from desktop.engine.endpoint.http import Address

SECONDS = 60.0
T = TypeVar("T")


class Client:
    """The client, and what it tells."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.events: queue.Queue[Event] = queue.Queue()
        self.client = EndpointClient(lambda name: self.address, self.events.put)

    def wait(self, *kinds: type[T]) -> T:
        while True:
            found = self.events.get(timeout=SECONDS)
            if isinstance(found, kinds):
                return found
            assert not isinstance(found, Failed), found

    def connect(self, identity: str) -> Loaded:
        self.client.send(Load(identity, 4096, request_id=1))
        return self.wait(Loaded)

    def send(self, text: str = "Hello?", **fields: Any) -> None:
        messages = fields.pop("messages", (ChatMessage("user", text),))
        self.client.send(Generate(2, messages, **fields))

    def ended(self) -> tuple[str, str, Finished | Failed]:
        """Text, reasoning, and how the answer ended."""
        text = reasoning = ""
        while True:
            found = self.events.get(timeout=SECONDS)
            if isinstance(found, Text):
                text, reasoning = text + found.text, reasoning + found.reasoning
            elif isinstance(found, Finished | Failed):
                return text, reasoning, found

    def ask(self, text: str = "Hello?", **fields: Any) -> tuple[str, str, Finished | Failed]:
        self.send(text, **fields)
        return self.ended()
