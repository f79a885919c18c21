"""Addresses of other servers as people write and paste them, in one form; which stay in one's own network."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from desktop.core.errors import UsageError
from desktop.core.text import one_line
from desktop.core.words import tr

_PORTS = {"http": 80, "https": 443}
_CALLS = re.compile(r"/(?:chat/completions|completions|responses|embeddings|models(?:/.*)?)$")
_VERSION = re.compile(r"/v\d+\w*$")
_LOCAL_ENDINGS = (".localhost", ".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet")
_LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "169.254.0.0/16", "fe80::/10", "fc00::/7",  # RFC 3927, RFC 4291, RFC 4193
        "100.64.0.0/10",  # RFC 6598: what overlay networks such as Tailscale give, whose links are encrypted
    )
)  # fmt: skip


def normal_url(text: str) -> str:
    """``http://host:port/v1`` of whatever names the same: without a scheme, with slashes, or with a call behind it.

    Without a scheme it is http within one's own network and https beyond. UsageError for what is no address.
    """
    written = text.strip().strip("\"'<>")
    if not written or any(character.isspace() for character in written):
        raise _no_address(text)
    if "://" not in written:
        host = _parts(f"http://{written}", text).hostname or ""
        written = f"{'http' if is_own_network(host) else 'https'}://{written}"
    parts = _parts(written, text)
    if parts.scheme not in _PORTS:
        raise UsageError(
            tr("Heft asks servers over http and https, not {scheme}.", scheme=one_line(parts.scheme, 20)), _example()
        )
    if parts.username or parts.password:
        raise UsageError(tr("An address with a password in it would be kept in a file."), tr("Give the key by itself."))
    if parts.query:
        raise UsageError(
            tr("An address has no question mark."), tr("Leave out all from there on; give a key by itself.")
        )
    host = parts.hostname or ""
    port = parts.port
    shown = f"[{host}]" if ":" in host else host
    where = shown if port in (None, _PORTS[parts.scheme]) else f"{shown}:{port}"
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{where}{_CALLS.sub('', path).rstrip('/') or '/v1'}"


def ways_to_ask(url: str) -> tuple[str, ...]:
    """A normal address, and what else may have been meant by it: many servers want "/v1" and are named without."""
    parts = urlsplit(url)
    ways = [url] if _VERSION.search(parts.path) else [url, f"{url}/v1"]
    return tuple(dict.fromkeys((*ways, f"{parts.scheme}://{parts.netloc}/v1")))


def is_this_computer(host: str) -> bool:
    """Whether a host is this very computer, as far as its name says it."""
    host = host.rstrip(".").lower()
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_own_network(host: str) -> bool:
    """Whether a host is this computer, or one that only one's own network knows, as far as its name says it."""
    host = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith(_LOCAL_ENDINGS)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_loopback or any(
        address.version == network.version and address in network for network in _LOCAL_NETWORKS
    )


def in_the_clear(url: str) -> bool:
    """Whether what is asked there would pass a foreign network in plain text."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_own_network(parts.hostname or "")


def name_of(url: str) -> str:
    """What to call a server: the first telling part of its host, "" for this computer."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = [label for label in host.split(".") if label not in ("www", "api")]
        return "" if host == "localhost" else (labels or [host])[0]
    return "" if address.is_loopback else host


def _parts(url: str, written: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if not parts.hostname or (parts.port is not None and parts.port == 0):
            raise _no_address(written)
    except ValueError:
        raise _no_address(written) from None
    return parts


def _no_address(written: str) -> UsageError:
    return UsageError(tr("'{written}' is no address of a server.", written=one_line(written, 80)), _example())


def _example() -> str:
    return "Write it like http://studio.local:8080/v1."
