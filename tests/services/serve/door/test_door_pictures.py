"""Pictures at the door, in every dialect: as data alone, bounded, for models that see; told by what they take."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import scripted_answers as said
from support.forge_vision import forge_projector
from support.lending import KEY, OneAddress, engine_server, loaded_as, open_door, served
from support.png_bytes import plain_png, promised_png
from support.raw_http import Answered, request
from support.scripted_server import ScriptedServer

from desktop.core.model_kind import ModelKind
from desktop.services.serve.door.door import Door
from desktop.services.serve.door.pictures import MOST_PICTURES

PNG = plain_png(64, 48)
SEEING = msgspec.structs.replace(loaded_as(), media=("image",))
EYES = served("seer", ModelKind.CHAT, context_length=2048, media=("image",))


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def url_of(data: bytes) -> str:
    return f"data:image/png;base64,{text_of(data)}"


def openai(*urls: str) -> tuple[str, dict[str, Any], str]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [*parts, {"type": "text", "text": "What is this?"}]
    body = {"model": "seer", "max_tokens": 6, "messages": [{"role": "user", "content": content}]}
    return "/v1/chat/completions", body, "messages[0].content[0].image_url.url"


def anthropic(*urls: str) -> tuple[str, dict[str, Any], str]:
    def source(url: str) -> dict[str, str]:
        if not url.startswith("data:"):
            return {"type": "url", "url": url}
        return {"type": "base64", "media_type": "image/png", "data": url.partition(",")[2]}

    parts = [{"type": "image", "source": source(url)} for url in urls]
    content = [*parts, {"type": "text", "text": "What is this?"}]
    body = {"model": "seer", "max_tokens": 6, "messages": [{"role": "user", "content": content}]}
    where = "data" if urls[0].startswith("data:") else "type"
    return "/v1/messages", body, f"messages[0].content[0].source.{where}"


def responses(*urls: str) -> tuple[str, dict[str, Any], str]:
    parts = [{"type": "input_image", "image_url": url} for url in urls]
    content = [*parts, {"type": "input_text", "text": "What is this?"}]
    body = {"model": "seer", "max_output_tokens": 16, "input": [{"role": "user", "content": content}]}
    return "/v1/responses", body, "input[0].content[0].image_url"


def ollama(*urls: str) -> tuple[str, dict[str, Any], str]:
    images = [url.partition(",")[2] if url.startswith("data:") else url for url in urls]
    turn = {"role": "user", "content": "What is this?", "images": images}
    body = {"model": "seer", "stream": False, "options": {"num_predict": 6}, "messages": [turn]}
    return "/api/chat", body, "messages[0].images[0]"


DIALECTS = [openai, anthropic, responses, ollama]
EACH = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.__name__)


@pytest.fixture
def lender(engine: ScriptedServer) -> OneAddress:
    return OneAddress(engine.address, (EYES,), SEEING)


def ask(door: Door, path: str, body: object) -> Answered:
    more = {"anthropic_version": "2023-06-01"} if path == "/v1/messages" else {}
    return request(door.address, path, body, key=KEY, **more)


def refused(door: Door, path: str, body: dict[str, Any]) -> str:
    """The words of a 400."""
    answered = ask(door, path, body)
    assert answered.status == 400, answered.body
    return answered.body.decode()


@pytest.mark.engine  # with Qt, whose readers draw the picture: the lower floors are tested without
@EACH
def test_a_picture_reaches_the_engine_drawn_anew_behind_its_place_in_the_prompt(
    door: Door, engine: ScriptedServer, dialect: Any
) -> None:
    engine.answers += [said.prompt("<|im_start|>user\n<__media__>What is this?"), said.completion(["Red"])]
    path, body, _ = dialect(url_of(PNG))
    assert ask(door, path, body).status == 200
    rendering, asked = (body for _, _, body in engine.requests[-2:])
    (turn,) = rendering["messages"]
    picture, text = turn["content"]
    assert picture.keys() == {"type", "image_url"} and text == {"type": "text", "text": "What is this?"}
    assert asked["prompt"]["prompt_string"].startswith("<|im_start|>user\n<__media__>")
    (data,) = asked["prompt"]["multimodal_data"]
    assert base64.b64decode(data)[:4] == b"\x89PNG" and picture["image_url"]["url"].endswith(data)


@EACH
@pytest.mark.parametrize("url", ["http://127.0.0.1/cat.png", "https://example.org/cat.png", "file:///etc/passwd"])
def test_nothing_is_fetched(door: Door, engine: ScriptedServer, dialect: Any, url: str) -> None:
    path, body, field = dialect(url)
    words = refused(door, path, body)
    assert field in words and not engine.requests


@EACH
@pytest.mark.parametrize("data", [b"", b"not a picture", PNG[:40], promised_png(50_000, 50_000)])
def test_what_is_no_picture_is_refused_by_the_name_of_its_field(door: Door, dialect: Any, data: bytes) -> None:
    path, body, field = dialect(url_of(data))
    assert field in refused(door, path, body)


@EACH
def test_more_pictures_than_are_taken_are_refused(door: Door, dialect: Any) -> None:
    path, body, _ = dialect(*[url_of(PNG)] * (MOST_PICTURES + 1))
    assert f"at most {MOST_PICTURES} pictures" in refused(door, path, body)


@EACH
def test_a_model_without_a_projector_says_so(engine: ScriptedServer, dialect: Any) -> None:
    with open_door(OneAddress(engine.address, (EYES,), loaded_as())) as door:
        path, body, field = dialect(url_of(PNG))
        words = refused(door, path, body)
    assert field in words and "takes no pictures" in words and not engine.requests


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_pictures_are_a_users(door: Door, role: str) -> None:
    path, body, _ = openai(url_of(PNG))
    body["messages"] = [{"role": "user", "content": "Hi"}, {**body["messages"][0], "role": role}]
    assert "messages[1].content[0].type" in refused(door, path, body)


def test_lists_tell_what_a_model_takes(door: Door) -> None:
    (listed,) = msgspec.json.decode(request(door.address, "/v1/models", key=KEY).body)["data"]
    assert listed["input_modalities"] == ["text", "image"]
    shown = msgspec.json.decode(ask(door, "/api/show", {"model": "seer"}).body)
    assert "vision" in shown["capabilities"]


@pytest.fixture(scope="module")
def seeing(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("sees")
    projector = forge_projector(folder / "mmproj.gguf", 576)
    with (
        engine_server(starter_model, folder, "--mmproj", str(projector)) as address,
        open_door(OneAddress(address, (EYES,), SEEING)) as opened,
    ):
        yield opened


@pytest.mark.engine
@pytest.mark.leaves_threads  # the reader of pictures is kept warm for the next test
@EACH
def test_the_real_engine_sees_what_clients_send(seeing: Door, dialect: Any) -> None:
    path, body, _ = dialect(url_of(PNG), url_of(plain_png(40, 90)))
    answered = ask(seeing, path, body)
    assert answered.status == 200, answered.body
    path, body, _ = dialect(url_of(PNG))  # of the two pictures in its cache the engine keeps the first alone
    assert ask(seeing, path, body).status == 200


@pytest.mark.engine
@pytest.mark.leaves_threads
def test_tokens_of_pictures_are_counted_and_a_tool_may_be_offered_beside_one(seeing: Door) -> None:
    path, body, _ = anthropic(url_of(PNG))
    with_picture = msgspec.json.decode(ask(seeing, f"{path}/count_tokens", body).body)["input_tokens"]
    body["messages"][0]["content"] = "What is this?"
    without = msgspec.json.decode(ask(seeing, f"{path}/count_tokens", body).body)["input_tokens"]
    assert with_picture > without + 5
    path, body, _ = openai(url_of(PNG))
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    assert ask(seeing, path, {**body, "response_format": form, "max_tokens": 30}).status == 200
