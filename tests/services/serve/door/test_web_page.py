"""llama.cpp's web page before a scripted engine: its files come without the key, all that it asks for needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lending import KEY, OneAddress, open_door
from support.raw_http import connect, request, written

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.services.serve.door.door import Door
from desktop.services.serve.door.page import assets
from desktop.services.serve.door.settings import DoorSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    (page / "_app").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>llama.cpp</title>")
    (page / "_app" / "app.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return page


@pytest.fixture
def door(lender: OneAddress, folder: Path) -> Iterator[Door]:
    with open_door(lender, web_page=True, page_folder=folder) as opened:
        yield opened


def test_its_files_come_without_the_key_and_nothing_else_does(door: Door) -> None:
    index = request(door.address, "/")
    assert (index.status, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"llama.cpp" in index.body
    assert "connect-src 'self'" in index.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in index.headers["content-security-policy"]
    script = request(door.address, "/_app/app.js")
    assert (script.status, script.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    for path in ("/props", "/v1/models", "/models/sse", "/_app", "/../secret.txt", "/%2e%2e/secret.txt", "/secret.txt"):
        assert request(door.address, path).status in (400, 401), path
    for host in ("evil.example", "evil.example:80"):
        assert request(door.address, "/", host=host).status == 403
    assert request(door.address, "/", origin="http://evil.example").status == 403
    assert request(door.address, "/", {}, key="").status == 401


def test_it_finds_a_router_with_models_that_are_loaded_when_asked(door: Door, lender: OneAddress) -> None:
    lender.phases = {"talker": "ready", "ranker": "loading"}
    assert request(door.address, "/props", key=KEY).json["role"] == "router"
    assert request(door.address, "/props?model=talker", key=KEY).json["default_generation_settings"]["n_ctx"] == 2048
    assert request(door.address, "/props?model=nobody", key=KEY).status == 404
    listed = request(door.address, "/v1/models", key=KEY).json["data"]
    assert {model["id"]: model["status"]["value"] for model in listed} == {
        "talker": "loaded", "vectors": "sleeping", "ranker": "loading", "t5": "sleeping",
    }  # fmt: skip
    assert request(door.address, "/models/load", {"model": "talker"}, key=KEY).json == {"success": True}
    assert request(door.address, "/models/load", {"model": "nobody"}, key=KEY).status == 404
    assert request(door.address, "/models/unload", {"model": "talker"}, key=KEY).json == {"success": True}
    assert [model.name for model in lender.unloaded] == ["talker"]
    assert request(door.address, "/v1/streams/lookup", {"conversation_ids": []}, key=KEY).json == []


def test_changes_of_models_are_told(door: Door, lender: OneAddress) -> None:
    with connect(door.address) as connection:
        connection.sendall(written(door.address, "/models/sse", key=KEY))
        received = b""
        while b":\n\n" not in received:
            received += connection.recv(65536)
        while b"data: " not in received:  # it may not listen yet
            lender.phases = {"talker": "loading"} if lender.phases != {"talker": "loading"} else {}
            for listener in list(lender.listeners):
                listener()
            received += connection.recv(65536)
        event = json.loads(received.partition(b"data: ")[2].partition(b"\n\n")[0])
    assert (event["model"], event["event"]) == ("talker", "status_change")
    assert event["data"]["status"] in ("loading", "sleeping")


def test_what_it_asks_by_itself_is_not_listed(door: Door) -> None:
    for path in ("/", "/_app/app.js", "/props"):
        request(door.address, path, key=KEY)
    assert door.requests() == ()
    request(door.address, "/v1/models", key=KEY)
    assert [record.path for record in door.requests()] == ["/v1/models"]


def test_without_it_nothing_of_it_is_there(lender: OneAddress) -> None:
    with open_door(lender) as door:
        assert request(door.address, "/").status == 401
        assert b"<html" not in request(door.address, "/", key=KEY).body
        assert request(door.address, "/props", key=KEY).status == 404
        assert "status" not in request(door.address, "/v1/models", key=KEY).json["data"][0]


def test_a_page_that_was_not_built_is_said_in_words(
    lender: OneAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(assets, "engine_package", lambda: tmp_path)
    with pytest.raises(HeftError) as refused:
        Door(lender, DoorSettings(key=KEY, web_page=True)).start()
    assert refused.value.kind == FailureKind.NOT_FOUND
    built = assets.built_folder()
    built.mkdir(parents=True)
    (built / "index.html").write_text("<title>llama.cpp</title>")
    with open_door(lender, web_page=True) as door:
        assert request(door.address, "/").status == 200
