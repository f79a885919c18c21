"""Which addresses go without a proxy: this computer's own, and those that NO_PROXY lists.

The rules are httpx's and curl's (https://curl.se/libcurl/c/CURLOPT_NOPROXY.html): a name stands for itself and all
below it, with a leading dot or ``*.`` too; an address may be a network (``10.0.0.0/8``); both may have a port; ``*`` is
all.
"""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def addresses_past_proxies() -> str:
    """What NO_PROXY lists; "" for nothing. In small letters it counts before it does in capitals."""
    return os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""


def system_names_proxy() -> bool:
    """Whether environment or system name a proxy for any address of the web."""
    from urllib.request import getproxies

    return not getproxies().keys().isdisjoint(("http", "https", "all"))


def goes_past_proxy(url: str) -> bool:
    """Whether a request for ``url`` goes without a proxy, as the environment is now."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if _is_loopback(host):
        return True
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # no port at all; the request says so
        return False
    return any(_names(entry.strip().lower(), host, port) for entry in addresses_past_proxies().split(","))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(entry: str, host: str, port: int | None) -> bool:
    """Whether one entry of NO_PROXY stands for a host and port."""
    if entry in ("", "*"):
        return entry == "*"
    scheme, _, rest = entry.rpartition("://")
    if scheme and _PORTS.get(scheme) != port:
        return False
    network = _network(rest)
    if network is None:
        wanted, rest = _port(rest)
        if wanted is not None and wanted != port:
            return False
        network = _network(rest.strip("[]"))
    if network is not None:
        try:
            return ipaddress.ip_address(host) in network
        except ValueError:
            return False
    name = rest.removeprefix("*").removeprefix(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    address, slash, bits = text.partition("/")
    try:
        return ipaddress.ip_network(f"{address.strip('[]')}{slash}{bits}", strict=False)
    except ValueError:
        return None


def _port(entry: str) -> tuple[int | None, str]:
    """The port of ``name:port``, None without one; and the rest."""
    name, colon, digits = entry.rpartition(":")
    return (int(digits), name) if colon and digits.isdecimal() else (None, entry)
