"""Lists of servers of tools, as other programs write them."""

from __future__ import annotations

import json

import pytest

from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.mcp_config import ToolServer, entry_of, expanded, server_of, servers_of


def test_the_usual_file() -> None:
    document = {
        "mcpServers": {
            "files": {
                "command": "npx",
                "args": ["-y", "server", 8],
                "env": {"A": "1"},
                "cwd": "/tmp",
                "disabled": True,
            },
            "far": {"url": "https://example.com/mcp", "headers": {"X": "y"}},
            "older": {"type": "sse", "url": "http://127.0.0.1:1/sse"},
        }
    }
    assert servers_of(json.dumps(document)) == (
        ToolServer("files", "stdio", "npx", ("-y", "server", "8"), {"A": "1"}, "/tmp"),
        ToolServer("far", "http", url="https://example.com/mcp", headers={"X": "y"}),
        ToolServer("older", "sse", url="http://127.0.0.1:1/sse"),
    )


def test_the_form_of_vs_code() -> None:
    document = {
        "servers": {"a": {"type": "stdio", "command": "x"}, "b": {"type": "streamable-http", "url": "http://b"}}
    }
    assert [server.transport for server in servers_of(json.dumps(document))] == ["stdio", "http"]


def test_an_entry_is_written_as_it_was_read() -> None:
    for entry in ({"command": "x", "args": ["a b"]}, {"type": "http", "url": "http://b", "headers": {"K": "v"}}):
        assert entry_of(server_of("s", entry)) == entry


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "This file is no JSON"),
        ("[]", 'This file has no "mcpServers".'),
        ('{"mcpServers": []}', 'This file has no "mcpServers".'),
        ('{"mcpServers": {"a": 1}}', "The server a is described by no object."),
        ('{"mcpServers": {"a": {}}}', 'The server a needs a "command" or a "url", and not both.'),
        ('{"mcpServers": {"a": {"command": "x", "url": "http://b"}}}', "and not both."),
        ('{"mcpServers": {"a": {"command": "x", "type": "carrier pigeon"}}}', "reached by carrier pigeon"),
        ('{"mcpServers": {"a": {"command": "x", "type": "http"}}}', "says that it is reached by http"),
        ('{"mcpServers": {"a": {"url": "ftp://b"}}}', "neither http:// nor https://"),
        ('{"mcpServers": {"a": {"command": "x", "args": "y"}}}', '"args" of the server a is no list of texts.'),
        ('{"mcpServers": {"a": {"command": "x", "env": {"K": [1]}}}}', '"K" in "env" of the server a is no text.'),
        ('{"mcpServers": {"a": {"command": ["x"]}}}', '"command" of the server a is no text.'),
        ('{"mcpServers": {"": {"command": "x"}}}', "A server's name has 1 to 40 signs."),
    ],
)
def test_what_is_wrong_is_said(document: str, said: str) -> None:
    with pytest.raises(HeftError) as raised:
        servers_of(document)
    assert said in raised.value.message
    assert raised.value.kind in (FailureKind.BAD_FILE, FailureKind.USAGE)


def test_variables_of_the_environment() -> None:
    server = ToolServer("s", "stdio", "run", ("${HOME}/x", "${env:B}", "${C:-else}"), {"K": "${KEY}"})
    found = expanded(server, {"HOME": "/h", "B": "b", "KEY": "k"})
    assert (found.args, found.env) == (("/h/x", "b", "else"), {"K": "k"})
    with pytest.raises(NotFoundError) as raised:
        expanded(server, {"HOME": "/h", "B": "b"})
    assert "wants the environment variable KEY" in raised.value.message
