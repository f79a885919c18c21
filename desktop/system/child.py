"""How one of Heft's own modules is run as a process, from a checkout, a wheel or a frozen program."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from pathlib import Path

MODULE_OPTION = "--heft-module"  # a frozen program has no ``python -m``: its entry point runs the module instead


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


def drop_bundle_variables(environment: MutableMapping[str, str]) -> None:
    """Take out what points other programs at a frozen program's own libraries; nothing to do in a checkout.

    Another program with Heft's copies of libstdc++, Qt or its plugins does not start (a file manager, a browser).
    PyInstaller keeps the user's own library path under ``LD_LIBRARY_PATH_ORIG``. This process has read them already,
    and Heft's own children get theirs from their own start.
    """
    if not getattr(sys, "frozen", False):
        return
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH"):
        kept = environment.pop(f"{name}_ORIG", None)
        environment.pop(name, None)
        if kept:
            environment[name] = kept
    for name in ("QT_PLUGIN_PATH", "QML2_IMPORT_PATH"):
        environment.pop(name, None)
