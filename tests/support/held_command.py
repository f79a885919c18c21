"""A command that stays half-way until it is killed: one of its helpers is never asked a certain request.

    python -m support.held_command MODULE KIND NUMBER CONSTANTS COMMAND ...

The request is the NUMBER-th (from 0) of the struct KIND of the helper MODULE of ``desktop.engine.tools``; CONSTANTS is
JSON, values by "module:name", which stand in that module of Heft while the command runs.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
from typing import Any

from desktop.engine.helper_process import Tool


def hold_at(kind: type, number: int) -> None:
    """Whoever asks this request waits for ever."""
    call, asked = Tool.call, [0]

    def held(tool: Tool[Any], request: Any, **how: Any) -> Any:
        if isinstance(request, kind):
            if asked[0] == number:
                threading.Event().wait()
            asked[0] += 1
        return call(tool, request, **how)

    Tool.call = held  # type: ignore[method-assign, assignment]


def main() -> int:
    """The command, as ``heft`` runs it."""
    module, kind, number, constants, *command = sys.argv[1:]
    for name, value in json.loads(constants).items():
        place, _, constant = name.partition(":")
        setattr(importlib.import_module(place), constant, value)
    hold_at(getattr(importlib.import_module(f"desktop.engine.tools.{module}"), kind), int(number))
    from desktop.cli import main as heft

    return heft(command)


if __name__ == "__main__":
    sys.exit(main())
