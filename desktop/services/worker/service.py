"""Lending this computer's devices, and using those of another: the worker, and the end of its tunnel elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from desktop.core.endpoint_url import is_own_network
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import Hello
from desktop.engine.device_records import Device
from desktop.services.worker.about import About, plain_about
from desktop.services.worker.identity import Pairing, identity_in
from desktop.services.worker.pool import ServerPool
from desktop.services.worker.questions import answer
from desktop.services.worker.tunnel import Door, Tunnel
from desktop.services.worker.wiring import wire
from desktop.store.paths import Paths
from desktop.system.cores import physical_threads

if TYPE_CHECKING:
    from desktop.engine.tools.rpc_server import RpcServer

TunnelKind = Literal["tls", "ssh"]
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Lent:
    """What another computer needs: ``pairing`` for a tunnel of Heft's, None for SSH, which is given ``address``."""

    address: str
    devices: tuple[Device, ...]
    pairing: Pairing | None


class Worker:
    """Lends until it is closed. A context manager."""

    def __init__(
        self,
        paths: Paths,
        describe: Callable[[], Hello],
        tunnel: TunnelKind = "tls",
        host: str = "",
        port: int = 0,
        about: Callable[[tuple[Device, ...]], About] | None = None,
    ) -> None:
        """``about`` says what this computer is, given what it lends; it is asked whenever another computer asks.
        ``host`` is the address of this computer to listen at, "" for the first one in its own network; with "ssh" it
        is always loopback. Raises HeftError: cleartext (an address on an open network), busy (a port in use),
        not-started.
        """
        from desktop.engine.tools.rpc_server import RpcServer

        host = _LOOPBACK if tunnel == "ssh" else host or own_address()
        if not is_own_network(host):
            raise HeftError(
                tr("{host} is an address on an open network: devices are lent in your own only.", host=host),
                tr("Listen at an address of your own network, or use --tunnel ssh."),
                kind=FailureKind.CLEARTEXT,
            )
        identity = identity_in(paths.data / "worker") if tunnel == "tls" else None
        found = describe().devices
        gpus = tuple(device for device in found if device.kind in ("gpu", "igpu") and device.backend != "RPC")
        lent = gpus or tuple(device for device in found if device.kind == "cpu")[:1]
        logs = itertools.count(2)
        self._rpc: RpcServer = RpcServer(paths.scratch, paths.logs / "rpc-server.log", physical_threads())
        self._pool = ServerPool(
            self._rpc,
            lambda: RpcServer(paths.scratch, paths.logs / f"rpc-server-{next(logs) % 9}.log", physical_threads()),
        )
        self._door: Door | None = None
        pairing = None

        def known() -> About:
            return about(lent) if about is not None else plain_about(lent)

        if identity is not None:
            try:
                self._door = Door(identity, host, port, self._pool.port, lambda inside: answer(inside, known))
            except OSError as error:
                self._pool.close()
                raise HeftError(
                    tr(
                        "Nothing can listen at {host}:{port}: {strerror}.",
                        host=host,
                        port=port,
                        strerror=error.strerror or error,
                    ),
                    tr("Take another --port, or another --listen."),
                    kind=FailureKind.BUSY,
                    detail=str(error),
                ) from error
            pairing = Pairing(host, self._door.port, identity.fingerprint, identity.secret)
        at = self._door.port if self._door is not None else self._rpc.port
        self.lent = Lent(f"{host}:{at}", lent, pairing)

    def wait(self) -> None:
        """Until its RPC server ends, which what it is sent may bring about."""
        self._rpc.wait()

    def end(self) -> None:
        """Let :meth:`wait` come back."""
        self._rpc.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._door is not None:
            self._door.close()
        self._pool.close()


def use(tunnel: Tunnel, describe: Callable[[], Hello]) -> tuple[Device, ...]:
    """The devices behind a tunnel, as the engine of this computer sees them; from now on it may use them, in this
    process and in those that it starts.
    """
    wire(tunnel.port)
    return tuple(device for device in describe().devices if device.backend == "RPC")


def own_address() -> str:
    """An address of this computer in its own network; loopback where it has none."""
    import psutil

    for name, addresses in sorted(psutil.net_if_addrs().items()):
        for each in addresses:
            host = str(each.address).partition("%")[0]
            if name != "lo" and each.family.name == "AF_INET" and host != _LOOPBACK and is_own_network(host):
                return host
    return _LOOPBACK
