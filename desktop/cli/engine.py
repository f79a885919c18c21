"""``heft engine``: the program that runs models, and building it where llama-cpp-python was installed without one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from desktop.cli.output import ProgressLine, print_json, print_note, print_text
from desktop.engine.server.program import ServerProgram
from desktop.services.container import Container
from desktop.services.engine.building import EngineBuildService
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do."""
    parser.add_argument("action", nargs="?", choices=("build",), help="build it; without it, say what is there")


def run(args: argparse.Namespace) -> int:
    """Say what runs models here, after building it where that was asked for and there is none. Raises HeftError."""
    with Container(default_paths()) as container:
        service = container.engine_build
        found, seconds = service.server(), None
        if args.action == "build" and found is None:
            begun = time.monotonic()
            _build(service)
            found, seconds = service.server(), time.monotonic() - begun
        if args.json:
            print_json(_document(service, found, seconds))
        else:
            print_text(_sentence(service, found, seconds))
    return 0


def _build(service: EngineBuildService) -> None:
    """With a line of progress; Ctrl+C ends it, and what was compiled so far is lost."""
    print_note(f"heft: Building llama.cpp's server of llama-cpp-python {service.version}. {service.forewarning()}")
    line = ProgressLine("Building")
    try:
        service.build(progress=line.show)
    finally:
        line.close()


def _sentence(service: EngineBuildService, found: ServerProgram | None, seconds: float | None) -> str:
    if found is None:
        return (
            f"llama-cpp-python {service.version} is installed without llama.cpp's server, which runs the models.\n"
            f"Build it: heft engine build. {service.forewarning()}"
        )
    how = {"installed": "installed with it", "built": "built by Heft"}[found.source]
    took = f" in {seconds:.0f} s" if seconds is not None else ""
    return f"llama-cpp-python {service.version}, llama.cpp's server {how}{took}: {found.path}"


def _document(service: EngineBuildService, found: ServerProgram | None, seconds: float | None) -> dict[str, Any]:
    return {
        "version": service.version,
        "server": str(found.path) if found is not None else None,
        "source": found.source if found is not None else None,
        "size_bytes": _size_bytes(found.path.parent) if found is not None else None,
        "expected_seconds": service.expected_seconds if found is None else None,
        "built": seconds is not None,
        "seconds": round(seconds, 3) if seconds is not None else None,
    }


def _size_bytes(folder: Path) -> int:
    """Of all files in it; one that goes by several names counts once."""
    sizes = {(stat.st_dev, stat.st_ino): stat.st_size for stat in (file.stat() for file in folder.iterdir())}
    return sum(sizes.values())
