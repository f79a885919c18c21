"""One call of a tool, from what a model wrote to what it is told: for the window's chat and for the commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import HeftError
from desktop.core.tool_calls import OPEN, CalledTool, ToolCall
from desktop.services.chat.requests import UNANSWERED
from desktop.services.tools.results import given

if TYPE_CHECKING:
    from desktop.services.tools.offered import OfferedTool
    from desktop.services.tools.service import ToolService

_DECLINED = "The user did not allow this call."
_UNKNOWN = "There is no tool of this name. The tools are: "
_NO_JSON = "The arguments are no JSON object. Write the call again with the arguments as one JSON object."
_MOST_NAMES = 50


def begun(
    called: CalledTool,
    offered: Mapping[str, OfferedTool],
    taken: Collection[str],
    round_: int,
    *,
    at: int = 0,
    thought: int = 0,
) -> ToolCall:
    """A call as it begins; one that cannot be made has failed already. ``taken`` are ids of earlier calls."""
    own = called.id if called.id not in taken else f"{called.id}_{round_}"
    found = offered.get(called.name)
    call = ToolCall(own, called.name, called.arguments, at=at, thought=thought, round=round_)
    if found is None:
        names = ", ".join(list(offered)[:_MOST_NAMES]) or "none"
        return msgspec.structs.replace(call, state="failed", result=f"{_UNKNOWN}{names}.")
    call = msgspec.structs.replace(call, server=found.server, tool=found.found.name)
    if _arguments(called.arguments) is None:
        return msgspec.structs.replace(call, state="failed", result=_NO_JSON)
    return call


def declined(call: ToolCall) -> ToolCall:
    """A call that a person did not allow."""
    return msgspec.structs.replace(call, state="denied", result=_DECLINED)


def unanswered(call: ToolCall) -> ToolCall:
    """A call that an answer was stopped at; one that is over stays as it is."""
    return msgspec.structs.replace(call, state="stopped", result=UNANSWERED) if call.state in OPEN else call


def answered(
    call: ToolCall,
    tools: ToolService,
    context_length: int,
    cancelled: Cancelled,
    clock: Callable[[], float] = time.monotonic,
) -> ToolCall:
    """Make a call that is allowed, and wait. ``context_length``, in tokens, bounds what the model is told.

    A failure of the server is the call's; raises CancelledError alone.
    """
    began = clock()
    try:
        found = tools.call(call.server, call.tool, _arguments(call.arguments) or {}, cancelled=cancelled)
    except CancelledError:
        raise
    except HeftError as error:
        return msgspec.structs.replace(call, state="failed", result=error.message, seconds=clock() - began)
    told = given(found.parts, found.size, context_length)
    return msgspec.structs.replace(
        call,
        state="failed" if found.is_error else "done",
        result=told.text,
        notes=told.notes,
        seconds=clock() - began,
        size=found.size,
    )


def _arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a call; None where they are none. A tool without any is called with nothing by some models."""
    try:
        found = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
