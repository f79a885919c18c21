"""A second device for the engine without a GPU: llama.cpp's RPC server on loopback, in a process of its own."""

from __future__ import annotations

import ctypes
import importlib.util
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class RpcDevice:
    """A running server: its "host:port", and the way to take it away."""

    endpoint: str
    server: subprocess.Popen[bytes]

    def vanish(self) -> None:
        """As a card does whose driver fails."""
        self.server.kill()
        self.server.wait()


@contextmanager
def rpc_device() -> Iterator[str]:
    """The "host:port" of a running server that offers its CPU as a device."""
    with device_server() as device:
        yield device.endpoint


@contextmanager
def device_server(room_bytes: int = 0) -> Iterator[RpcDevice]:
    """As :func:`rpc_device`, with a hand on the server. It says that it has as much memory as the computer, and gives
    no more than ``room_bytes`` (0: all).
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"127.0.0.1:{port}"
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([sys.executable, __file__, endpoint, str(room_bytes)], stdout=quiet, stderr=quiet)
    try:
        _wait_until_it_listens(port, server)
        yield RpcDevice(endpoint, server)
    finally:
        server.kill()
        server.wait()


def _wait_until_it_listens(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise RuntimeError("the RPC server did not start")


def serve(endpoint: str, room_bytes: int) -> None:
    """Blocks; ``ggml_backend_rpc_start_server`` of ggml/include/ggml-rpc.h."""
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "lib"
    ggml = ctypes.CDLL(str(folder / "libggml.so"), mode=ctypes.RTLD_GLOBAL)
    ggml.ggml_backend_dev_by_type.restype = ctypes.c_void_p
    devices = (ctypes.c_void_p * 1)(ggml.ggml_backend_dev_by_type(0))
    rpc = ctypes.CDLL(str(folder / "libggml-rpc.so"))
    rpc.ggml_backend_rpc_start_server.argtypes = [
        ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p,
    ]  # fmt: skip
    if room_bytes:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        held = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))
        resource.setrlimit(resource.RLIMIT_DATA, (held + room_bytes, held + room_bytes))
    rpc.ggml_backend_rpc_start_server(endpoint.encode(), None, 1, 1, devices)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
