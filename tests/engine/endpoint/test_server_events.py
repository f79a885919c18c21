"""Server-sent events, whatever their lines end with and wherever they are cut."""

from __future__ import annotations

import json

import pytest

from desktop.engine.endpoint.chunks import read_chunk
from desktop.engine.endpoint.http import EndpointError
from desktop.engine.endpoint.server_events import ServerEvents


def read(*received: bytes) -> tuple[list[tuple[bytes, bool]], bool]:
    """Events, and whether the server said that they were all."""
    events = ServerEvents()
    found: list[tuple[bytes, bool]] = []
    for part in received:
        found += events.feed(part)
        if events.done:
            return found, True
    found += events.finish()
    return found, events.done


WHOLE = 'data: {"a": "Grüße 🌊"}\n\n: keep-alive\n\nevent: x\nid: 1\ndata: {"b": 2}\n\ndata: [DONE]\n\n'
EXPECTED = [('{"a": "Grüße 🌊"}'.encode(), False), (b'{"b": 2}', False)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_ending_of_lines_and_every_cut(ending: str) -> None:
    content = WHOLE.replace("\n", ending).encode()
    for size in (1, 2, 3, 7, len(content)):
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        assert read(*parts) == (EXPECTED, True), size


def test_several_data_lines_are_one_document() -> None:
    assert read(b'data: {"a":\ndata: 1}\n\n') == ([(b'{"a":\n1}', False)], False)


def test_the_last_event_counts_without_its_empty_line() -> None:
    assert read(b'data: {"a": 1}\n\ndata: {"b": 2}')[0] == [(b'{"a": 1}', False), (b'{"b": 2}', False)]
    assert read(b'data: {"b": 2}\r\n')[0] == [(b'{"b": 2}', False)]


def test_nothing_after_the_end_counts() -> None:
    assert read(b"data: [DONE]\n\ndata: more\n\n") == ([], True)


def test_an_error_line_is_one() -> None:
    assert read(b'error: {"message": "no"}\n\n')[0] == [(b' {"message": "no"}', True)]


def test_a_document_in_the_place_of_a_stream_is_one_event() -> None:
    document = b' \n{"choices": [{"message": {"content": "data: x"}}],\n\n "n": 1}'
    assert read(document[:9], document[9:]) == ([(document, False)], False)


def test_a_page_of_the_web_has_no_events() -> None:
    assert read(b"<!doctype html>\n\n<html>\n</html>\n") == ([], False)


@pytest.mark.parametrize(
    ("body", "text", "reasoning", "finish"),
    [
        ({"choices": [{"delta": {"content": "a", "reasoning_content": "b"}}]}, "a", "b", ""),
        ({"choices": [{"delta": {"reasoning": "b"}, "finish_reason": None}]}, "", "b", ""),
        ({"choices": [{"delta": {"role": "assistant", "content": None}}], "usage": None}, "", "", ""),
        ({"choices": [{"delta": None, "finish_reason": "stop"}]}, "", "", "stop"),
        ({"choices": [{"text": "a", "finish_reason": "length"}]}, "a", "", "length"),
        ({"choices": [{"message": {"content": "a", "reasoning": "b"}, "finish_reason": "stop"}]}, "a", "b", "stop"),
        ({"choices": None, "usage": {"prompt_tokens": 3}}, "", "", ""),
        ({"choices": [{"delta": {"refusal": "No."}}]}, "No.", "", ""),
    ],
)
def test_a_step_in_every_server_s_words(body: object, text: str, reasoning: str, finish: str) -> None:
    found = read_chunk(json.dumps(body).encode())
    assert (found.text, found.reasoning, found.finish) == (text, reasoning, finish)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "out of memory"}}, "out of memory"),
        ({"error": "out of memory"}, "out of memory"),
        ({"object": "error", "message": "out of memory", "code": 500}, "out of memory"),
        ({"error": {"detail": ["out of memory"]}}, "out of memory"),
    ],
)
def test_an_error_in_every_server_s_words(body: object, words: str) -> None:
    with pytest.raises(EndpointError) as raised:
        read_chunk(json.dumps(body).encode())
    assert words in raised.value.message and raised.value.status == 0


def test_a_key_that_a_server_repeats_is_taken_out() -> None:
    error = EndpointError(401, {"error": {"message": "Incorrect API key provided: sk-12345678."}}, "sk-12345678")
    assert "sk-12345678" not in f"{error}{error.message}" and "Incorrect API key" in error.message
