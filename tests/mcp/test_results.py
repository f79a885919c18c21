"""Lists and results of servers, made small enough; and a log that nobody can flood."""

from __future__ import annotations

from typing import Any

import mcp_types as types

from desktop.mcp.log_rate import LONGEST_LINE, LogRate
from desktop.mcp.results import LONGEST_DESCRIPTION, MOST_TOOLS, found_tools, result_parts


def _tool(name: str, schema: dict[str, Any] | None = None, description: str = "") -> types.Tool:
    return types.Tool(name=name, input_schema=schema or {"type": "object"}, description=description)


def test_what_is_too_large_or_twice_is_refused_with_a_reason() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        deep = {"items": deep}
    huge = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(9_000)}}
    found = found_tools([_tool("a"), _tool("a"), _tool("b", huge), _tool("c", {"type": "object", "x": deep})])
    assert [bool(tool.refused) for tool in found] == [False, True, True, True]
    assert found[2].schema == {}


def test_there_are_so_many_and_descriptions_so_long() -> None:
    found = found_tools(_tool(f"t{number}") for number in range(5 * MOST_TOOLS))
    assert sum(not tool.refused for tool in found) == MOST_TOOLS
    assert len(found) <= 2 * MOST_TOOLS + 1
    (tool,) = found_tools([_tool("a", description="x" * 50_000)])
    assert len(tool.description) == LONGEST_DESCRIPTION + 1


def test_every_kind_of_part() -> None:
    content: list[Any] = [
        types.TextContent(type="text", text="héllo"),
        types.ImageContent(type="image", data="AAAA", mime_type="image/png"),
        types.AudioContent(type="audio", data="AAA=", mime_type="audio/wav"),
        types.ResourceLink(type="resource_link", uri="file:///a\x1b", name="a"),
        types.EmbeddedResource(
            type="resource", resource=types.BlobResourceContents(uri="file:///b", blob="AA==", mime_type="x/y")
        ),
    ]
    parts, size = result_parts(types.CallToolResult(content=content))
    assert [(part.kind, part.size) for part in parts][:3] == [("text", 6), ("picture", 3), ("sound", 2)]
    assert [part.kind for part in parts][3:] == ["link", "resource"]
    assert "\x1b" not in parts[3].name
    assert size == sum(part.size for part in parts)


def test_structured_content_alone_is_data() -> None:
    parts, size = result_parts(types.CallToolResult(content=[], structured_content={"a": 1}))
    assert [(part.kind, part.text) for part in parts] == [("data", '{"a": 1}')]
    assert size == 8


def test_a_flood_of_parts_is_bounded_and_counted() -> None:
    content: list[Any] = [types.TextContent(type="text", text="x" * 10_000) for _ in range(500)]
    parts, size = result_parts(types.CallToolResult(content=content))
    assert sum(len(part.text) for part in parts) == 1_000_000
    assert size == 5_000_000


def test_so_many_lines_a_second_and_the_rest_counted() -> None:
    told: list[str] = []
    now = [0.0]
    log = LogRate(told.append, lambda: now[0])
    for number in range(500):
        log.feed(f"line {number}\n".encode())
    assert len(told) == 50
    now[0] = 1.5
    log.line("later")
    assert told[-2:] == ["(450 more lines in that second)", "later"]


def test_lines_are_cut_and_made_visible() -> None:
    told: list[str] = []
    log = LogRate(told.append, lambda: 0.0)
    log.feed(b"half ")
    assert told == []
    log.feed(b"a line \x1b[31m\xff\n\n")
    assert told == ["half a line ␛[31m\ufffd"]
    log.feed(b"y" * 5_000)
    assert len(told[-1]) < LONGEST_LINE + 40
    log.flush()
    assert len(told) == 2
