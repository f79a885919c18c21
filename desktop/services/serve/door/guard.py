"""Who may come in: the Host header, the page a request comes from, the key. Decided before anything is read.

A page of the web reaches a program of this computer in two ways: by asking 127.0.0.1 from its own origin (CORS), or by
making its own name point there (DNS rebinding), which the Host header gives away.
"""

from __future__ import annotations

import hmac
import socket
from functools import lru_cache

from starlette.datastructures import Headers

from desktop.services.serve.door.failures import AUTHENTICATION, DoorError
from desktop.services.serve.door.settings import DoorSettings, address_of, is_loopback

_BEARER = "bearer "
_FROM_ELSEWHERE = ("cross-site", "same-site")  # Fetch Metadata: what browsers say where they send no Origin


def check_host(headers: Headers, settings: DoorSettings) -> None:
    """Raises DoorError (403) for a name that is not this door's."""
    if len(headers.getlist("host")) > 1 or not _is_own(headers.get("host", ""), settings):
        raise DoorError(403, "This server does not answer under that name (Host header).", code="wrong_host")


def check_origin(headers: Headers) -> None:
    """Raises DoorError (403) for a request that a page of somewhere else sends."""
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host', '')}":
        raise DoorError(403, "Pages of the web may not use this server (Origin header).", code="wrong_origin")
    if headers.get("sec-fetch-site", "none") in _FROM_ELSEWHERE:
        raise DoorError(403, "Pages of the web may not use this server.", code="wrong_origin")


def check_key(headers: Headers, key: str) -> None:
    """Raises DoorError (401). Compared in a time that does not tell how much of it was right."""
    if not key:
        return
    given = [headers.get("x-api-key", "")]
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        given.append(authorization[len(_BEARER) :].strip())
    if any(hmac.compare_digest(each.encode("latin-1", "replace"), key.encode()) for each in given):
        return
    words = "Incorrect API key provided." if any(given) else "You didn't provide an API key."
    raise DoorError(
        401,
        f"{words} Heft shows its key on the page Serve; send it as 'Authorization: Bearer KEY'.",
        type=AUTHENTICATION,
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def _is_own(host: str, settings: DoorSettings) -> bool:
    name = _without_port(host).lower().rstrip(".")
    if not name:
        return False
    if is_loopback(name) or name in (each.lower() for each in settings.allowed_hosts):
        return True
    if not settings.network:
        return False
    # an address cannot be rebound: only names can
    return address_of(name) is not None or name in own_names()


def _without_port(host: str) -> str:
    if host.startswith("["):
        inside, closing, port = host[1:].partition("]")
        return inside if closing and (not port or _is_port(port)) else ""
    name, colon, port = host.partition(":")
    return name if not colon or port.isdecimal() else ""


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isdecimal()


@lru_cache(maxsize=1)
def own_names() -> frozenset[str]:
    """This computer's own names in its network."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset((name, short, f"{short}.local", f"{short}.lan", f"{short}.home.arpa"))
