"""A tool as a model is offered it."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.tool_calls import ToolSpec
from desktop.mcp.records import FoundTool


@dataclass(frozen=True)
class OfferedTool:
    """What the model is told, and whose tool it is."""

    spec: ToolSpec
    server: str
    found: FoundTool
