"""How tests make servers of tools, and sessions with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from support.tool_server import __file__ as program

from desktop.core.mcp_config import ToolServer
from desktop.mcp.session import Session

MakeSession = Callable[..., Session]


def scripted(*ways: str, env: dict[str, str] | None = None, name: str = "scripted") -> ToolServer:
    """A server that goes these ways."""
    return ToolServer(name, command=sys.executable, args=(str(Path(program).resolve()), *ways), env=env or {})
