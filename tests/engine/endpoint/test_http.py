"""HTTP to a server: documents, streams, errors, and a connection that is cut."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted_server import END, STREAM, ScriptedServer, chunk, document, event, scripted_server

from desktop import __version__
from desktop.engine.endpoint.chunks import read_chunk
from desktop.engine.endpoint.http import Address, ConnectionLostError, Endpoint, EndpointError

SECONDS = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with scripted_server(tmp_path, key="the-key") as running:
        yield running


@pytest.fixture
def endpoint(server: ScriptedServer) -> Endpoint:
    return Endpoint(server.address)


def streamed(endpoint: Endpoint) -> list[bytes]:
    with endpoint.stream("/completion", {"prompt": "Hi"}) as stream:
        return list(stream)


def test_documents_go_both_ways_with_the_key(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(document({"tokens": [1]}),), (document([{"id": 0}]),)]
    assert endpoint.post("/tokenize", {"content": "Grüße 🌊"}, deadline_seconds=SECONDS) == {"tokens": [1]}
    assert endpoint.get("/slots", deadline_seconds=SECONDS) == [{"id": 0}]
    (path, headers, body), (other, _, nothing) = server.requests
    assert (path, body, other, nothing) == ("/tokenize", {"content": "Grüße 🌊"}, "/slots", None)
    assert headers["authorization"] == "Bearer the-key" and headers["user-agent"] == f"heft/{__version__}"


def test_what_is_no_unicode_is_sent_all_the_same(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(document({}),)]
    endpoint.post("/tokenize", {"content": "What is \udcff?"}, deadline_seconds=SECONDS)
    assert server.requests[0][2] == {"content": "What is ??"}


def test_a_refusal_has_its_fields(server: ScriptedServer, endpoint: Endpoint) -> None:
    refusal = {"error": {"type": "exceed_context_size_error", "message": "too long", "n_ctx": 256}}
    server.answers = [(document(refusal, "400 Bad Request"),)]
    with pytest.raises(EndpointError) as refused:
        endpoint.post("/completion", {}, deadline_seconds=SECONDS)
    error = refused.value
    assert (error.status, error.type, error.message, error.fields["n_ctx"]) == (
        400, "exceed_context_size_error", "too long", 256,
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b'"words"', b"[1]"])
def test_a_refusal_in_any_form_is_one(server: ScriptedServer, endpoint: Endpoint, body: bytes) -> None:
    server.answers = [(document(body, "502 Bad Gateway"),), (document(body, "502 Bad Gateway"),)]
    with pytest.raises(EndpointError) as refused:
        endpoint.get("/props", deadline_seconds=SECONDS)
    assert refused.value.status == 502
    with pytest.raises(EndpointError), endpoint.stream("/completion", {}):
        pass


def test_events_come_whole_however_they_are_cut(server: ScriptedServer, endpoint: Endpoint) -> None:
    whole = b'data: {"content": "one"}\n\ndata: {"content": "two"}\n\n: a comment\n\n'
    parts = [chunk(whole[at : at + 7]) for at in range(0, len(whole), 7)]
    server.answers = [(STREAM, *parts, END), (STREAM, event({"content": "x"}), event(b"[DONE]"), END)]
    assert [read_chunk(data).text for data in streamed(endpoint)] == ["one", "two"]
    assert [read_chunk(data).text for data in streamed(endpoint)] == ["x"]


@pytest.mark.parametrize(
    "failure",
    [chunk(b'error: {"code": 500, "message": "stopped"}\n\n'), event({"error": {"message": "stopped"}})],
)
def test_an_error_among_the_events_is_raised(server: ScriptedServer, endpoint: Endpoint, failure: bytes) -> None:
    server.answers = [(STREAM, event({"content": "one"}), failure, END)]
    heard = []
    with pytest.raises(EndpointError, match="stopped"), endpoint.stream("/completion", {}) as stream:
        heard += [read_chunk(data).text for data in stream]
    assert heard in ([], ["one"])


def test_a_stream_that_breaks_off_is_lost(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(STREAM, event({"content": "one"}))]
    with pytest.raises(ConnectionLostError):
        streamed(endpoint)


def test_a_server_that_is_not_there_is_lost(tmp_path: Path) -> None:
    for address in (Address(tmp_path / "none.sock"), Address(port=1)):
        with pytest.raises(ConnectionLostError):
            Endpoint(address).get("/health", deadline_seconds=SECONDS)
        with pytest.raises(ConnectionLostError):
            streamed(Endpoint(address))


def test_a_cut_from_another_thread_ends_a_read_that_waits(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(STREAM, event({"content": "one"}), None)]
    with endpoint.stream("/completion", {}) as stream:
        events = iter(stream)
        assert read_chunk(next(events)).text == "one"
        threading.Thread(target=stream.cut).start()
        with pytest.raises(ConnectionLostError):
            next(events)
    assert server.left.wait(SECONDS)  # the server hears of it


def test_what_comes_meanwhile_is_gathered_and_read_together(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(STREAM, b"".join(event({"content": str(at)}) for at in range(50)) + END)]
    reads: list[int] = []
    heard: list[str] = []
    with endpoint.stream("/completion", {}) as stream:
        stream.before_read = lambda: reads.append(len(heard))
        heard += [read_chunk(data).text for data in stream]
    assert heard == [str(at) for at in range(50)]
    assert len(reads) <= 2  # not one for each


def test_a_cut_ends_the_gathering(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(STREAM, event({"content": "one"}), None)]
    with endpoint.stream("/completion", {}) as stream:
        events = iter(stream)
        assert read_chunk(next(events)).text == "one"
        stream.gather_seconds = 60 * SECONDS
        threading.Thread(target=stream.cut).start()
        with pytest.raises(ConnectionLostError):
            next(events)


def test_a_cut_before_the_question_is_asked_counts(server: ScriptedServer, endpoint: Endpoint) -> None:
    server.answers = [(STREAM, END)]
    stream = endpoint.stream("/completion", {})
    stream.cut()
    with pytest.raises(ConnectionLostError), stream:
        pass


def test_a_chunk_has_one_shape_for_both_ways() -> None:
    timings = {"cache_n": 3, "prompt_n": 4, "prompt_ms": 5.0, "predicted_n": 2, "predicted_ms": 9.0}
    delta = {"content": "a", "reasoning_content": "b"}
    chat = {"choices": [{"delta": delta, "finish_reason": None}], "timings": timings}
    plain = {"content": "a", "stop": False, "timings": timings, "prompt_progress": {"total": 9, "cache": 3}}
    one, other = read_chunk(json.dumps(chat).encode()), read_chunk(json.dumps(plain).encode())
    assert (one.text, one.reasoning, other.text, one.timings) == ("a", "b", "a", other.timings)
    assert other.progress is not None and (other.progress.total, other.progress.cache) == (9, 3)
    for kind, finish in (("eos", "stop"), ("limit", "length"), ("word", "stop")):
        assert read_chunk(json.dumps({"stop": True, "stop_type": kind}).encode()).finish == finish
    with pytest.raises(EndpointError, match="no answer"):
        read_chunk(b"[]")
