"""What is too large, too slow, too much or doubtful: refused, and the next request is answered."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from support.lending import KEY, OneAddress, open_door
from support.raw_http import Answered, connect, read_answer, request, sent, written

from desktop.services.serve.door.door import Door

CHAT = "/v1/chat/completions"
BODY = {"model": "talker", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(autouse=True)
def lives_on(door: Door) -> Iterator[None]:
    """After every test the door answers as ever."""
    yield
    assert request(door.address, "/v1/models", key=KEY).status == 200


def ask(door: Door, content: bytes, **headers: str) -> Answered:
    return request(door.address, CHAT, content, key=KEY, **headers)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"model": "\xc3\x28"}',
        b'{"model": "\\ud800"}',
        b'{"temperature": NaN}',
        b'{"temperature": Infinity}',
        b'{"seed": 1e999}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"seed": ' + b"9" * 25 + b"}",
        b'{"model": "a", "model": "b"}',
        b'{"messages": [{"role": "user", "role": "system"}]}',
        b'{"a": "\x00"}',
        b'{"model": "talker",}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' + b"[" * 150 + b"]" * 150 + b"}",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_bad_json_is_refused(door: Door, content: bytes) -> None:
    refused = ask(door, content)
    assert (refused.status, refused.code) == (400, "invalid_json")


def test_a_body_that_is_too_large_is_refused(lender: OneAddress) -> None:
    with open_door(lender, largest_body=1000) as door:
        assert ask(door, b" " * 1001).status == 413
        pieces = b"".join(b"64\r\n" + b" " * 100 + b"\r\n" for _ in range(11)) + b"0\r\n\r\n"
        head = written(door.address, CHAT, key=KEY, method="POST", transfer_encoding="chunked")
        assert sent(door.address, head + pieces).status == 413
        assert ask(door, b" " * 1000).status == 400


def test_other_media_are_refused(door: Door) -> None:
    for kind in ("text/plain", "application/x-www-form", "multipart/form-data; boundary=x"):
        assert ask(door, b"{}", content_type=kind).status == 415
    assert ask(door, b"{}", content_encoding="gzip").status == 415
    assert ask(door, b"{}", content_type="application/json; charset=utf-8").status == 400


def test_unknown_ways_and_methods_are_refused(door: Door) -> None:
    assert request(door.address, "/v2/models", key=KEY).code == "unknown_url"
    refused = request(door.address, CHAT, key=KEY)
    assert (refused.status, refused.code, refused.headers["allow"]) == (405, "method_not_allowed", "POST")
    assert request(door.address, "/v1/models", {}, key=KEY).status == 405


def test_a_header_of_ten_megabytes_is_refused(door: Door) -> None:
    head = written(door.address, "/v1/models", key=KEY)
    long = head.replace(b"connection:", b"x-long: " + b"a" * 10_000_000 + b"\r\nconnection:")
    assert sent(door.address, long).status in (431, 0)  # it may still be sending when it is refused
    many = head.replace(b"connection:", b"x: y\r\n" * 50_000 + b"connection:")
    assert sent(door.address, many).status in (431, 0)
    assert sent(door.address, b"GET /" + b"a" * 100_000).status in (431, 0)


def test_a_slow_header_and_a_slow_body_are_ended(lender: OneAddress) -> None:
    with open_door(lender, header_seconds=0.2, body_seconds=0.3) as door:
        for begun in (b"", b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n"):
            with connect(door.address) as connection:
                connection.sendall(begun)
                assert read_answer(connection).status == 408
        head = written(
            door.address, CHAT, key=KEY, method="POST", content_length="100", content_type="application/json"
        )
        with connect(door.address) as connection:
            connection.sendall(head + b"{")
            assert read_answer(connection).status == 408


def test_byte_by_byte_does_not_help(lender: OneAddress) -> None:
    with open_door(lender, header_seconds=0.3) as door, connect(door.address) as connection:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for _ in range(100_000):
                connection.sendall(b"a")
                if time.monotonic() - began > 60:
                    break
        assert time.monotonic() - began < 60


def test_connections_are_bounded(lender: OneAddress) -> None:
    with open_door(lender, connections=4) as door:
        kept = [connect(door.address) for _ in range(4)]
        try:
            for connection in kept:
                connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert read_answer(connection).status == 200
            assert request(door.address, "/health").status == 503
        finally:
            for connection in kept:
                connection.close()
        assert _answers_again(door)


def _answers_again(door: Door) -> bool:
    return any(request(door.address, "/health").status == 200 for _ in range(100))


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: +5\r\n",
        b"content-length: 5,6\r\n",
        b"content-length: -1\r\n",
        b"content-length: 0x5\r\n",
        b"transfer-encoding: gzip\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding : chunked\r\n",
        b"transfer-encoding:\x0bchunked\r\n",
        b"x: y\r\n transfer-encoding: chunked\r\n",
        b"x: y\n",
        b"x: a\rb\r\n",
        b"x: a\x00b\r\n",
        b"bad name: x\r\n",
        b": x\r\n",
    ],
    ids=repr,
)
def test_forms_that_two_servers_read_in_two_ways_are_refused(door: Door, head: bytes) -> None:
    start = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer " + KEY.encode() + b"\r\n"
    assert sent(door.address, start + head + b"\r\n0\r\n\r\n").status == 400


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://localhost/v1/models HTTP/1.1", b"GET localhost HTTP/1.1", b"CONNECT localhost:80 HTTP/1.1",
        b"GET /v1/models HTTP/9.9", b"GET /v1/models", b"get /v1/models HTTP/1.1 x", b"\x16\x03\x01\x02\x00",
        b"GET  /v1/models HTTP/1.1", b"PRI * HTTP/2.0",
    ],
    ids=repr,
)  # fmt: skip
def test_request_lines_that_are_none_are_refused(door: Door, line: bytes) -> None:
    assert sent(door.address, line + b"\r\nhost: localhost\r\n\r\n").status == 400


def test_a_second_request_in_one_go_is_not_answered(door: Door) -> None:
    one = written(door.address, "/v1/models", key=KEY, connection="keep-alive")
    with connect(door.address) as connection:
        connection.sendall(one + one)
        received = b""
        while piece := _received(connection):
            received += piece
    assert received.count(b"HTTP/1.1 200") == 1


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def test_a_connection_is_used_again(door: Door) -> None:
    with connect(door.address) as connection:
        for _ in range(3):
            connection.sendall(written(door.address, "/v1/models", key=KEY, connection="keep-alive"))
            assert read_answer(connection).status == 200
