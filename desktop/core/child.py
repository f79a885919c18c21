"""How one of Heft's own modules is run as a process, from a checkout, a wheel or a frozen program."""

from __future__ import annotations

import sys

MODULE_OPTION = "--heft-module"  # a frozen program has no ``python -m``: its entry point runs the module instead


def command(module: str) -> list[str]:
    """Command line that runs a module of this package with this interpreter.

    ``-P`` keeps the working directory off the import path, so nothing planted there is imported; a frozen program
    imports from its own archive only.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, MODULE_OPTION, module]
    return [sys.executable, "-P", "-m", module]


def asked_module(arguments: list[str]) -> str | None:
    """The module that a command line made by :func:`command` names in a frozen program; None for any other."""
    if len(arguments) == 2 and arguments[0] == MODULE_OPTION and arguments[1].startswith("desktop."):
        return arguments[1]
    return None
