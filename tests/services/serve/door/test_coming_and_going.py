"""Clients that leave, a door that closes, and the list of requests."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest
from support import scripted_answers as said
from support.lending import KEY, OneAddress, open_door
from support.program import poll
from support.raw_http import connect, read_answer, request, written
from support.scripted_server import STREAM, ScriptedServer, event

from desktop.services.serve.api import RequestRecord
from desktop.services.serve.door.door import Door
from desktop.services.serve.door.requests import KEPT, RequestLog
from desktop.services.serve.door.settings import DoorSettings

CHAT = "/v1/chat/completions"
SECONDS = 60.0
ENDLESS = (STREAM, event(said.token("Hello", 1)), None)


def asked(stream: bool = True) -> dict[str, Any]:
    return {"model": "talker", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}


def heard(records: queue.Queue[RequestRecord], state: str) -> RequestRecord:
    while (record := records.get(timeout=SECONDS)).state != state:
        pass
    return record


def test_a_client_that_leaves_ends_its_answer_in_the_engine(
    door: Door, lender: OneAddress, engine: ScriptedServer
) -> None:
    for stream in (True, False):
        records: queue.Queue[RequestRecord] = queue.Queue()
        stop = door.subscribe(records.put)
        engine.left.clear()
        engine.answers += [said.prompt("p"), ENDLESS]
        with connect(door.address) as connection:
            connection.sendall(written(door.address, CHAT, asked(stream), key=KEY))
            heard(records, "answering")
        assert engine.left.wait(SECONDS)
        assert lender.released.get(timeout=SECONDS).model.name == "talker"
        assert heard(records, "stopped").seconds_to_first_token is not None
        stop()


def test_a_client_that_leaves_while_its_model_is_loaded_gives_the_load_up(door: Door, lender: OneAddress) -> None:
    lender.held.set()
    with connect(door.address) as connection:
        connection.sendall(written(door.address, CHAT, asked(), key=KEY))
        assert lender.waiting.wait(SECONDS)
    assert lender.cancelled.wait(SECONDS)
    lender.held.clear()


def test_one_client_that_leaves_takes_nobody_with_it(door: Door, engine: ScriptedServer) -> None:
    records: queue.Queue[RequestRecord] = queue.Queue()
    door.subscribe(records.put)
    engine.answers += [said.prompt("p"), ENDLESS]
    with connect(door.address) as staying:
        staying.sendall(written(door.address, CHAT, asked(), key=KEY))
        first = heard(records, "answering")
        engine.answers += [said.prompt("p"), ENDLESS]
        with connect(door.address) as leaving:
            leaving.sendall(written(door.address, CHAT, asked(), key=KEY))
            heard(records, "answering")
        heard(records, "stopped")
        assert [record.state for record in door.requests() if record.number == first.number] == ["answering"]


def test_closing_ends_answers_with_words(lender: OneAddress, engine: ScriptedServer) -> None:
    records: queue.Queue[RequestRecord] = queue.Queue()
    engine.answers += [said.prompt("p"), ENDLESS]
    door = Door(lender, DoorSettings(key=KEY), on_request=records.put)
    door.start()
    with connect(door.address) as streaming, connect(door.address) as idle:
        streaming.sendall(written(door.address, CHAT, asked(), key=KEY))
        heard(records, "answering")
        closing = threading.Thread(target=door.close)
        closing.start()
        answered = read_answer(streaming)
        closing.join(SECONDS)
        assert not closing.is_alive()
        assert idle.recv(1) == b""
    assert answered.status == 200
    assert b'"code":"shutting_down"' in answered.body
    assert engine.left.wait(SECONDS)
    assert lender.released.get(timeout=SECONDS)
    door.close()  # twice does no harm


def test_closing_does_not_wait_for_a_load(lender: OneAddress) -> None:
    lender.held.set()
    with open_door(lender) as door, connect(door.address) as connection:
        connection.sendall(written(door.address, CHAT, asked(), key=KEY))
        assert lender.waiting.wait(SECONDS)
        door.close()
        refused = read_answer(connection)
    assert (refused.status, refused.code) == (503, "shutting_down")
    assert lender.cancelled.wait(SECONDS)


def test_a_door_that_was_never_opened_closes(lender: OneAddress) -> None:
    Door(lender, DoorSettings()).close()


def test_each_state_of_a_request_is_told_with_its_figures(door: Door, engine: ScriptedServer) -> None:
    records: queue.Queue[RequestRecord] = queue.Queue()
    stop = door.subscribe(records.put)
    engine.answers += [said.prompt("p"), said.completion(["Hello", " you"])]
    assert request(door.address, CHAT, asked(), key=KEY, user_agent="tester/2").status == 200
    stop()
    states = []
    while not records.empty():
        record = records.get()
        states += [record.state] if record.state not in states else []
    assert states == ["waiting", "reading", "answering", "done"]
    assert (record.client, record.path, record.model, record.status) == ("tester/2", CHAT, "talker", 200)
    assert (record.prompt_tokens, record.cached_tokens, record.generated_tokens) == (9, 4, 2)
    assert record.tokens_per_second == 10.0
    assert record.seconds_to_first_token is not None
    assert door.requests()[0] == record


def test_the_tokens_of_several_choices_are_summed(door: Door, engine: ScriptedServer) -> None:
    engine.answers += [said.prompt("p"), *(said.completion(["Hello", " you"]) for _ in range(3))]
    assert request(door.address, CHAT, {**asked(stream=False), "n": 3}, key=KEY).status == 200
    record = door.requests()[0]
    assert (record.prompt_tokens, record.generated_tokens) == (9, 6)


def test_a_client_that_takes_nothing_does_not_hold_a_model(lender: OneAddress, engine: ScriptedServer) -> None:
    words = b"".join(event(said.token("word " * 2000, number)) for number in range(1000))
    engine.answers += [said.prompt("p"), (STREAM, words, None)]
    with open_door(lender, write_seconds=0.2) as door, connect(door.address) as connection:
        connection.sendall(written(door.address, CHAT, asked(), key=KEY))
        assert lender.released.get(timeout=SECONDS)
        poll(lambda: door.requests()[0].state == "stopped", SECONDS, "the end of the request")


@pytest.mark.errors_logged
def test_a_list_that_fails_ends_no_answer(lender: OneAddress, engine: ScriptedServer) -> None:
    def fail(_record: RequestRecord) -> None:
        raise ZeroDivisionError

    engine.answers += [said.prompt("p"), said.completion(["Hello"])]
    with open_door(lender) as door:
        door.subscribe(fail)
        assert request(door.address, CHAT, asked(stream=False), key=KEY).status == 200


def test_the_newest_requests_are_kept_and_those_that_run() -> None:
    log = RequestLog()
    running = log.begin("runs", "/x")
    for number in range(KEPT + 50):
        log.begin(f"client {number}", "/x").update(state="done")
    kept = log.requests()
    assert len(kept) == KEPT
    assert kept[0].client == f"client {KEPT + 49}"
    assert kept[-1].number == running.record.number


def test_what_a_client_calls_itself_is_shown_on_one_line() -> None:
    log = RequestLog()
    record = log.begin("evil\nclient\u202e" + "x" * 500, "/x").record
    assert len(record.client) <= 80
    assert "\n" not in record.client
