"""What goes without a proxy: this computer's own addresses, and those that NO_PROXY lists; a proxy that counts."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from huggingface_hub.utils import close_session
from support.hub_server import BytesContent, HubServer, Repo
from support.proxy_server import HERE, ProxyServer, resolve_here

from desktop.hub.past_proxy import goes_past_proxy
from desktop.hub.sessions import Sessions


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("listed", "url", "past"),
    [
        ("", "https://hub.example", False),
        ("", "http://localhost:8080", True),
        ("", "http://mirror.localhost/x", True),
        ("", "http://127.3.2.1", True),
        ("", "http://[::1]:80", True),
        ("hub.example", "https://hub.example", True),
        ("hub.example", "https://cdn.hub.example", True),
        ("hub.example", "https://otherhub.example", False),
        (".hub.example", "https://hub.example", True),
        (".hub.example", "https://cdn.hub.example", True),
        ("*.hub.example", "https://cdn.hub.example", True),
        ("HUB.example", "https://Hub.Example", True),
        ("a.example, hub.example ,", "https://hub.example", True),
        ("hub.example:8080", "http://hub.example:8080", True),
        ("hub.example:8080", "http://hub.example", False),
        ("hub.example:443", "https://hub.example", True),
        ("https://hub.example", "https://hub.example", True),
        ("https://hub.example", "http://hub.example", False),
        ("10.1.2.3", "http://10.1.2.3", True),
        ("10.1.2.3", "http://10.1.2.30", False),
        ("10.1.2.3:8080", "http://10.1.2.3:8080", True),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.0.0.0/8", "http://hub.example", False),
        ("fd00::/8", "http://[fd00::1]", True),
        ("fd00::1", "http://[fd00::1]:8080", True),
        ("[fd00::1]:8080", "http://[fd00::1]:8080", True),
        ("[fd00::1]:8080", "http://[fd00::1]:80", False),
        ("*", "https://hub.example", True),
        ("10.0.0.0/99", "http://10.1.2.3", False),
        ("hub.example", "https://hub.example:nonsense", False),
    ],
)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_what_goes_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str, listed: str, url: str, past: bool
) -> None:
    monkeypatch.setenv(variable, listed)
    assert goes_past_proxy(url) is past


def reached(endpoint: str, proxy: str = "") -> bool:
    sessions = Sessions(lambda: proxy)
    try:
        return sessions.get(endpoint).get(f"{endpoint}/api/models/me/model").status_code == 200
    finally:
        sessions.close()


@pytest.mark.parametrize("whose", ["one's own", "the system's"])
def test_the_proxy_sees_only_what_is_to_go_through_it(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    hub.add(Repo("me/model", {"m.gguf": BytesContent(b"GGUF")}))
    resolve_here(monkeypatch)
    port = urlsplit(hub.endpoint).port
    with ProxyServer() as proxy:
        own = f"http://{proxy.address}" if whose == "one's own" else ""
        if not own:
            close_session()  # the session reads the proxy settings when it is made
            monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        assert reached(f"http://{HERE}:{port}", own) and len(proxy.asked) == 1
        for loopback in ("127.0.0.1", "localhost"):
            assert reached(f"http://{loopback}:{port}", own) and len(proxy.asked) == 1
        monkeypatch.setenv("NO_PROXY", f".invalid:{port}")
        close_session()
        assert reached(f"http://{HERE}:{port}", own) and len(proxy.asked) == 1
    close_session()
