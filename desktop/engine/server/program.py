"""Where llama.cpp's server lies: beside the library of the same build."""

from __future__ import annotations

import sys
from pathlib import Path

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.engine.backends import engine_package

NAME = "llama-server.exe" if sys.platform == "win32" else "llama-server"


def server_program() -> Path:
    """The program. Raises EngineError ("no-server") where llama-cpp-python was installed without one."""
    program = engine_package() / "lib" / NAME
    if not program.is_file():
        raise EngineError(
            "The installed llama-cpp-python comes without llama.cpp's server, which runs the models.",
            "Run 'heft engine build' once; it takes about six minutes.",
            detail=str(program),
            kind=FailureKind.NO_SERVER,
        )
    return program
