"""``heft backends``: what the engine computes with besides the processor; adding, trying and changing it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from desktop.cli.output import ProgressLine, human_bytes, print_json, print_note, print_text
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.engine.builder.cuda import NATIVE
from desktop.services.container import Container
from desktop.services.engine.backend_building import TITLES, BackendBuildService
from desktop.services.engine.backend_places import backend_folder
from desktop.services.engine.backend_words import ABOUT, ORIGINS, effort_words, speed_words, state_words, trial_words
from desktop.services.engine.backends import Backend, Backends, BackendService
from desktop.store.paths import default_paths

_ACTIONS = {"add": "FILE", "build": "vulkan|cuda", "try": "NAME", "use": "NAME", "remove": "NAME", "back": ""}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with what."""
    parser.add_argument("action", nargs="?", choices=tuple(_ACTIONS), help="what to do; without it, list them")
    parser.add_argument("what", nargs="?", metavar="FILE|NAME", help="a library, or the name of a backend or its file")
    parser.add_argument(
        "--architecture", default=NATIVE, metavar="ARCH", help="build cuda: for which cards (89; default: those here)"
    )


def run(args: argparse.Namespace) -> int:
    """List, after doing what was asked for. Raises HeftError."""
    wants = _ACTIONS.get(args.action or "back", "")
    if wants and not args.what:
        raise UsageError(f"Say which: heft backends {args.action} {wants}", "See which there are: heft backends")
    if args.what and not wants:
        raise UsageError(f"'{args.what}' is one word too many.", "See: heft backends --help")
    with Container(default_paths()) as container:
        service = container.backends
        if args.action == "build":
            said = _built(container.backend_build, args.what, args.architecture)
        else:
            said = _do(service, args.action, args.what) if args.action else ""
        found = service.known()
    if args.json:
        print_json(_document(found))
        return 0
    if said:
        print_note(f"heft: {said}")
    print_text(_listed(found))
    return 0


def _do(service: BackendService, action: str, what: str) -> str:
    """A sentence on what became of it. Raises HeftError."""
    if action in ("add", "try"):
        return _tried(service, action, what)
    if action == "back":
        service.back()
        return "What was before the last change is used again; once more undoes that."
    backend = service.use(what) if action == "use" else service.remove(what)
    if action == "use":
        return f"{backend.name} {state_words(backend)}."
    return f"{backend.name} is not used any more. It comes back with: heft backends back"


def _tried(service: BackendService, action: str, what: str) -> str:
    line = ProgressLine("Trying")
    try:
        if action == "add":
            backend = service.add(Path(what).expanduser(), progress=line.show)
        else:
            backend = service.try_again(what, progress=line.show)
    finally:
        line.close()
    if backend.state == "refused":
        hint = "It is left out; the others stay. Update the graphics driver, or take another build of it."
        raise HeftError(f"{backend.file} failed its trial: {backend.why}", hint, kind=FailureKind.REFUSED_BACKEND)
    return f"{backend.name} {trial_words(backend)}, and {state_words(backend)}."


def _built(service: BackendBuildService, what: str, architecture: str) -> str:
    """Ctrl+C ends it; asked for again, it goes on from what is compiled. Raises HeftError."""
    name = next((name for name in TITLES if name == what.casefold()), None)
    if name is None:
        raise UsageError(f"'{what}' is none that Heft can build.", f"It builds {' and '.join(TITLES)}.")
    print_note(f"heft: Building llama.cpp's {TITLES[name]} backend. {effort_words(name, service.effort(name))}")
    line = ProgressLine("Building")
    try:
        backend = service.build(name, architecture, progress=line.show)
    finally:
        line.close()
    return f"{backend.name} {trial_words(backend)}, and {state_words(backend)}."


def _listed(found: Backends) -> str:
    lines = []
    for backend in found.backends:
        size = f", {human_bytes(backend.size_bytes)}" if backend.size_bytes else ""
        lines.append(f"{backend.name}  {state_words(backend)}")
        lines.append(f"    {backend.file or 'compiled in'}, {ORIGINS[backend.origin]}{size}")
        lines += [f"    {words}" for words in (trial_words(backend), speed_words(backend)) if words]
    lines += [f"\n{note}" for note in found.notes]
    lines.append(f"\n{ABOUT}\nAdd one: heft backends add FILE. Build one: heft backends build vulkan, or cuda")
    if found.can_go_back:
        lines.append("What was before the last change: heft backends back")
    return "\n".join(lines)


def _document(found: Backends) -> dict[str, Any]:
    return {
        "backends": [_row(backend) for backend in found.backends],
        "can_go_back": found.can_go_back,
        "folder": str(backend_folder()),
        "notes": list(found.notes),
    }


def _row(backend: Backend) -> dict[str, Any]:
    return {
        "name": backend.name,
        "file": backend.file or None,
        "origin": backend.origin,
        "state": backend.state,
        "used": backend.used,
        "trial": trial_words(backend) or None,
        "message": state_words(backend),
        "tried_at": _moment(backend.tried_at),
        "since": _moment(backend.since),
        "size_bytes": backend.size_bytes or None,
        "devices": [
            {
                **msgspec.to_builtins(device),
                "served_by": device.served_by or None,
                "tokens_per_second": device.tokens_per_second or None,
                "processor_tokens_per_second": device.processor_tokens_per_second or None,
            }
            for device in backend.devices
        ],
    }


def _moment(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None
