"""Heft's client as the program that MCP's conformance suite starts: the address is the last argument.

It does what a chat would: reach the server, read what it offers, call it. ``@modelcontextprotocol/conformance`` names
the scenario in MCP_CONFORMANCE_SCENARIO.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from desktop.core.mcp_config import ToolServer
from desktop.mcp.records import FoundTool
from desktop.mcp.session import Session

_GIVEN: dict[str, dict[str, Any]] = {"add_numbers": {"a": 5, "b": 3}}
_OF_TYPE: dict[str, Any] = {"string": "x", "integer": 0, "number": 0, "boolean": False, "object": {}, "array": []}


def _arguments(tool: FoundTool) -> dict[str, Any]:
    if tool.name in _GIVEN:
        return _GIVEN[tool.name]
    fields = tool.schema.get("properties", {})
    return {name: _OF_TYPE.get(fields.get(name, {}).get("type"), "x") for name in tool.schema.get("required", ())}


def main() -> int:
    """Raises HeftError for a server that cannot be reached, or refuses."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(ToolServer("conformance", "http", url=sys.argv[-1]), "1.0", Path(folder))
        try:
            session.open(seconds=25)
            if os.environ.get("MCP_CONFORMANCE_SCENARIO") != "initialize":
                for tool in session.tools:
                    if not tool.refused:
                        session.call(tool.name, _arguments(tool), seconds=20)
        finally:
            session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
