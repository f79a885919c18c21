"""The translated dialects before a scripted engine: what is asked of it, and what clients get over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import scripted_answers as said
from support.lending import KEY, OneAddress, open_door
from support.raw_http import Answered, connect, request, written
from support.scripted_server import END, STREAM, ScriptedServer, document, event

from desktop.services.serve.door import asking
from desktop.services.serve.door.door import Door

HELLO = [{"role": "user", "content": "Hello"}]
ANTHROPIC = {"anthropic_version": "2023-06-01"}
TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}


def ask(door: Door, path: str, body: object = None, *, key: str = KEY, method: str = "", **headers: str) -> Answered:
    return request(door.address, path, body, key=key, method=method, **headers)


def plain(engine: ScriptedServer, *words: str, **ending: Any) -> None:
    engine.answers += [said.prompt("<|im_start|>assistant\n"), said.completion(words, **ending)]


def breaks(engine: ScriptedServer) -> None:
    """Says a word, then is gone."""
    engine.answers += [said.prompt("x"), (STREAM, event(said.token("Hel", 1)))]


def streamed(answered: Answered) -> str:
    """The text of a chunked body."""
    return b"".join(answered.body.split(b"\r\n")[1::2]).decode()


def events(answered: Answered) -> list[dict[str, Any]]:
    """The documents of server-sent events, each named by its type."""
    found = []
    for each in streamed(answered).split("\n\n"):
        if each and not each.startswith(":"):  # a comment, after a silence
            name, data = each.split("\n", 1)
            found.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {found[-1]['type']}"
    return found


def lines(answered: Answered) -> list[dict[str, Any]]:
    """The documents of a stream of lines."""
    assert answered.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in streamed(answered).splitlines()]


def message(door: Door, **fields: Any) -> Answered:
    return ask(door, "/v1/messages", {"model": "talker", "max_tokens": 9, "messages": HELLO, **fields}, **ANTHROPIC)


def test_a_message_whole(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you", stop="word", word="END")
    answer = message(door, stop_sequences=["END"], temperature=0.5).json
    assert [block["text"] for block in answer["content"]] == ["Hello you"]
    assert (answer["stop_reason"], answer["stop_sequence"], answer["model"]) == ("stop_sequence", "END", "talker")
    assert answer["usage"]["input_tokens"] + answer["usage"]["cache_read_input_tokens"] == 9
    asked = engine.requests[1][2]
    assert (asked["n_predict"], asked["stop"], asked["temperature"]) == (9, ["END"], 0.5)


def test_a_message_streamed(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you")
    told = events(message(door, stream=True))
    kinds = [each["type"] for each in told]
    assert kinds[:2] == ["message_start", "ping"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert "".join(each["delta"]["text"] for each in told if each["type"] == "content_block_delta") == "Hello you"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_a_stream_begins_before_a_slow_model_is_loaded(
    door: Door, engine: ScriptedServer, lender: OneAddress, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(asking, "SILENCE", 0.01)
    plain(engine, "Hello", " you")
    lender.held.set()
    body = {"model": "talker", "max_tokens": 9, "messages": HELLO, "input": "Hello", "stream": True}
    with connect(door.address) as connection:
        connection.sendall(written(door.address, path, body, key=KEY))
        received = b""
        while b": still there" not in received and b"event: ping" not in received:
            received += connection.recv(1 << 16)
        assert lender.waiting.is_set()
        lender.held.clear()
        while piece := connection.recv(1 << 16):
            received += piece
    assert b'" you"' in received
    assert received.count(b"event: message_start" if path == "/v1/messages" else b"event: response.created") == 1


def test_an_empty_answer_is_a_whole_stream(door: Door, engine: ScriptedServer) -> None:
    plain(engine)
    kinds = [each["type"] for each in events(message(door, stream=True)) if each["type"] != "ping"]
    assert kinds == ["message_start", "message_delta", "message_stop"]


def test_what_breaks_off_in_a_stream_is_an_event(door: Door, engine: ScriptedServer) -> None:
    breaks(engine)
    last = events(message(door, stream=True))[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    breaks(engine)
    assert message(door).json["error"]["type"] == "api_error"


def test_a_tool_is_asked_for_with_the_stop_string_to_tell(door: Door, engine: ScriptedServer) -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    engine.answers += [
        (STREAM, said.chat_event({"tool_calls": [call]}), said.chat_event({}, "tool_calls"), said.chat_usage(9, 4), END)
    ]
    answer = message(door, tools=[TOOL], stop_sequences=["END"]).json
    assert (answer["content"][0]["name"], answer["stop_reason"]) == ("weather", "tool_use")
    path, _, asked = engine.requests[0]
    assert (path, asked["verbose"], asked["tools"][0]["function"]["name"]) == ("/v1/chat/completions", True, "weather")


def test_tokens_are_counted_by_the_engine(door: Door, engine: ScriptedServer) -> None:
    engine.answers += [(document({"input_tokens": 12}),)] * 2
    body = {"model": "talker", "messages": HELLO, "system": "Be brief."}
    assert ask(door, "/v1/messages/count_tokens", body).json == {"input_tokens": 12}
    assert [each["role"] for each in engine.requests[0][2]["messages"]] == ["system", "user"]
    counted = ask(door, "/v1/responses/input_tokens", {"model": "talker", "input": "Hello"}).json
    assert counted == {"object": "response.input_tokens", "input_tokens": 12}


@pytest.mark.parametrize(
    ("path", "body", "key", "status", "kind"),
    [
        ("/v1/messages", {"model": "nobody", "max_tokens": 1, "messages": HELLO}, KEY, 404, "not_found_error"),
        ("/v1/messages", {"model": "vectors", "max_tokens": 1, "messages": HELLO}, KEY, 400, "invalid_request_error"),
        ("/v1/messages", {"max_tokens": 1, "messages": HELLO}, KEY, 400, "invalid_request_error"),
        ("/v1/messages", {"model": "talker"}, "wrong", 401, "authentication_error"),
        ("/v1/messages/batches", None, KEY, 404, "not_found_error"),
        ("/v1/models/nobody", None, KEY, 404, "not_found_error"),
    ],
)
def test_errors_have_anthropics_shape(door: Door, path: str, body: object, key: str, status: int, kind: str) -> None:
    answered = ask(door, path, body, key=key, **ANTHROPIC)
    assert (answered.status, answered.json["type"], answered.json["error"]["type"]) == (status, "error", kind)


def test_models_in_anthropics_pages(door: Door) -> None:
    def page(query: str) -> tuple[list[str], bool]:
        found = ask(door, f"/v1/models?{query}", **ANTHROPIC).json
        assert (found["first_id"], found["last_id"]) == (found["data"][0]["id"], found["data"][-1]["id"])
        return [each["id"] for each in found["data"]], found["has_more"]

    assert page("") == (["talker", "vectors", "ranker", "t5"], False)
    assert page("limit=2") == (["talker", "vectors"], True)
    assert page("limit=2&after_id=vectors") == (["ranker", "t5"], False)
    assert page("limit=1&before_id=ranker") == (["vectors"], True)
    assert ask(door, "/v1/models?limit=0", **ANTHROPIC).status == 400
    assert ask(door, "/v1/models/talker:latest", **ANTHROPIC).json["type"] == "model"
    assert ask(door, "/v1/models").json["object"] == "list"  # without the header they are OpenAI's


def respond(door: Door, **fields: Any) -> Answered:
    return ask(door, "/v1/responses", {"model": "talker", "input": "Hello", **fields})


def test_a_response_is_kept_until_it_is_forgotten(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you")
    first = respond(door).json
    assert first["output"][0]["content"][0]["text"] == "Hello you"
    plain(engine, "Bye")
    second = respond(door, previous_response_id=first["id"], input="Bye").json
    said_before = [each["content"] for each in engine.requests[2][2]["messages"]]
    assert said_before == ["Hello", "Hello you", "Bye"]
    path = f"/v1/responses/{second['id']}"
    assert ask(door, path).json == second
    items = ask(door, f"{path}/input_items").json["data"]
    assert [item["content"][0]["text"] for item in items] == ["Bye"]
    assert ask(door, f"{path}?stream=true").status == 400
    assert ask(door, path, method="DELETE").json == {"id": second["id"], "object": "response", "deleted": True}
    for gone in (ask(door, path), ask(door, path, method="DELETE"), ask(door, f"{path}/input_items")):
        assert (gone.status, gone.code) == (404, "previous_response_not_found")
    assert ask(door, "/v1/responses/compact", {"model": "talker"}).status == 404


def test_a_response_streamed_and_not_kept(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you")
    told = events(respond(door, stream=True, store=False))
    assert [each["sequence_number"] for each in told] == list(range(len(told)))
    assert told[-1]["response"]["output"][0]["content"][0]["text"] == "Hello you"
    assert ask(door, f"/v1/responses/{told[-1]['response']['id']}").status == 404
    plain(engine)
    assert [each["type"] for each in events(respond(door, stream=True))] == [
        "response.created", "response.in_progress", "response.completed",
    ]  # fmt: skip


def test_a_response_that_breaks_off_has_failed(door: Door, engine: ScriptedServer) -> None:
    breaks(engine)
    *_, failed, error = events(respond(door, stream=True))
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert (error["type"], error["message"]) == ("error", failed["response"]["error"]["message"])
    breaks(engine)
    assert respond(door).json["error"]["type"] == "server_error"


def chat(door: Door, **fields: Any) -> Answered:
    return ask(door, "/api/chat", {"model": "talker:latest", "messages": HELLO, **fields})


def test_a_chat_of_ollamas_in_lines_and_whole(door: Door, engine: ScriptedServer) -> None:
    plain(engine, "Hello", " you")
    told = lines(chat(door, options={"num_predict": 5}))
    assert "".join(each["message"]["content"] for each in told) == "Hello you"
    assert (told[-1]["done"], told[-1]["eval_count"], told[-1]["prompt_eval_count"]) == (True, 2, 9)
    assert told[-1]["total_duration"] >= told[-1]["eval_duration"] >= 0
    assert engine.requests[1][2]["n_predict"] == 5
    plain(engine, "Hello", stop="limit")
    whole = chat(door, stream=False).json
    assert (whole["message"]["content"], whole["done_reason"], whole["model"]) == ("Hello", "length", "talker:latest")


def test_ollamas_raw_text_is_continued(door: Door, engine: ScriptedServer) -> None:
    engine.answers.append(said.completion([" you"]))
    body = {"model": "talker", "prompt": "Hello", "raw": True, "stream": False}
    assert ask(door, "/api/generate", body).json["response"] == " you"
    assert (engine.requests[0][0], engine.requests[0][2]["prompt"]) == ("/completion", "Hello")


def test_examples_for_curl_that_name_no_type_are_taken(door: Door, engine: ScriptedServer) -> None:
    for _ in range(3):
        plain(engine, "Hello")
    body = {"model": "talker", "messages": HELLO, "stream": False}
    form = "application/x-www-form-urlencoded"
    assert ask(door, "/api/chat", body, content_type=form).json["message"]["content"] == "Hello"
    assert ask(door, "/api/show", {"model": "talker"}, content_type=form).status == 200
    assert ask(door, "/v1/messages", body | {"max_tokens": 9}, content_type=form).json["type"] == "message"
    assert ask(door, "/v1/chat/completions", body, content_type=form).json["object"] == "chat.completion"
    assert ask(door, "/api/chat", body, content_type="text/plain").status == 415
    refused = ask(door, "/v1/chat/completions", b"model=talker", content_type=form)
    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_what_a_form_of_a_page_could_send_is_not_taken(door: Door, lender: OneAddress, path: str) -> None:
    body = {"model": "talker", "messages": HELLO, "stream": False}
    form = "application/x-www-form-urlencoded"
    assert request(door.address, path, body, content_type=form).status == 401
    assert ask(door, path, body, content_type=form, origin=door.address).status == 415
    assert ask(door, path, body, content_type=form, origin="null").status == 403
    with open_door(lender, key="") as open_to_all:
        assert request(open_to_all.address, path, body, content_type=form).status == 415
    assert lender.purposes == []


def test_ollamas_errors_are_a_line_too(door: Door, engine: ScriptedServer) -> None:
    breaks(engine)
    assert list(lines(chat(door))[-1]) == ["error"]
    for refused in (
        chat(door, model="nobody"),
        chat(door, format="xml"),
        ask(door, "/api/nothing"),
        ask(door, "/api/tags", key="x"),
    ):
        assert refused.status in (400, 401, 404)
        assert list(refused.json) == ["error"]


def test_a_model_is_loaded_and_goes_without_words(
    door: Door, lender: OneAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    monkeypatch.setattr(lender, "unload", lambda model: gone.append(model.name))
    assert chat(door, messages=[], stream=False).json["done_reason"] == "load"
    assert (lender.purposes, gone) == (["text"], [])
    assert chat(door, messages=[], keep_alive=0, stream=False).json["done_reason"] == "unload"
    assert (lender.purposes, gone) == (["text"], ["talker"])


def test_texts_are_embedded(door: Door, engine: ScriptedServer, lender: OneAddress) -> None:
    vectors = {"data": [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]}
    engine.answers += [(document(vectors | {"usage": {"prompt_tokens": 7}}),)] * 3
    body = {"model": "vectors", "input": ["a", "b"]}
    found = ask(door, "/api/embed", body).json
    assert (found["embeddings"], found["prompt_eval_count"]) == ([[1.0, 0.0], [0.0, 1.0]], 7)
    assert lender.purposes == ["embedding"]
    assert ask(door, "/api/embeddings", {"model": "vectors", "prompt": "a"}).json == {"embedding": [1.0, 0.0]}
    assert "have 2" in ask(door, "/api/embed", body | {"dimensions": 8}).json["error"]
    assert ask(door, "/api/embed", body | {"input": []}).json["embeddings"] == []
    assert ask(door, "/api/embed", {**body, "model": "t5"}).status == 400


def test_what_ollamas_clients_look_at_first(door: Door) -> None:
    assert b"Ollama is running" in ask(door, "/").body
    assert ask(door, "/", method="HEAD").status == 200
    assert ask(door, "/api/version").json["version"].count(".") == 2
    assert [each["name"] for each in ask(door, "/api/tags").json["models"]] == ["talker", "vectors", "ranker", "t5"]
    assert ask(door, "/api/ps").json == {"models": []}
    for field in ("model", "name"):
        assert ask(door, "/api/show", {field: "talker:latest"}).json["details"]["format"] == "gguf"
    assert ask(door, "/api/show", {}).status == 400


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/pull", "heft download"),
        ("/api/create", "as they are"),
        ("/api/delete", "Library"),
        ("/api/blobs/sha256:0", "library"),
        ("/api/web_search", "this computer only"),
    ],
)
def test_what_heft_does_not_do_is_refused_with_what_to_do(door: Door, path: str, words: str) -> None:
    refused = ask(door, path, {"model": "x"})
    assert refused.status == 501
    assert words in refused.json["error"]
