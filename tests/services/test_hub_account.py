"""A token is checked by the Hub before it is kept; what it is and where it is kept is told honestly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hub_server import HubServer
from support.keyrings import MemoryKeyring, memory_keyring

from desktop.core.errors import UsageError
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.token import HubToken
from desktop.services.hub_account import TokenService, TokenTaken

RIGHT = "hf_rightToken0123"


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def token(hub: HubServer, ring: MemoryKeyring) -> HubToken:
    hub.tokens[RIGHT] = set()
    return HubToken(hub.endpoint)


@pytest.fixture
def service(hub: HubServer, token: HubToken) -> TokenService:
    return TokenService(token, HubClient(endpoint=hub.endpoint, token=token.get, read_seconds=30.0))


def test_a_right_one_is_kept_in_the_keyring(
    service: TokenService, token: HubToken, ring: MemoryKeyring, hub: HubServer
) -> None:
    assert service.take(f" {RIGHT}\n") == TokenTaken("tester", "keyring")
    assert list(ring.kept.values()) == [RIGHT]
    assert (token.get(), token.origin(), service.test()) == (RIGHT, "keyring", "tester")
    (asked, again) = hub.requests("/api/whoami-v2")
    assert asked.headers["Authorization"] == again.headers["Authorization"] == f"Bearer {RIGHT}"
    service.forget()
    assert token.get() is None and ring.kept == {}


def test_without_a_keyring_it_lasts_until_the_end(service: TokenService, token: HubToken, ring: MemoryKeyring) -> None:
    ring.missing = True
    assert service.take(RIGHT) == TokenTaken("tester", "session")
    assert (token.get(), service.origin()) == (RIGHT, "session")


def test_what_was_typed_counts_before_the_environment_and_says_until_when(
    service: TokenService, token: HubToken, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_anOlderOne")
    assert service.take(RIGHT) == TokenTaken("tester", "keyring", "HF_TOKEN")
    assert token.get() == RIGHT


def test_a_wrong_one_is_refused_and_not_kept(service: TokenService, token: HubToken, ring: MemoryKeyring) -> None:
    with pytest.raises(HubError) as caught:
        service.take("hf_wrongToken0123")
    assert caught.value.kind == "token-wrong" and caught.value.settings_page == "hub"
    with pytest.raises(UsageError):
        service.take("two words here")
    assert token.get() is None and ring.kept == {}


def test_a_mirror_that_knows_no_accounts_gets_the_token_unchecked(service: TokenService, hub: HubServer) -> None:
    hub.fail("status", "/api/whoami-v2", status=404, times=2)
    assert service.take(RIGHT) == TokenTaken("", "keyring")
    assert service.test() == ""


def test_a_hub_that_does_not_answer_says_nothing_about_a_token(
    service: TokenService, token: HubToken, hub: HubServer
) -> None:
    hub.fail("status", "/api/whoami-v2", status=503)
    with pytest.raises(HubError) as caught:
        service.take(RIGHT)
    assert caught.value.kind == "hub-down" and token.get() is None


def test_there_may_be_none_to_test(service: TokenService) -> None:
    with pytest.raises(HubError) as caught:
        service.test()
    assert caught.value.kind == "token-missing"
