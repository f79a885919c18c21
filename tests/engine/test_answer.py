"""One answer: what a server's stream becomes, and what becomes of its refusals."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.scripted_server import END, STREAM, ScriptedServer, document, event, scripted_server

from desktop.core.errors import ContextFullError, EngineError
from desktop.engine.api import Event, Finished, Generate, PromptProgress, Text
from desktop.engine.endpoint.http import ConnectionLostError, Endpoint
from desktop.engine.server.answer import Answer
from desktop.engine.server.questions_asked import Question

TIMINGS = {"cache_n": 3, "prompt_n": 4, "prompt_ms": 40.0, "predicted_n": 3, "predicted_ms": 20.0}
IDLE = (document([{"id": 0, "is_processing": False}]),)


class Process:
    """Stands for the server's process: keeps what it is told."""

    def __init__(self) -> None:
        self.pid, self.stopped = os.getpid(), False
        self.told: list[str] = []

    def send(self, order: str) -> None:
        self.told.append(order)


class Asking:
    """An answer of the scripted server, with all it told."""

    def __init__(self, server: ScriptedServer, max_tokens: int = 0) -> None:
        self.heard: list[Event] = []
        self.process = Process()
        request = Generate(7, prompt="Hi", max_tokens=max_tokens)
        self.answer = Answer(
            request, Endpoint(server.address), self.process, 256, 2, None, self.heard.append  # type: ignore[arg-type]
        )  # fmt: skip

    def run(self, question: Question) -> Finished:
        self.answer.run(question)
        assert isinstance(self.heard[-1], Finished)
        return self.heard[-1]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.heard if isinstance(event, Text))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with scripted_server(tmp_path) as running:
        yield running


def plain(instead: Question | None = None) -> Question:
    return Question("/completion", {"prompt": "Hi"}, ("a note",), instead=instead)


def ending(**fields: Any) -> bytes:
    return event({"content": "", "stop": True, "stop_type": "eos", "timings": TIMINGS} | fields)


def test_a_stream_becomes_progress_text_and_figures(server: ScriptedServer) -> None:
    progress = {"total": 7, "cache": 3, "processed": 5}
    server.answers = [
        (STREAM, event({"prompt_progress": progress}), event({"content": "One ", "timings": TIMINGS}),
         event({"content": "two"}), ending(), END),
    ]  # fmt: skip
    asking = Asking(server)
    finished = asking.run(plain())
    assert asking.text == "One two" and asking.process.told == ["go"]
    assert asking.heard[0] == PromptProgress(7, 5, 7, 3)
    figures = finished.statistics
    assert (finished.reason, finished.notes, figures.prompt_tokens, figures.reused_tokens) == (
        "stop",
        ("a note",),
        7,
        3,
    )
    assert (figures.generated_tokens, figures.context_used, figures.context_length) == (3, 9, 256)
    assert (figures.prompt_tokens_per_second, figures.tokens_per_second) == (100.0, 100.0)


@pytest.mark.parametrize(("limit", "reason"), [(3, "length"), (5, "context-full"), (0, "context-full")])
def test_what_ended_it_is_told(server: ScriptedServer, limit: int, reason: str) -> None:
    server.answers = [(STREAM, event({"content": "One"}), ending(stop_type="limit"), END)]
    assert Asking(server, limit).run(plain()).reason == reason


def test_a_conversation_that_is_too_long_has_its_figures(server: ScriptedServer) -> None:
    error = {"type": "exceed_context_size_error", "message": "too long", "n_prompt_tokens": 999, "n_ctx": 256}
    server.answers = [(document({"error": error}, "400 Bad Request"),)]
    with pytest.raises(ContextFullError) as full:
        Asking(server).run(plain())
    assert (full.value.needed_tokens, full.value.context_length) == (999, 256)


def test_what_the_server_cannot_do_is_asked_otherwise(server: ScriptedServer) -> None:
    refusal = document({"error": {"message": "this template"}}, "500 Internal Server Error")
    server.answers = [(refusal,), (STREAM, event({"content": "One"}), ending(), END), (refusal,)]
    asking = Asking(server)
    asking.run(Question("/v1/chat/completions", {}, instead=plain()))
    assert asking.text == "One"
    assert [path for path, _, _ in server.requests] == ["/v1/chat/completions", "/completion"]
    with pytest.raises(EngineError, match="this template"):
        Asking(server).run(plain())


def test_a_stop_that_was_meant_for_the_answer_before_is_asked_again(server: ScriptedServer) -> None:
    stopped = document({"error": {"message": "stopped"}}, "500 Internal Server Error")
    server.answers = [(stopped,), (STREAM, event({"content": "One"}), ending(), END)]
    asking = Asking(server)
    asking.run(plain())
    assert asking.text == "One" and len(server.requests) == 2


def test_text_stays_when_its_form_is_wrong_and_when_the_server_is_gone(server: ScriptedServer) -> None:
    off = event({"error": {"message": "output that does not match the expected peg-native format"}})
    server.answers = [(STREAM, event({"content": "One"}), off, END), (STREAM, event({"content": "One"}))]
    asking = Asking(server)
    finished = asking.run(plain())
    assert asking.text == "One" and len(finished.notes) == 2
    gone = Asking(server)
    with pytest.raises(ConnectionLostError):
        gone.run(plain())
    assert gone.text == "One"


def test_a_stop_keeps_the_text_and_the_next_question_waits_until_it_was_obeyed(server: ScriptedServer) -> None:
    busy = (document([{"id": 0, "is_processing": True}]),)
    server.answers = [(STREAM, event({"content": "One"}), None), busy, IDLE, (STREAM, ending(), END)]
    asking = Asking(server)
    spoken = threading.Event()

    def hear(event: Event) -> None:
        asking.heard.append(event)
        spoken.set()

    asking.answer = Answer(
        Generate(7, prompt="Hi"), Endpoint(server.address), asking.process, 256, 2, None, hear  # type: ignore[arg-type]
    )  # fmt: skip

    def stop() -> None:
        spoken.wait(20)
        asking.answer.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    finished = asking.run(plain())
    stopping.join()
    assert finished.reason == "cancelled" and asking.text == "One"
    assert asking.process.told == ["go", "stop"] and asking.process.stopped
    second = Answer(
        Generate(8, prompt="Hi"), Endpoint(server.address), asking.process, 256, 2, None, hear  # type: ignore[arg-type]
    )  # fmt: skip
    second.run(plain())
    assert [path for path, _, _ in server.requests] == ["/completion", "/slots", "/slots", "/completion"]
    assert asking.process.told == ["go", "stop", "go"] and not asking.process.stopped
