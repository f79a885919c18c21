"""What Heft is made of and what to put into a bug report; nothing in either comes from a chat."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop import __version__
from desktop.core.hardware import Machine
from desktop.core.secrets import TOKEN_VARIABLES, without_tokens
from desktop.core.words import tr
from desktop.engine.api import Hello
from desktop.services.machine.report import report as machine_report
from desktop.system.packaged import read_table

LOG_LINES = 60
_LOGS = ("heft.log", "engine.log")
_LOG_BYTES = 64 * 1024
_REQUIREMENT = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Component:
    """One third-party part of Heft: its licence in a word, and what there is to say about it."""

    name: str
    version: str
    licence: str
    note: str = ""


def engine_sentence(hello: Hello) -> str:
    """The engine in a line."""
    chosen = tr(", {cpu_variant} chosen for this processor", cpu_variant=hello.cpu_variant) if hello.cpu_variant else ""
    return tr(
        "Engine: {version} ({backends}{chosen})",
        version=hello.version,
        backends=", ".join(hello.backends),
        chosen=chosen,
    )


def licence_folder() -> Path | None:
    """The licence texts that came with an installed Heft; None in a checkout, where packages bring their own."""
    if not getattr(sys, "frozen", False):
        return None
    bundle = Path(str(getattr(sys, "_MEIPASS", "")))
    places = (bundle / "licences", bundle.parent / "Resources" / "licences")  # the second in a macOS application
    return next((folder for folder in places if folder.is_dir()), None)


def third_party() -> tuple[Component, ...]:
    """Every third-party part, by name. Reads files: not for the GUI thread."""
    folder = licence_folder()
    if folder is not None:
        document = json.loads((folder / "licences.json").read_text(encoding="utf-8"))
        return tuple(Component(**entry) for entry in document)
    return _installed_parts()


def _installed_parts() -> tuple[Component, ...]:
    """What the installed Heft requires, by way of all that these require in turn, and what is linked into llama.cpp;
    tools are left out."""
    from importlib import metadata

    waiting, found = ["heft-desktop"], {}
    while waiting:
        name = waiting.pop()
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another system
        key = package.metadata["Name"].lower().replace("_", "-")
        if key in found:
            continue
        found[key] = Component(package.metadata["Name"], package.version, _licence(package.metadata))
        for line in package.requires or ():
            wanted = _REQUIREMENT.match(line)
            if wanted is not None and "extra ==" not in line:
                waiting.append(wanted[0])
    found.pop("heft-desktop", None)
    engine = found.get("llama-cpp-python")
    inside = tr("as in llama-cpp-python {version}", version=engine.version) if engine is not None else ""
    parts = [Component(row["name"], inside, row["licence"], row["note"]) for row in read_table("engine_parts")]
    return tuple(sorted((*found.values(), *parts), key=lambda part: part.name.lower().replace("_", "-")))


def _licence(meta: object) -> str:
    """A package's licence as it states it: the expression, else its classifier, else its first line of text."""
    get_all = meta.get_all  # type: ignore[attr-defined]
    expressions = get_all("License-Expression") or []
    classifiers = [c.split(" :: ")[-1] for c in get_all("Classifier") or [] if c.startswith("License ::")]
    texts = [text.splitlines()[0] for text in get_all("License") or [] if text.strip()]
    return next((said for said in (*expressions, *classifiers, *texts) if said), tr("see its files"))


def bug_report(logs: Path, machine: Machine | None, qt: str) -> str:
    """Versions, machine and the newest lines of the logs, with home folder, user name and secrets taken out.

    ``logs`` is Heft's log folder, ``qt`` the version of Qt in use. Reads files: not for the GUI thread.
    """
    kind = "installed" if getattr(sys, "frozen", False) else "checkout"
    lines = [
        tr("Heft {version} ({kind})", version=__version__, kind=kind),
        tr("Python {python_version}, Qt {qt}", python_version=platform.python_version(), qt=qt),
        f"{platform.platform()}",
        "",
        machine_report(machine).rstrip() if machine is not None else tr("The machine was not asked yet."),
    ]
    for name in _LOGS:
        lines += ["", f"-- the end of {name}", *_tail(logs / name)]
    return without_secrets("\n".join(lines) + "\n")


def without_secrets(text: str, homes: Sequence[str] | None = None) -> str:
    """``text`` without tokens and without the names of home folders."""
    for home in homes if homes is not None else (str(Path.home()), os.environ.get("HOME", "")):
        if len(home) > 1:
            text = text.replace(home, "~")
    return without_tokens(text, (os.environ.get(name, "") for name in TOKEN_VARIABLES))


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_BYTES))
            return log.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]
    except OSError:
        return ["(none)"]
