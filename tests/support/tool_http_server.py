"""A server of tools behind an address, by the protocol's own SDK: ``python tool_http_server.py http|sse [KEY]``.

It prints its port. With KEY it answers nobody who does not send it.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.responses import PlainTextResponse


def main() -> None:
    """Serve until it is ended."""
    kind, key = sys.argv[1], (sys.argv[2:] or [""])[0]
    server = MCPServer("far")

    @server.tool()
    def add(a: int, b: int) -> str:
        """Adds two numbers."""
        return str(a + b)

    app: Any = server.sse_app() if kind == "sse" else server.streamable_http_app()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and key:
            headers = dict(scope["headers"])
            if headers.get(b"authorization") != f"Bearer {key}".encode():
                await PlainTextResponse("no", 401)(scope, receive, send)
                return
        await app(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(guarded, log_level="error", ws="none")).run(sockets=[listener])


if __name__ == "__main__":
    main()
