"""What each kind of server says of its models, and how each way to it fails, in words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.openai_server import OpenAIServer, certified
from support.proxy_server import ProxyServer

from desktop.core.errors import ContextFullError
from desktop.core.failures import FailureKind
from desktop.engine.endpoint import connecting
from desktop.engine.endpoint.failures import failure_of
from desktop.engine.endpoint.http import Address, ConnectionLostError, Endpoint, EndpointError
from desktop.engine.endpoint.models import NotOpenAIError, OfferedModel, offer_of, with_more


def address(server: OpenAIServer, **fields: Any) -> Address:
    return Address(port=server.port, host="127.0.0.1", base="/v1", **fields)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("org/a-model") as running:
        yield running


def test_a_server_of_which_no_more_is_known(server: OpenAIServer) -> None:
    offer = offer_of(address(server))
    assert (offer.kind, offer.models) == ("openai", (OfferedModel("org/a-model"),))
    assert [path for path, _, _ in server.requests] == ["/v1/models"]  # it is asked for nothing that is another's
    assert offer.model("org/a-model") is not None and offer.model("another") is None


def test_llama_server_tells_the_context_that_it_has(server: OpenAIServer) -> None:
    server.models = [{"id": "/m/a.gguf", "owned_by": "llamacpp", "meta": {"n_ctx_train": 131072}}]
    server.pages["/props"] = {"default_generation_settings": {"n_ctx": 8192}, "total_slots": 4}
    offer = offer_of(address(server))
    assert offer.kind == "llama.cpp"
    assert offer.models == (OfferedModel("/m/a.gguf", 8192, 131072, loaded=True),)


def test_its_router_tells_which_are_loaded(server: OpenAIServer) -> None:
    server.models = [
        {"id": name, "owned_by": "llamacpp", "status": {"value": state}}
        for name, state in (("a", "loaded"), ("b", "unloaded"))
    ]
    assert [model.loaded for model in offer_of(address(server)).models] == [True, False]


def test_vllm_tells_how_long_a_conversation_may_be(server: OpenAIServer) -> None:
    server.models = [{"id": "org/a", "owned_by": "vllm", "max_model_len": 40960}]
    offer = offer_of(address(server))
    assert (offer.kind, offer.models) == ("vllm", (OfferedModel("org/a", 40960),))


def test_lm_studio_tells_what_is_loaded_and_what_writes_no_answers(server: OpenAIServer) -> None:
    server.models = [{"id": name, "owned_by": "organization_owner"} for name in ("a", "b", "embeds")]
    server.pages["/api/v0/models"] = {
        "data": [
            {"id": "a", "type": "llm", "arch": "qwen3", "quantization": "4bit", "state": "loaded",
             "max_context_length": 32768, "loaded_context_length": 4096},
            {"id": "b", "type": "vlm", "state": "not-loaded", "max_context_length": 8192},
            {"id": "embeds", "type": "embeddings", "state": "not-loaded"},
        ]
    }  # fmt: skip
    offer = offer_of(address(server))
    assert offer.kind == "lm-studio"
    assert offer.models == (
        OfferedModel("a", 4096, 32768, True, True, "qwen3 4bit"),
        OfferedModel("b", 0, 8192, False),
        OfferedModel("embeds", 0, 0, False, chats=False),
    )


def test_ollama_tells_what_runs_and_more_of_the_one_that_is_chosen(server: OpenAIServer) -> None:
    server.models = [{"id": name, "owned_by": "library"} for name in ("llama3:8b", "other")]
    server.pages["/api/ps"] = {"models": [{"model": "llama3:8b", "context_length": 4096}]}
    server.pages["/api/show"] = {
        "details": {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_K_M"},
        "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
        "capabilities": ["completion", "tools"],
    }
    offer = offer_of(address(server))
    assert offer.kind == "ollama" and [model.loaded for model in offer.models] == [True, False]
    chosen = with_more(address(server), offer.kind, offer.models[0])
    assert (chosen.context_length, chosen.trained_context, chosen.about) == (4096, 8192, "llama 8.0B Q4_K_M")
    server.pages["/api/show"] = {"capabilities": ["embedding"]}
    assert not with_more(address(server), offer.kind, offer.models[1]).chats


@pytest.mark.parametrize(
    "page", [{"models": []}, [], {"data": "x"}, {"data": [{"name": "a"}]}, {"data": [{"id": 3}]}, "words"]
)
def test_what_is_no_list_of_models_is_no_openai_server(server: OpenAIServer, page: object) -> None:
    server.pages["/v1/models"] = page
    with pytest.raises(NotOpenAIError):
        offer_of(address(server))


def test_odd_facts_are_left_out(server: OpenAIServer) -> None:
    server.models = [{"id": "a", "owned_by": "llamacpp", "meta": {"n_ctx_train": "many"}, "status": 7}]
    server.pages["/props"] = {"default_generation_settings": [1]}
    assert offer_of(address(server)).models == (OfferedModel("a", loaded=True),)


# -- ways that fail ------------------------------------------------------------------------------


def failed(where: Address) -> tuple[FailureKind, str, str]:
    with pytest.raises((EndpointError, ConnectionLostError, TimeoutError)) as raised:
        Endpoint(where).get("/models", deadline_seconds=3.0)
    error = failure_of(raised.value, "studio", where)
    assert error.message and error.hint
    return error.kind, error.message, error.hint


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kind, message, hint = failed(Address(port=port, base="/v1"))
    assert kind == FailureKind.UNREACHABLE and f"127.0.0.1:{port}" in message and "Start the server" in hint


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    kind, message, hint = failed(Address(port=80, host="nobody.example", base="/v1"))
    assert kind == FailureKind.UNREACHABLE and "nobody.example" in message and "name" in hint


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    with certified(tmp_path) as file, OpenAIServer("m", certificate=file) as server:
        kind, message, hint = failed(address(server, tls=True))
        assert kind == FailureKind.CERTIFICATE and "certificate" in message and "SSL_CERT_FILE" in hint
        assert not server.requests  # no key has left


def test_a_certificate_that_this_computer_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with certified(tmp_path) as file, OpenAIServer("m", key="secret-key", certificate=file) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        connecting._trust.cache_clear()
        try:
            assert offer_of(address(server, tls=True, key="secret-key")).models == (OfferedModel("m"),)
        finally:
            connecting._trust.cache_clear()


def test_tls_is_asked_of_a_server_without(server: OpenAIServer) -> None:
    kind, message, hint = failed(address(server, tls=True))
    assert kind == FailureKind.CERTIFICATE and "TLS" in message and "http://" in hint


def test_a_key_is_wanted_and_none_is_repeated() -> None:
    with OpenAIServer("m", key="right-key") as server:
        kind, message, hint = failed(address(server, key="wrong-key-1"))
        assert kind == FailureKind.KEY_WRONG and "key" in hint and "wrong-key-1" not in message + hint


def test_a_server_that_drips_without_end() -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not ended.wait(0.02):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        where = Address(port=listening.getsockname()[1], base="/v1")
        with pytest.raises(TimeoutError):
            Endpoint(where).get("/models", deadline_seconds=0.3)
        ended.set()
        dripping.join(30)
        assert failure_of(TimeoutError(), "studio", where).kind == FailureKind.TIMEOUT


def test_a_proxy_passes_http_on(server: OpenAIServer) -> None:
    with ProxyServer() as proxy:
        where = Address(port=server.port, host="studio.invalid", base="/v1", proxy=f"http://me:secret@{proxy.address}")
        assert offer_of(where).models == (OfferedModel("org/a-model"),)
        (asked, password), *_ = proxy.asked
    assert asked.startswith(f"http://studio.invalid:{server.port}/v1/models") and password is not None


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_proxy_that_heft_cannot_use_is_named(proxy: str) -> None:
    kind, message, hint = failed(Address(port=80, host="studio.invalid", base="/v1", proxy=proxy))
    assert kind == FailureKind.PROXY and "proxy" in message and "NO_PROXY" in hint


def test_neither_key_nor_proxy_s_password_is_in_its_words() -> None:
    where = Address(port=80, host="studio", key="secret-key", proxy="http://me:secret-word@proxy")
    assert "secret" not in repr(where)


@pytest.mark.parametrize(
    ("status", "body", "needed", "length"),
    [
        (400, {"error": {"type": "exceed_context_size_error", "message": "m", "n_prompt_tokens": 900, "n_ctx": 512}},
         900, 512),
        (400, {"error": {"code": "context_length_exceeded", "message": "This model's maximum context length is 8192 "
               "tokens. However, your messages resulted in 9001 tokens."}}, 9001, 8192),
        (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you "
               "requested 5000 tokens (4900 in the messages, 100 in the completion)."}, 5000, 4096),
        (400, {"error": {"message": "This conversation is 5,012 tokens long; the model was loaded with a context of "
               "4,096. Load it with a larger context, or start a new chat."}}, 5012, 4096),
        (400, {"error": "the prompt is longer than the context window"}, 0, 0),
    ],
)  # fmt: skip
def test_a_conversation_that_is_too_long_in_every_server_s_words(
    status: int, body: object, needed: int, length: int
) -> None:
    error = failure_of(EndpointError(status, body), "studio", Address())
    assert isinstance(error, ContextFullError)
    assert (error.needed_tokens, error.context_length) == (needed, length)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, FailureKind.NOT_OPENAI), (400, FailureKind.REFUSED), (403, FailureKind.KEY_WRONG),
        (404, FailureKind.NOT_FOUND), (429, FailureKind.RATE_LIMITED), (500, FailureKind.ENGINE),
        (503, FailureKind.ENGINE),
    ],
)  # fmt: skip
def test_every_refusal_has_its_kind_and_one_thing_to_do(status: int, kind: FailureKind) -> None:
    error = failure_of(EndpointError(status, {"error": {"message": "Because."}}), "studio", Address())
    assert error.kind == kind and error.hint and "studio" in error.message
