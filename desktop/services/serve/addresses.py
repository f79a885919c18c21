"""Under which addresses other programs and computers reach this one."""

from __future__ import annotations

import ipaddress
import socket

import psutil

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
_LOCAL = ("localhost", LOOPBACK, "::1")


def network_addresses() -> tuple[str, ...]:
    """This computer's IPv4 addresses in its networks, the usual ones first; none without a network. Asks nobody."""
    working = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for entry in addresses if name in working else ():
            if entry.family == socket.AF_INET:
                address = ipaddress.ip_address(entry.address)
                if not address.is_loopback and not address.is_link_local:
                    found.append((_is_virtual(name), str(address)))
    return tuple(address for _, address in sorted(found))


def allowed_hosts(*, network: bool) -> tuple[str, ...]:
    """The names by which a request may call this computer (its Host header, without a port)."""
    if not network:
        return _LOCAL
    own = socket.gethostname()
    return tuple(dict.fromkeys((*_LOCAL, *network_addresses(), own, f"{own.split('.')[0]}.local")))


def shown_address(port: int, *, network: bool) -> str:
    """What is copied into other programs: ``http://127.0.0.1:8321``, in a network this computer's address there."""
    hosts = network_addresses() if network else ()
    return f"http://{hosts[0] if hosts else LOOPBACK}:{port}"


def _is_virtual(interface: str) -> bool:
    """Whether a network is one between containers, which no other computer reaches."""
    return interface.startswith(("docker", "br-", "veth", "virbr", "vmnet"))
