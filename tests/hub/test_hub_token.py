"""Where the token is kept, with a keyring in memory."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import null
from support.keyrings import MemoryKeyring, memory_keyring

from desktop.core.errors import UsageError
from desktop.hub.errors import HubError
from desktop.hub.token import HubToken


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


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


def test_a_keyring_that_keeps_nothing_is_none(ring: MemoryKeyring) -> None:
    keyring.set_keyring(null.Keyring())  # type: ignore[no-untyped-call]
    with pytest.raises(HubError) as caught:
        HubToken("https://hub.example").set("hf_abcdefgh")
    assert caught.value.kind == "no-keyring"


def test_one_for_this_session_goes_before_all_and_lies_nowhere(
    ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = ["https://hub.example"]
    token = HubToken(lambda: endpoint[0])
    monkeypatch.setenv("HF_TOKEN", "hf_fromenvironment")
    token.use(" hf_forthissession\n")
    assert (token.get(), token.origin(), ring.kept) == ("hf_forthissession", "session", {})
    assert HubToken("https://hub.example").get() == "hf_fromenvironment"
    endpoint[0] = "https://mirror.example"
    assert token.get() == "hf_fromenvironment"  # a mirror is not sent what was given for the Hub
    endpoint[0] = "https://hub.example"
    token.forget()
    assert token.get() == "hf_fromenvironment"
    with pytest.raises(UsageError):
        token.use("two words here")


def test_forgetting_without_a_keyring_forgets_the_session(ring: MemoryKeyring) -> None:
    ring.missing = True
    token = HubToken("https://hub.example")
    token.use("hf_abcdefgh")
    token.forget()
    assert (token.get(), token.origin()) == (None, "")
