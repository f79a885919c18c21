"""Other servers: adding, testing, renaming, removing; their keys; where requests to them go."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keyrings import MemoryKeyring, memory_keyring
from support.openai_server import OpenAIServer

from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.services.endpoints import service as service_module
from desktop.services.endpoints.keys import EndpointKeys, variable_of
from desktop.services.endpoints.service import EndpointService, proxy_for
from desktop.services.endpoints.words import server_words
from desktop.store.endpoints import EndpointStore


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "endpoints.json"


@pytest.fixture
def service(file: Path, ring: MemoryKeyring) -> EndpointService:
    return EndpointService(EndpointStore(file), EndpointKeys(file.parent / "endpoint-keys"))


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("org/a-model", "other", key="the-secret-key") as running:
        yield running


def test_a_server_is_added_by_address_and_key(
    service: EndpointService, server: OpenAIServer, ring: MemoryKeyring, file: Path
) -> None:
    tested = service.add(f"127.0.0.1:{server.port}/v1/chat/completions", key=" the-secret-key\n")
    assert tested.reachable and tested.kept == "keyring" and tested.latency_seconds > 0
    assert (tested.endpoint.name, tested.endpoint.url) == ("local", server.url)
    assert [model.id for model in tested.models] == ["org/a-model", "other"]
    assert "2 models, answers in" in server_words(tested)
    assert list(ring.kept.values()) == ["the-secret-key"]
    assert "secret" not in file.read_text()
    assert service.all() == (tested.endpoint,) and tested.endpoint.models == ("org/a-model", "other")
    later = EndpointService(EndpointStore(file), EndpointKeys(file.parent / "endpoint-keys"))  # after a restart
    assert later.test("LOCAL").reachable
    assert later.address("local").key == "the-secret-key"


def test_it_is_found_without_its_v1_and_below_a_path(service: EndpointService) -> None:
    with OpenAIServer("m") as server:
        assert service.add(f"http://127.0.0.1:{server.port}/some/page").endpoint.url == server.url
        with pytest.raises(UsageError, match="as local"):
            service.add(f"http://127.0.0.1:{server.port}")


def test_a_wrong_key_is_not_kept(service: EndpointService, server: OpenAIServer, ring: MemoryKeyring) -> None:
    for key in ("", "another-key"):
        with pytest.raises(HeftError) as refused:
            service.add(server.url, key=key)
        assert refused.value.kind == FailureKind.KEY_WRONG and refused.value.settings_page == "endpoints"
    assert service.all() == () and not ring.kept
    with pytest.raises(UsageError, match="no key"):
        service.add(server.url, key="two words")


def test_a_page_of_the_web_is_no_server(service: EndpointService) -> None:
    with OpenAIServer() as server:
        server.pages["/v1/models"] = {"hello": "world"}
        with pytest.raises(HeftError) as refused:
            service.add(server.url, "page")
    assert refused.value.kind == FailureKind.NOT_OPENAI and service.all() == ()


def test_a_server_that_is_off_is_kept_and_its_models_are_remembered(
    service: EndpointService, server: OpenAIServer
) -> None:
    server.stop()
    off = service.add(server.url, "studio")
    assert not off.reachable and off.error is not None and off.error.kind == FailureKind.UNREACHABLE
    assert service.all() == (off.endpoint,) and off.models == ()
    with OpenAIServer("a", "b") as other:
        service.add(other.url, "box")
    (studio, box) = service.look()
    assert not studio.reachable and not box.reachable
    assert [model.id for model in box.models] == ["a", "b"]  # as they were last seen


def test_plain_text_through_a_foreign_network_needs_a_second_word(
    service: EndpointService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refused(address: tuple[str, int], *_: object, **__: object) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refused)
    with pytest.raises(HeftError) as told:
        service.add("http://api.example.com/v1", key="the-secret-key")
    assert told.value.kind == FailureKind.CLEARTEXT and "plain text" in told.value.message
    assert not asked and service.all() == ()
    assert service.add("http://api.example.com/v1", in_clear=True).endpoint.name == "example"
    assert asked
    service.add("http://192.168.1.7:8080", "mine")  # in one's own network it needs none


def test_names_are_ones_own_and_free(service: EndpointService) -> None:
    with OpenAIServer("m") as one, OpenAIServer("m") as two:
        assert service.add(one.url).endpoint.name == "local"
        assert service.add(two.url).endpoint.name == "local-2"
    for name in ("LOCAL", "", "a/b", "x" * 41, "a\x07b"):
        with pytest.raises(UsageError):
            service.rename("local-2", name)
    assert service.rename("local-2", "  the   box ").name == "the box"
    assert service.rename("the box", "The Box").name == "The Box"
    assert [one.name for one in service.all()] == ["local", "The Box"]
    with pytest.raises(NotFoundError) as unknown:
        service.rename("none", "x")
    assert unknown.value.settings_page == "endpoints"


def test_a_key_stays_with_its_address_and_goes_with_the_server(
    service: EndpointService, server: OpenAIServer, ring: MemoryKeyring
) -> None:
    service.add(server.url, "studio", "the-secret-key")
    service.rename("studio", "box")
    assert service.test("box").reachable
    service.set_key("box", "another-key")
    wrong = service.test("box")
    assert wrong.error is not None and wrong.error.kind == FailureKind.KEY_WRONG
    assert service.set_key("box", "") is None and not ring.kept
    service.set_key("box", "the-secret-key")
    service.remove("box")
    assert not ring.kept and service.all() == ()


def test_without_a_keyring_a_private_file_keeps_the_key_over_a_restart(
    file: Path, ring: MemoryKeyring, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.missing = True
    service = EndpointService(EndpointStore(file), EndpointKeys(file.parent / "endpoint-keys"))
    assert service.add(server.url, "studio-1", "the-secret-key").kept == "file"
    assert service.test("studio-1").reachable
    later = EndpointService(EndpointStore(file), EndpointKeys(file.parent / "endpoint-keys"))
    assert later.test("studio-1").reachable
    (kept,) = (file.parent / "endpoint-keys").iterdir()
    assert kept.read_text() == "the-secret-key\n" and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "the-secret-key" not in file.read_text()
    later.set_key("studio-1", "another-key")
    assert not later.test("studio-1").reachable
    assert variable_of("studio-1") == "HEFT_ENDPOINT_KEY_STUDIO_1"
    monkeypatch.setenv("HEFT_ENDPOINT_KEY_STUDIO_1", "the-secret-key")
    assert later.test("studio-1").reachable
    later.remove("studio-1")
    assert not kept.exists()


def test_no_server_waits_for_another(
    service: EndpointService, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.add(server.url, "quick", "the-secret-key")
    found = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        service._named.change(
            lambda known: (type(known[0])("silent", f"http://127.0.0.1:{silent.getsockname()[1]}/v1"), *known)
        )
        monkeypatch.setattr(service_module, "LOOK_SECONDS", 4.0)
        slow, quick = service.look()
        found.set()
        assert quick.reachable
        assert slow.error is not None and slow.error.kind == FailureKind.TIMEOUT
        assert slow.error.message and slow.error.hint
        monkeypatch.setattr(service_module, "LOOK_SECONDS", 600.0)
        asked = [False]  # whoever wanted to know goes: nobody waits for the silent one

        def gone() -> bool:
            asked[0] = True
            return True

        assert not service.look(gone)[0].reachable and asked[0]


def test_a_model_is_meant_by_server_and_name(service: EndpointService, server: OpenAIServer) -> None:
    service.add(server.url, "Studio", "the-secret-key")
    ref = service.ref("endpoint:studio/org/a-model")
    assert (ref.name, ref.identity, ref.files) == ("a-model", "endpoint:Studio/org/a-model", ())
    with pytest.raises(NotFoundError):
        service.ref("endpoint:none/a")
    with pytest.raises(UsageError):
        service.ref("endpoint:studio")


def test_a_proxy_is_used_as_for_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("http://studio.local:8080/v1", "") == ""
    assert proxy_for("http://studio.local:8080/v1", "http://mine:3128") == "http://mine:3128"
    assert proxy_for("http://127.0.0.1:8080/v1", "http://mine:3128") == ""
    monkeypatch.setenv("https_proxy", "http://theirs:3128")
    assert proxy_for("https://api.example.com/v1", "") == "http://theirs:3128"
    assert proxy_for("http://studio.local/v1", "") == ""
    monkeypatch.setenv("no_proxy", "example.com")
    assert proxy_for("https://api.example.com/v1", "http://mine:3128") == ""
