"""Keys, names and pages: who is let in, by raw requests."""

from __future__ import annotations

import socket

import pytest
from support.lending import KEY, OneAddress, open_door
from support.raw_http import request, sent, written
from support.scripted_server import ScriptedServer

from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.services.serve.door.door import Door
from desktop.services.serve.door.settings import DoorSettings


def test_without_a_key_nothing_is_told_but_that_it_is_there(door: Door) -> None:
    for path in ("/v1/models", "/models/talker", "/v1/chat/completions", "/nowhere", "/props"):
        refused = request(door.address, path)
        assert (refused.status, refused.code) == (401, "invalid_api_key"), path
    for path in ("/health", "/v1/health"):
        healthy = request(door.address, path)
        assert (healthy.status, healthy.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("key", ["wrong", KEY[:-1], KEY + "k", "é", " "])
def test_a_wrong_key_is_refused(door: Door, key: str) -> None:
    assert request(door.address, "/v1/models", key=key).status == 401


def test_the_key_comes_as_openai_and_as_anthropic_send_it(door: Door) -> None:
    assert request(door.address, "/v1/models", key=KEY).status == 200
    assert request(door.address, "/v1/models", x_api_key=KEY).status == 200
    assert request(door.address, "/v1/models", authorization=f"bearer {KEY}").status == 200
    assert request(door.address, "/v1/models", x_api_key=KEY, authorization="Bearer dummy").status == 200
    assert request(door.address, "/v1/models", authorization=f"Basic {KEY}").status == 401


def test_a_door_of_this_computer_may_do_without_a_key(lender: OneAddress) -> None:
    with open_door(lender, key="") as door:
        assert request(door.address, "/v1/models").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.7", "", "[::1", "a:b"]
)
def test_a_name_that_was_made_to_point_here_is_refused(door: Door, host: str) -> None:
    refused = request(door.address, "/v1/models", key=KEY, host=host)
    assert (refused.status, refused.code) == (403, "wrong_host")
    assert request(door.address, "/health", host=host).status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "LOCALHOST.", "127.0.0.1", "127.0.0.9:80", "[::1]:80"])
def test_names_of_this_computer_are_taken(door: Door, host: str) -> None:
    assert request(door.address, "/v1/models", key=KEY, host=host).status == 200


def test_further_names_are_taken_when_they_are_allowed(lender: OneAddress) -> None:
    with open_door(lender, allowed_hosts=("Heft.Example",)) as door:
        assert request(door.address, "/v1/models", key=KEY, host="heft.example:80").status == 200
        assert request(door.address, "/v1/models", key=KEY, host="other.example").status == 403


def test_in_a_network_addresses_and_this_computers_name_are_taken(lender: OneAddress) -> None:
    own = socket.gethostname()
    with open_door(lender, network=True) as door:
        for host in ("192.168.1.20:8411", "[fe80::1]:8411", own, f"{own}.local:8411"):
            assert request(door.address, "/v1/models", key=KEY, host=host).status == 200, host
        assert request(door.address, "/v1/models", key=KEY, host="evil.example").status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1", ""])
def test_pages_of_the_web_may_not_use_it(door: Door, origin: str) -> None:
    refused = request(door.address, "/v1/models", key=KEY, origin=origin)
    assert (refused.status, refused.code) == (403, "wrong_origin")
    assert "access-control-allow-origin" not in refused.headers


def test_its_own_origin_is_taken(door: Door) -> None:
    answered = request(door.address, "/v1/models", key=KEY, origin=door.address)
    assert answered.status == 200
    assert "access-control-allow-origin" not in answered.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_a_browser_says_comes_from_elsewhere_is_refused(lender: OneAddress, site: str) -> None:
    with open_door(lender, key="") as door:
        assert request(door.address, "/v1/models", sec_fetch_site=site).status == 403
        assert request(door.address, "/v1/models", sec_fetch_site="same-origin").status == 200


def test_a_preflight_is_refused(door: Door) -> None:
    refused = request(
        door.address, "/v1/chat/completions", method="OPTIONS", origin="http://evil.example",
        access_control_request_method="POST",
    )  # fmt: skip
    assert refused.status == 403
    assert not [name for name in refused.headers if name.startswith("access-control")]
    assert request(door.address, "/v1/chat/completions", method="OPTIONS", key=KEY).status == 405


def test_two_host_headers_are_refused(door: Door) -> None:
    good = written(door.address, "/v1/models", key=KEY)
    assert sent(door.address, good.replace(b"connection:", b"host: localhost\r\nconnection:")).status == 400


def test_an_open_network_needs_an_act_and_a_key(lender: OneAddress) -> None:
    for settings in (DoorSettings("0.0.0.0"), DoorSettings("0.0.0.0", key=KEY), DoorSettings("0.0.0.0", network=True)):
        with pytest.raises(UsageError):
            Door(lender, settings).start()
    with open_door(lender, host="0.0.0.0", network=True) as door:
        address = door.address.replace("0.0.0.0", "127.0.0.1")
        assert request(address, "/v1/models", key=KEY).status == 200
        assert request(address, "/v1/models").status == 401


def test_a_port_that_is_taken_is_said_in_words(lender: OneAddress, door: Door) -> None:
    port = int(door.address.rpartition(":")[2])
    with pytest.raises(HeftError) as refused:
        Door(lender, DoorSettings(port=port, key=KEY)).start()
    assert refused.value.kind == FailureKind.BUSY
    assert str(port) in refused.value.message


def test_an_address_of_nobody_is_said_in_words(lender: OneAddress) -> None:
    with pytest.raises(HeftError) as refused:
        Door(lender, DoorSettings("192.0.2.1", key=KEY, network=True)).start()
    assert "192.0.2.1" in refused.value.message


def test_what_was_refused_is_listed_without_what_was_said(door: Door, engine: ScriptedServer) -> None:
    body = {"model": "talker", "messages": [{"role": "secret words", "content": "more secret words"}]}
    assert request(door.address, "/v1/chat/completions?secret=1", body, key=KEY, user_agent="tester/1.0").status == 400
    record = door.requests()[0]
    assert (record.state, record.status, record.client) == ("refused", 400, "tester/1.0")
    assert record.path == "/v1/chat/completions"
    assert "secret" not in repr(record)
    assert engine.requests == []
