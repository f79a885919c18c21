"""``heft serve`` as a service of the user's systemd: the unit's text, installing and removing it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.system.atomic import write_atomically
from desktop.system.child import command

NAME = "heft-serve.service"
_PASSED_ON = ("HEFT_HOME", "HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS")  # where data and models lie
_SECONDS = 60.0  # of one call of systemctl; stopping waits for running answers
_BY_HAND = "Let your system start this at login: heft serve"


@dataclass(frozen=True)
class Installed:
    """A unit file and whether systemd starts it at login."""

    path: Path
    enabled: bool
    started: bool = False


def unit_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where systemd looks for this user's units (systemd.unit(5))."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user" / NAME


def unit_text(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> str:
    """The unit that runs ``heft serve`` with these arguments, and in this environment as to where things lie."""
    words = [*_program(environ), "serve", *arguments]
    kept = [f"Environment={_quoted(f'{name}={environ[name]}')}" for name in _PASSED_ON if environ.get(name)]
    return "\n".join(
        (
            "[Unit]",
            "Description=Heft: the models of this computer for other programs",
            "StartLimitIntervalSec=300",
            "StartLimitBurst=10",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={' '.join(_quoted(word, command_line=True) for word in words)}",
            *kept,
            "Restart=on-failure",
            "RestartSec=10",
            "TimeoutStopSec=45",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        )
    )


def install(arguments: Sequence[str], *, start: bool = True) -> Installed:
    """Write the unit, and let systemd start it at each login, with ``start`` now, too.

    HeftError where this computer has no systemd for its user, StoreError where the unit cannot be written.
    """
    path = unit_path()
    _needs_systemd()
    try:
        write_atomically(path, unit_text(arguments).encode())
    except OSError as error:
        raise StoreError(
            tr("The unit could not be written: {strerror}", strerror=error.strerror or error),
            tr("Check the permissions of {parent}.", parent=path.parent),
            detail=f"{path}: {error!r}",
        ) from error
    try:
        _systemctl("daemon-reload")
        _systemctl("enable", *(["--now"] if start else []), NAME)
    except HeftError:
        path.unlink(missing_ok=True)  # nothing half done is left
        raise
    return Installed(path, enabled=True, started=start)


def uninstall() -> Installed:
    """Stop it, let systemd start it no more, and remove the unit. NotFound is no error: then there is nothing to do."""
    path = unit_path()
    if path.exists():
        _needs_systemd()
        _systemctl("disable", "--now", NAME)
        path.unlink(missing_ok=True)
        _systemctl("daemon-reload")
    return Installed(path, enabled=False)


def _program(environ: Mapping[str, str]) -> list[str]:
    if image := environ.get("APPIMAGE"):  # the file that a person has; what it unpacks to is gone after it
        return [image]
    return [sys.executable] if getattr(sys, "frozen", False) else command("desktop")


def _quoted(word: str, *, command_line: bool = False) -> str:
    """A word as systemd reads it (systemd.syntax(7)): specifiers and variables are no more than their letters."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if command_line else text}"'


def _needs_systemd() -> None:
    if not sys.platform.startswith("linux") or shutil.which("systemctl") is None:
        raise HeftError(
            tr("This computer has no systemd, which could start heft serve by itself."),
            _BY_HAND,
            kind=FailureKind.NO_SYSTEMD,
        )


def _systemctl(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["systemctl", "--user", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        said = done.stderr.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        said, failed = repr(error), True
    else:
        failed = done.returncode != 0
    if failed:
        raise HeftError(
            tr(
                "systemd did not do it: {splitlines}",
                splitlines=said.splitlines()[0] if said else "no reason was given",
            ),
            _BY_HAND,
            kind=FailureKind.NO_SYSTEMD,
            detail=tr("systemctl --user {arguments}: {said}", arguments=" ".join(arguments), said=said),
        )
