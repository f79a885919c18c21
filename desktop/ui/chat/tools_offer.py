"""What the model of the chat in view is offered of tools, as it is shown beside the message field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop.core.tool_choice import uses
from desktop.core.words import tr

if TYPE_CHECKING:
    from desktop.core.tool_choice import TakenOut
    from desktop.services.tools.server_view import ServerView

CANNOT = tr("This model cannot call tools: its chat template does not know them.")


@dataclass(frozen=True)
class ToolsOffer:
    """What there is. ``knows``: the loaded model can call tools, None without one. ``tokens`` is what the ``offered``
    tools add to each question; None where that is not known. ``out`` is what this chat does not use.
    """

    servers: tuple[ServerView, ...] = ()
    offered: int = 0
    knows: bool | None = None
    tokens: int | None = None
    out: TakenOut = ()

    @property
    def words(self) -> str:
        """On the button."""
        if not any(server.saved.on and uses(self.out, server.name) for server in self.servers):
            return tr("Tools: off")
        if self.knows is False:
            return tr("Tools: not with this model")
        failed = any(
            server.error is not None and server.saved.on and uses(self.out, server.name) for server in self.servers
        )
        return (
            tr("Tools: {offered}{value}", offered=self.offered, value=" ⚠" if failed else "")
            if self.offered or failed
            else tr("Tools: on")
        )

    @property
    def cost(self) -> str:
        """What they cost, or why none is offered; "" where there is nothing to say."""
        if self.knows is False:
            return CANNOT
        if self.tokens is None:
            return ""
        return tr("They take {tokens:,} tokens of each question", tokens=self.tokens)
