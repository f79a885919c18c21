"""Devices of other computers: llama.cpp RPC servers, by HEFT_RPC. The protocol has no authentication.

llama.cpp ends the process where a server does not answer, so each is knocked at first.
"""

from __future__ import annotations

import os
import socket

from desktop.engine.backends import RPC_VARIABLE

_KNOCK_SECONDS = 2.0


def remote_servers() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The "host:port" of each server that answers, and of each that does not."""
    asked = os.environ.get(RPC_VARIABLE, "").split()
    there = tuple(endpoint for endpoint in asked if _answers(endpoint))
    return there, tuple(endpoint for endpoint in asked if endpoint not in there)


def _answers(endpoint: str) -> bool:
    host, _, port = endpoint.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS):
            return True
    except (OSError, ValueError, OverflowError):
        return False
