"""Chat completions that fail before a scripted engine: what clients are told, and that nothing else dies of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import scripted_answers as said
from support.chat_requests import ask, plain
from support.lending import OneAddress
from support.scripted_server import END, STREAM, ScriptedServer, document, event

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.engine.endpoint.http import Address
from desktop.services.serve.door import answers
from desktop.services.serve.door.door import Door

OVERFLOW = document(
    {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 2048}},
    "400 Bad Request",
)  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_is_refused_with_both_figures(
    door: Door, engine: ScriptedServer, stream: bool
) -> None:
    engine.answers += [said.prompt("p"), (OVERFLOW,)]
    refused = ask(door, stream=stream)
    assert (refused.status, refused.code) == (400, "context_length_exceeded")
    assert "2048" in refused.json["error"]["message"]
    assert "5000" in refused.json["error"]["message"]
    assert refused.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EngineError("It needs 9 GB.", "3 GB are free.", kind=FailureKind.OUT_OF_MEMORY), 503, "insufficient_memory"),
        (HeftError("In use.", kind=FailureKind.BUSY), 503, "busy"),
        (HeftError("Heft's server is being switched off.", kind=FailureKind.CANCELLED), 503, "shutting_down"),
        (HeftError("No.", kind=FailureKind.CANNOT_CHAT), 400, "cannot-chat"),
        (HeftError("Gone.", kind=FailureKind.NOT_FOUND), 404, "model_not_found"),
        (EngineError("It crashed.", kind=FailureKind.CRASHED), 500, "crashed"),
    ],
)
def test_a_model_that_is_not_to_be_had(
    lender: OneAddress, door: Door, error: HeftError, status: int, code: str
) -> None:
    lender.refusal = error
    refused = ask(door, stream=True)
    assert (refused.status, refused.code) == (status, code)
    assert error.message in refused.json["error"]["message"]
    assert refused.headers.get("x-should-retry") == ("false" if code in ("insufficient_memory", "crashed") else None)
    record = door.requests()[0]
    assert (record.state, record.status) == ("refused", status)


@pytest.mark.errors_logged
def test_a_fault_of_hefts_own_is_told_and_nothing_dies(lender: OneAddress, door: Door, engine: ScriptedServer) -> None:
    lender.refusal = ZeroDivisionError("secret")
    refused = ask(door)
    assert (refused.status, refused.code) == (500, "internal")
    assert "secret" not in refused.body.decode()
    lender.refusal = None
    plain(engine, "Hello")
    assert ask(door).status == 200


def test_an_engine_that_breaks_off_is_told_in_the_stream(door: Door, engine: ScriptedServer) -> None:
    engine.answers += [said.prompt("p"), (STREAM, event(said.token("Hello", 1)))]
    answered = ask(door, stream=True)
    assert answered.status == 200
    assert b'"content":"Hello"' in answered.body
    assert b'"code":"engine_lost"' in answered.body
    assert b"[DONE]" not in answered.body
    engine.answers += [said.prompt("p"), (STREAM, event(said.token("Hello", 1)))]
    assert ask(door).code == "engine_lost"


def test_an_engine_that_is_gone_or_silent_is_told(
    door: Door, lender: OneAddress, engine: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_RENDER_SECONDS", 0.1)
    engine.answers.append((None,))
    assert ask(door).code == "engine_lost"
    lender.address = Address(tmp_path / "nobody.sock")
    assert ask(door).code == "engine_lost"


@pytest.mark.parametrize("stream", [False, True])
def test_one_choice_that_fails_fails_all(door: Door, engine: ScriptedServer, stream: bool) -> None:
    refused = document({"error": {"code": 500, "type": "server_error", "message": "no"}}, "500 Error")
    engine.answers += [said.prompt("p"), (refused,), (refused,), (refused,)]
    answered = ask(door, n=3, stream=stream)
    assert (answered.status, answered.code) == (500, "engine_failed")


def test_an_error_of_the_engine_in_a_stream_is_told_without_its_words_in_the_list(
    door: Door, engine: ScriptedServer
) -> None:
    broken = event({"error": {"code": 500, "type": "server_error", "message": "cannot do 'secret words'"}})
    engine.answers += [said.prompt("p"), (STREAM, broken, END)]
    refused = ask(door)
    assert (refused.status, refused.code) == (500, "engine_failed")
    assert "secret" not in repr(door.requests())


@pytest.mark.parametrize("name", ["gpt-4o", "Talker", "talker ", "talke", "../talker", "talker/x"])
def test_an_unknown_model_is_refused_and_another_never_meant(door: Door, engine: ScriptedServer, name: str) -> None:
    refused = ask(door, model=name)
    assert (refused.status, refused.code) == (404, "model_not_found")
    assert refused.json["error"]["param"] == "model"
    assert engine.requests == []


def test_an_alias_is_answered_under_the_models_own_name(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello")
    assert ask(door, model="talker:latest").json["model"] == "talker"


@pytest.mark.parametrize("model", ["vectors", "ranker", "t5"])
def test_a_model_that_writes_nothing_is_refused(door: Door, lender: OneAddress, model: str) -> None:
    refused = ask(door, model=model)
    assert (refused.status, refused.code) == (400, "model_cannot_do_this")
    assert lender.purposes == []


def test_an_answer_that_somebody_elses_stop_ended_before_its_first_word_begins_again(
    door: Door, engine: ScriptedServer
) -> None:
    stopped = document({"error": {"code": 500, "type": "server_error", "message": "stopped"}}, "500 Error")
    engine.answers += [said.prompt("p"), (stopped,)]
    plain(engine, "Hello")
    assert ask(door).json["choices"][0]["message"]["content"] == "Hello"
    engine.answers += [said.prompt("p"), (stopped,)] * 3
    assert ask(door).code == "engine_failed"
