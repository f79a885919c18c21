"""What a person is told when the Hub refuses, and where the token goes."""

import socket

import pytest
from support.hub_server import BytesContent, HubServer, Repo

from desktop.hub.client import HubClient
from desktop.hub.errors import HubError

TOKEN = "hf_abcdefgh"


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    return hub.add(Repo("a/gated", {"m.gguf": BytesContent(b"GGUF" * 100)}, {"gated": "manual"}))


def failure(client: HubClient, repo: str = "a/gated", path: str = "m.gguf", revision: str | None = None) -> HubError:
    with pytest.raises(HubError) as caught, client.opened(repo, path, revision):
        pass
    assert caught.value.message and caught.value.hint
    return caught.value


def with_token(hub: HubServer, token: str | None) -> HubClient:
    return HubClient(endpoint=hub.endpoint, token=lambda: token, connect_seconds=30.0, read_seconds=30.0)


def test_a_gated_repo_has_another_remedy_with_and_without_token(hub: HubServer, repo: Repo) -> None:
    missing = failure(with_token(hub, None))
    assert missing.kind == "gated-no-token" and "no token" in missing.message
    hub.tokens[TOKEN] = set()
    stranger = failure(with_token(hub, TOKEN))
    assert stranger.kind == "gated-licence" and "licence" in stranger.message and "/a/gated" in stranger.hint
    wrong = failure(with_token(hub, "hf_wrongwrong"))
    assert wrong.kind == "token-wrong"
    hub.tokens[TOKEN] = {"a/gated"}
    with with_token(hub, TOKEN).opened("a/gated", "m.gguf") as (file, response):
        assert file.size == 400 and response is not None
        assert response.read() == b"GGUF" * 100
    assert with_token(hub, TOKEN).account() == "tester"


def test_the_token_goes_to_the_hub_only(hub: HubServer, repo: Repo) -> None:
    hub.tokens[TOKEN] = {"a/gated"}
    with with_token(hub, TOKEN).opened("a/gated", "m.gguf") as (_, response):
        assert response is not None
    resolve, content = hub.exchanges
    assert resolve.headers["Authorization"] == f"Bearer {TOKEN}"
    assert "/cdn/" in content.path and "Authorization" not in content.headers


@pytest.mark.parametrize(
    ("repo_id", "path", "revision", "kind"),
    [
        ("a/none", "m.gguf", None, "repo-not-found"),
        ("a/gated", "n.gguf", None, "file-not-found"),
        ("a/gated", "m.gguf", "v9", "revision-not-found"),
    ],
)
def test_what_is_not_there(
    hub: HubServer, repo: Repo, repo_id: str, path: str, revision: str | None, kind: str
) -> None:
    hub.tokens[TOKEN] = {"a/gated"}
    assert failure(with_token(hub, TOKEN), repo_id, path, revision).kind == kind
    assert failure(with_token(hub, None), "a/none").kind == "repo-not-found"


@pytest.mark.parametrize(
    ("headers", "wait", "words"),
    [
        ({"Retry-After": "42"}, 42.0, "42 seconds"),
        ({"RateLimit": '"api";r=0;t=300'}, 300.0, "5 minutes"),
        ({}, None, "few minutes"),
    ],
)
def test_too_many_requests_name_their_wait(
    hub: HubServer, client: HubClient, headers: dict[str, str], wait: float | None, words: str
) -> None:
    hub.fail("status", status=429, headers=headers)
    error = failure(client)
    assert (error.kind, error.retry_after, error.temporary) == ("rate-limited", wait, True)
    assert words in error.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "hub-down"), (503, "hub-down"), (403, "forbidden"), (401, "token-missing"), (418, "refused")],
)
def test_other_refusals(hub: HubServer, client: HubClient, status: int, kind: str) -> None:
    hub.fail("status", status=status)
    assert failure(client).kind == kind


def test_no_network_and_no_proxy(monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert failure(HubClient(endpoint=address, token=lambda: None, connect_seconds=1.0)).kind == "no-network"
    from huggingface_hub.utils import close_session

    close_session()  # the session reads the proxy settings when it is made
    monkeypatch.setenv("http_proxy", address)
    error = failure(HubClient(endpoint="http://hub.invalid", token=lambda: None, connect_seconds=30.0))
    assert error.kind == "proxy" and "HTTPS_PROXY" in error.hint
    close_session()


def test_offline_mode_is_honoured(hub: HubServer, client: HubClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert client.offline
    assert failure(client).kind == "offline-mode"
    assert hub.exchanges == []


def test_an_address_that_is_none(hub: HubServer) -> None:
    assert failure(HubClient(endpoint="hub.example", token=lambda: None)).kind == "bad-endpoint"


def test_signed_addresses_stay_out_of_the_detail(hub: HubServer, client: HubClient, repo: Repo) -> None:
    repo.fields["gated"] = False
    hub.fail("status", "/cdn/", status=403)
    error = failure(client)
    assert error.kind == "forbidden" and "Signature" not in error.detail
