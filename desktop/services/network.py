"""Which proxies requests to the Hub go through, and who says so."""

from __future__ import annotations

import os
from dataclasses import dataclass

from desktop.store.option_kinds import without_password


@dataclass(frozen=True)
class ProxyInForce:
    """A proxy of the system: for addresses of this ``scheme``; ``variable`` names it, "" where the system does."""

    scheme: str
    address: str
    variable: str


def system_proxies() -> tuple[ProxyInForce, ...]:
    """The proxies that environment and system name for the Hub; passwords are left out."""
    from urllib.request import getproxies

    found = []
    for scheme, address in sorted(getproxies().items()):
        if scheme not in ("http", "https", "all"):
            continue
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
        variable = next((name for name in names if os.environ.get(name)), "")
        found.append(ProxyInForce(scheme, without_password(address), variable))
    return tuple(found)
