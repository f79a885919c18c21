"""Where llama.cpp's server lies: beside the library of the same build, or where ``heft engine build`` has put one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.backends import engine_package
from desktop.engine.builder.recipe import PROJECT, Recipe, expected_time
from desktop.engine.builder.unpacked import engine_folder
from desktop.system.places import cache_folder

NAME = "llama-server.exe" if sys.platform == "win32" else "llama-server"


@dataclass(frozen=True)
class ServerProgram:
    """The program, with the libraries of its build beside it: ``installed`` with llama-cpp-python, or ``built``."""

    path: Path
    source: Literal["installed", "built"]


def find_server() -> ServerProgram | None:
    """The installed one if there is one, else the one that was built for this version and this computer."""
    installed = engine_package() / "lib" / NAME
    if installed.is_file():
        return ServerProgram(installed, "installed")
    version_here = engine_version()
    built = engine_folder(cache_folder(), Recipe(version_here)) / NAME if version_here else None
    return ServerProgram(built, "built") if built is not None and built.is_file() else None


@lru_cache(maxsize=1)
def engine_version() -> str:
    """That of the installed llama-cpp-python; "" where nothing says it."""
    try:
        return version(PROJECT)
    except PackageNotFoundError:
        return ""


def server_program() -> Path:
    """The program. Raises EngineError ("no-server") where llama-cpp-python was installed without one."""
    found = find_server()
    if found is None:
        raise EngineError(
            tr("The installed llama-cpp-python comes without llama.cpp's server, which runs the models."),
            tr("Run 'heft engine build' once; it takes about {expected_time}.", expected_time=expected_time()),
            detail=str(engine_package() / "lib" / NAME),
            kind=FailureKind.NO_SERVER,
        )
    return found.path
