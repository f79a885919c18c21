"""Which RPC servers the engine's processes of this one are given: those of the environment, and ends of tunnels."""

from __future__ import annotations

import os
import threading

from desktop.engine.backends import RPC_VARIABLE

_lock = threading.Lock()


def wire(port: int) -> None:
    """From now on the engine may use what is behind this port of loopback, in processes that this one starts."""
    with _lock:
        known = os.environ.get(RPC_VARIABLE, "").split()
        if (own := address(port)) not in known:
            os.environ[RPC_VARIABLE] = " ".join((*known, own))


def unwire(port: int) -> None:
    """And from now on it may not."""
    with _lock:
        known = os.environ.get(RPC_VARIABLE, "").split()
        left = [each for each in known if each != address(port)]
        if left:
            os.environ[RPC_VARIABLE] = " ".join(left)
        else:
            os.environ.pop(RPC_VARIABLE, None)


def address(port: int) -> str:
    """As the engine has it: also the description of the devices behind it."""
    return f"127.0.0.1:{port}"
