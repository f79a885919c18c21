"""Four clients on the real engine: one's leaving, overflow or nonsense never touches another's answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from support.lending import KEY, OneAddress, open_door, served_file
from support.raw_http import connect, request, written

from desktop.engine.endpoint.http import Endpoint
from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine
TOKENS = 96
SECONDS = 60.0


@pytest.fixture(scope="module")
def lender(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneAddress]:
    with served_file(starter_model, tmp_path_factory.mktemp("serve"), context_length=8192) as lending:
        yield lending


@pytest.fixture(scope="module")
def door(lender: OneAddress) -> Iterator[Door]:
    with open_door(lender) as opened:
        yield opened


def asked(number: int, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Tell me the story of boat number {number}."}]
    return {"model": "starter", "messages": messages, "temperature": 0, "max_tokens": TOKENS, **fields}


def text(door: Door, number: int) -> str:
    answer = request(door.address, "/v1/chat/completions", asked(number), key=KEY)
    assert answer.status == 200, answer.body
    return str(answer.json["choices"][0]["message"]["content"])


def busy_slots(lender: OneAddress) -> int:
    slots = Endpoint(lender.address).get("/slots", deadline_seconds=SECONDS)
    return sum(1 for slot in slots if slot["is_processing"])


class Side:
    """Requests on threads of their own; ``answers`` has what each said."""

    def __init__(self, door: Door, numbers: range) -> None:
        self.answers: dict[int, str] = {}
        self._begun = [threading.Event() for _ in numbers]
        self._door = door
        self._threads = [
            threading.Thread(target=self._run, args=(number, begun))
            for number, begun in zip(numbers, self._begun, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int, begun: threading.Event) -> None:
        messages: list[ChatCompletionMessageParam] = asked(number)["messages"]
        with openai.OpenAI(base_url=f"{self._door.address}/v1", api_key=KEY, max_retries=0) as client:
            stream = client.chat.completions.create(
                model="starter", messages=messages, temperature=0, max_tokens=TOKENS, stream=True
            )
            said = ""
            for chunk in stream:
                said += chunk.choices[0].delta.content or ""
                if said:
                    begun.set()
            self.answers[number] = said

    def await_begun(self) -> None:
        for begun in self._begun:
            assert begun.wait(SECONDS)

    def join(self) -> dict[int, str]:
        for thread in self._threads:
            thread.join(SECONDS)
        return self.answers


def test_what_others_do_changes_no_answer(door: Door, lender: OneAddress) -> None:
    side = Side(door, range(3))
    side.await_begun()
    # one asks for more than the context holds, one talks nonsense, one breaks off in the middle
    long = asked(9, messages=[{"role": "user", "content": "word " * 9000}])
    assert request(door.address, "/v1/chat/completions", long, key=KEY).code == "context_length_exceeded"
    assert request(door.address, "/v1/chat/completions", b"{" * 1000, key=KEY).status == 400
    assert request(door.address, "/v1/chat/completions", asked(9, grammar="root ::= ("), key=KEY).status == 400
    with connect(door.address) as leaving:
        leaving.sendall(written(door.address, "/v1/chat/completions", asked(9, stream=True, max_tokens=4000), key=KEY))
        received = b""
        while b'"content":"' not in received.replace(b'"content":""', b""):
            received += leaving.recv(65536)
    answers = side.join()
    assert sorted(answers) == [0, 1, 2]
    finished = {record.model: record.generated_tokens for record in door.requests() if record.state == "done"}
    assert finished["starter"] == TOKENS
    for number, said in answers.items():
        assert len(said) > TOKENS, number  # all of it came, words of several letters
        assert said.split()[:4] == text(door, number).split()[:4]  # and it is an answer to that question


def test_an_answer_whose_client_left_is_not_computed_on(door: Door, lender: OneAddress) -> None:
    """Of 4,000 tokens, half a minute of work, next to nothing is written."""
    left = threading.Event()
    stop = door.subscribe(lambda record: left.set() if record.state == "stopped" else None)
    with connect(door.address) as leaving:
        leaving.sendall(written(door.address, "/v1/chat/completions", asked(8, stream=True, max_tokens=4000), key=KEY))
        received = b""
        while b'"content":"' not in received.replace(b'"content":""', b""):
            received += leaving.recv(65536)
        assert busy_slots(lender) == 1
    assert left.wait(SECONDS)
    stop()
    for _ in range(200):  # each question takes the server a moment
        if not busy_slots(lender):
            break
    assert busy_slots(lender) == 0
