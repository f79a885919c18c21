"""Where the token is kept, with a keyring in memory."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError, PasswordDeleteError

from desktop.core.errors import UsageError
from desktop.hub.errors import HubError
from desktop.hub.token import HubToken


class MemoryKeyring(KeyringBackend):
    """Keeps passwords in a dictionary; ``missing`` behaves as a computer without a keyring."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.missing = False

    def _check(self) -> None:
        if self.missing:
            raise NoKeyringError("none")

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("none")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_set_get_forget(ring: MemoryKeyring) -> None:
    token = HubToken("https://hub.example")
    assert (token.get(), token.origin()) == (None, "")
    token.set("  hf_abcdefgh\n")
    assert (token.get(), token.origin()) == ("hf_abcdefgh", "keyring")
    assert HubToken("https://hub.example").get() == "hf_abcdefgh"
    assert HubToken("https://mirror.example").get() is None  # a mirror is not sent the Hub's
    token.forget()
    token.forget()
    assert token.get() is None and ring.kept == {}


def test_the_environment_comes_first(ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    token = HubToken("https://hub.example")
    token.set("hf_abcdefgh")
    monkeypatch.setenv("HF_TOKEN", "hf_fromenvironment")
    assert (token.get(), token.origin()) == ("hf_fromenvironment", "environment")


def test_what_hf_auth_login_keeps_is_used(ring: MemoryKeyring, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_fromlogin")
    assert HubToken("https://hub.example").origin() == "huggingface"
    ring.missing = True
    assert HubToken("https://hub.example").get() == "hf_fromlogin"


def test_without_a_keyring_it_says_what_else_to_do(ring: MemoryKeyring) -> None:
    ring.missing = True
    with pytest.raises(HubError) as caught:
        HubToken("https://hub.example").set("hf_abcdefgh")
    assert caught.value.kind == "no-keyring" and "HF_TOKEN" in caught.value.hint
    assert "hf_abcdefgh" not in str(caught.value.__dict__)


@pytest.mark.parametrize("text", ["", "short", "two words here", "hf_\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"])
def test_what_is_no_token(ring: MemoryKeyring, text: str) -> None:
    with pytest.raises(UsageError):
        HubToken("https://hub.example").set(text)
    assert ring.kept == {}
