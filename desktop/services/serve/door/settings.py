"""What the door is told when it is opened: where it listens, who may come in, and how much is taken."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import UsageError

LOOPBACK = "127.0.0.1"
_MIB = 1 << 20


@dataclass(frozen=True)
class DoorSettings:
    """``port`` 0 takes any free one. ``key`` "" lets every program of this computer in; it is refused for a network.

    ``allowed_hosts`` are further names under which clients may call it (the Host header); ``network``: it may listen on
    an address that other computers reach; ``web_page``: llama.cpp's own page is served, from ``page_folder`` or where
    :func:`desktop.services.serve.door.page.assets.find_page` finds it. Limits: ``largest_body`` and
    ``largest_header`` in bytes, ``connections`` at a time, the others in seconds: until a request's header and its body
    are there, of silence between two requests of a connection, for a client that does not take what is sent to it, and
    for answers that run when the door is closed.
    """

    host: str = LOOPBACK
    port: int = 0
    key: str = ""
    allowed_hosts: tuple[str, ...] = ()
    network: bool = False
    web_page: bool = False
    page_folder: Path | None = None
    largest_body: int = 32 * _MIB
    largest_header: int = 64 * 1024
    connections: int = 128
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    idle_seconds: float = 30.0
    write_seconds: float = 60.0
    closing_seconds: float = 3.0

    def check(self) -> None:
        """Raises UsageError for what is not safe."""
        if is_loopback(self.host):
            return
        if not self.network:
            raise UsageError(
                f"{self.host} can be reached by other computers, and the server is not open to the network.",
                "Open it to the network, or let it listen on 127.0.0.1.",
            )
        if not self.key:
            raise UsageError(
                "Without a key every computer of the network could use this one's models.",
                "Give it a key, or let it listen on 127.0.0.1.",
            )


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches this address or name."""
    if host.lower() == "localhost":
        return True
    address = address_of(host)
    return address is not None and address.is_loopback


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is, with or without brackets; None for a name."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
