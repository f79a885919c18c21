"""A tool's list and its results as they come, made small enough to be kept and shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import mcp_types as types

from desktop.core.text import visible_in_place
from desktop.mcp.records import FoundTool, ResultPart

MOST_TOOLS = 300
LONGEST_DESCRIPTION = 20_000  # characters
LONGEST_SCHEMA = 100_000  # characters of JSON
_DEEPEST_SCHEMA = 40
LONGEST_TEXT = 1_000_000  # characters of a result that are kept
_MOST_PARTS = 200
_LONGEST_NAME = 500


def found_tools(tools: Iterable[types.Tool]) -> tuple[FoundTool, ...]:
    """The tools of a server. Those that no model should be given are told, too, and why."""
    found: list[FoundTool] = []
    seen: set[str] = set()
    for tool in tools:
        refused = ""
        if len(found) >= MOST_TOOLS:
            refused = f"the server has more than {MOST_TOOLS} tools"
        elif tool.name in seen:
            refused = "the server has another tool of this name"
        elif len(schema := json.dumps(tool.input_schema, ensure_ascii=False)) > LONGEST_SCHEMA:
            refused = f"the description of its arguments has {len(schema):,} characters"
        elif _depth(tool.input_schema) > _DEEPEST_SCHEMA:
            refused = "the description of its arguments is nested too deep"
        seen.add(tool.name)
        title = tool.title or (tool.annotations.title if tool.annotations else None) or ""
        found.append(
            FoundTool(
                tool.name[:_LONGEST_NAME],
                title[:_LONGEST_NAME],
                _cut(tool.description or "", LONGEST_DESCRIPTION),
                {} if refused else tool.input_schema,
                refused,
            )
        )
        if len(found) > 2 * MOST_TOOLS:
            break
    return tuple(found)


def result_parts(result: types.CallToolResult) -> tuple[tuple[ResultPart, ...], int]:
    """The parts of a result, and the size of all of it in bytes. Text beyond the limit is left out."""
    parts: list[ResultPart] = []
    room, whole = LONGEST_TEXT, 0
    for number, block in enumerate(result.content):
        part = _part(block)
        whole += part.size
        if number >= _MOST_PARTS:
            continue
        text = part.text[:room]
        room -= len(text)
        parts.append(ResultPart(part.kind, text, part.mime, part.name, part.size))
    if not any(part.kind == "text" for part in parts) and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
        size = len(text.encode("utf-8", "replace"))
        parts.append(ResultPart("data", text[:room], "application/json", "", size))
        whole += size
    return tuple(parts), whole


def _part(block: Any) -> ResultPart:
    match block:
        case types.TextContent(text=text):
            return ResultPart("text", text, size=len(text.encode("utf-8", "replace")))
        case types.ImageContent(data=data, mime_type=mime):
            return ResultPart("picture", mime=_short(mime), size=_decoded(data))
        case types.AudioContent(data=data, mime_type=mime):
            return ResultPart("sound", mime=_short(mime), size=_decoded(data))
        case types.ResourceLink(uri=uri, name=name, mime_type=mime):
            return ResultPart("link", _short(name), _short(mime or ""), _short(str(uri)), len(str(uri)))
        case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
            text = resource.text
            size = len(text.encode("utf-8", "replace"))
            return ResultPart("resource", text, _short(resource.mime_type or ""), _short(str(resource.uri)), size)
        case types.EmbeddedResource(resource=types.BlobResourceContents() as resource):
            name, size = _short(str(resource.uri)), _decoded(resource.blob)
            return ResultPart("resource", "", _short(resource.mime_type or ""), name, size)
    return ResultPart("resource", mime="unknown")


def _decoded(data: str) -> int:
    """Bytes that this base64 stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def _short(text: str) -> str:
    return visible_in_place(text[:_LONGEST_NAME])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _depth(value: Any, level: int = 0) -> int:
    if level > _DEEPEST_SCHEMA:
        return level
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_depth(one, level + 1) for one in inside), default=level)
