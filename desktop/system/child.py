"""How one of Heft's own modules is run as a process, from a checkout, a wheel or a frozen program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

MODULE_OPTION = "--heft-module"  # a frozen program has no ``python -m``: its entry point runs the module instead

_BEGIN_ANEW = "PYINSTALLER_RESET_ENVIRONMENT"  # the starter takes what it set for its own children out of a new start


def command(module: str) -> list[str]:
    """Command line that runs a module of this package with this interpreter.

    ``-P`` keeps the working directory off the import path, so nothing planted there is imported; a frozen program
    imports from its own archive only.
    """
    if getattr(sys, "frozen", False):
        return [_console_program(), MODULE_OPTION, module]
    return [sys.executable, "-P", "-m", module]


def _console_program() -> str:
    """The frozen program whose standard streams always work: on Windows a window program may have none."""
    if sys.platform == "win32":
        return str(Path(sys.executable).with_name("heft.exe"))
    return sys.executable


def asked_module(arguments: list[str]) -> str | None:
    """The module that a command line made by :func:`command` names in a frozen program; None for any other."""
    if len(arguments) == 2 and arguments[0] == MODULE_OPTION and arguments[1].startswith("desktop."):
        return arguments[1]
    return None


def drop_library_path(environment: MutableMapping[str, str]) -> None:
    """Give the user's own library path back, first thing in every process of a frozen program; nothing in a checkout.

    PyInstaller's starter put the bundle's folder before it, for this process, which has read it already. Another
    program with Heft's copies of libraries may not start (a file manager, a browser), and Heft's own children find
    theirs by the search paths in the files (packaging/run_paths.py). A Heft that is started by another program that
    Heft started begins anew.
    """
    if not getattr(sys, "frozen", False):
        return
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH"):
        kept = environment.pop(f"{name}_ORIG", None)
        parts = environment.pop(name, "").split(os.pathsep)
        own = kept if kept is not None else os.pathsep.join(part for part in parts if part != _bundle())
        if own:
            environment[name] = own
    environment[_BEGIN_ANEW] = "1"


def drop_qt_variables(environment: MutableMapping[str, str]) -> None:
    """Take out what points other Qt programs at a frozen program's plugins, once Heft's own Qt has read it."""
    if getattr(sys, "frozen", False):
        for name in ("QT_PLUGIN_PATH", "QML2_IMPORT_PATH"):
            environment.pop(name, None)


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What Heft's own children get of it: they belong to the program that runs, and do not begin anew."""
    return {name: value for name, value in environment.items() if name != _BEGIN_ANEW}


def _bundle() -> str:
    return str(getattr(sys, "_MEIPASS", ""))
