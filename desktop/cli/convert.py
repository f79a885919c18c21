"""``heft convert``: a folder of safetensors to a GGUF file, by llama.cpp's own converter."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from desktop.cli.hints import hints
from desktop.cli.model import repo_name
from desktop.cli.output import NAME_WIDTH, ProgressLine, human_bytes, print_json, print_note, print_text, table
from desktop.core.conversion import AUTO, TYPES
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.naming import elided_name
from desktop.services.container import Container
from desktop.services.lab.convert_words import effort_words, environment_words
from desktop.services.lab.converting import Converted, ConvertProspect
from desktop.services.lab.originals import original_files, original_folder
from desktop.store.paths import default_paths

HUB = "hf:"
HINTS = {
    FailureKind.FILE_EXISTS: "Name another one with --out, or move it away.",
    FailureKind.DISK_FULL: "Free some space on that disk, or name another place with --out.",
    FailureKind.NO_PACKAGES: "Check the network, then try again; --torch-index names another index for torch.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER, and how it is converted."""
    parser.add_argument(
        "folder", metavar="FOLDER",
        help="a folder with config.json, a tokenizer and safetensors files; hf:OWNER/REPO is downloaded first",
    )  # fmt: skip
    parser.add_argument(
        "--type", type=_type, default=AUTO, metavar="TYPE",
        help=f"{', '.join(TYPES)}; auto is the 16-bit type that the weights have (default)",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", help="the file to make; Heft's own folder of models when not given")
    parser.add_argument("--yes", action="store_true", help="fetch what the converter needs, where it is not there yet")
    parser.add_argument(
        "--torch-index", default="", metavar="URL",
        help="a further index of Python packages to take torch from; 'none' for only those that pip is set up with",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only say what it would come to")


def _type(text: str) -> str:
    return text if text == AUTO else text.upper()


def run(args: argparse.Namespace) -> int:
    """Say what it comes to, make it, say what came of it."""
    with Container(default_paths()) as container, hints(HINTS):
        service = container.converting
        target = Path(args.out) if args.out else None
        folder = _downloaded(container, args.folder)
        prospect = service.prospect(folder, args.type, target, args.torch_index)
        if args.dry_run:
            print_json(_document(prospect)) if args.json else print_text(_report(prospect))
            return 0
        if prospect.cost is not None and not args.yes:
            raise UsageError(environment_words(prospect.cost), "Agree to that with --yes.")
        if not args.json:
            print_text(_report(prospect))
        label = f"Making {elided_name(prospect.target.name, NAME_WIDTH)}"
        with closing(ProgressLine(label)) as line:
            made = service.convert(prospect, progress=line.show)
        found = service.in_library(made)
    if args.json:
        print_json(_document(prospect, made))
        return 0
    print_text(f"\nMade {made.path}, {human_bytes(made.size_bytes)}; it was loaded to try it.")
    print_text(f"SHA-256 {made.sha256}")
    print_text(f"A smaller variant of it: heft quantize '{made.path}' Q4_K_M")
    if not found:
        print_note("note: the library does not look into this folder; add it on the page Library.")
    return 0


def _downloaded(container: Container, text: str) -> Path:
    """The folder; one of the Hub is fetched first, and what is here is not fetched again. Raises HubError."""
    if not text.startswith(HUB):
        return Path(text)
    listed = container.hub_search.files(repo_name(text))
    files, size = original_files(listed)
    folder = original_folder(container.paths, listed.id)
    print_note(f"heft: The model is downloaded to {folder}, {human_bytes(size)}, and stays there.")
    service = container.downloads
    with closing(ProgressLine(f"Downloading {elided_name(listed.id, NAME_WIDTH)}")) as line:
        unsubscribe = service.subscribe(lambda state: line.update(state.fraction))
        try:
            state = service.wait(service.start(listed.id, files, name=listed.id, folder=folder))
        finally:
            unsubscribe()
    if state.phase != "finished":
        kind = FailureKind.of(state.kind or FailureKind.DOWNLOAD)
        raise HeftError(state.message or "The download stopped.", state.hint, kind=kind)
    return folder


def _document(prospect: ConvertProspect, made: Converted | None = None) -> dict[str, Any]:
    """The JSON of the headless contract."""
    cost = prospect.cost
    return {
        "path": made.path if made else str(prospect.target),
        "made": made is not None,
        "size_bytes": made.size_bytes if made else None,
        "predicted_size_bytes": prospect.size_bytes,
        "sha256": made.sha256 if made else None,
        "computed": made.computed if made else None,
        "type": prospect.kind,
        "source": str(prospect.folder.path),
        "source_bytes": prospect.folder.read_bytes,
        "expected_seconds": round(prospect.seconds, 1),
        "converter": {
            "ready": cost is None,
            "download_bytes": cost.download_bytes if cost else 0,
            "disk_bytes": cost.disk_bytes if cost else 0,
            "index": cost.index or None if cost else None,
            "packages": [
                {"name": package.name, "version": package.version, "size_bytes": package.size_bytes}
                for package in (cost.packages if cost else ())
            ],
        },
    }


def _report(prospect: ConvertProspect) -> str:
    rows = [
        ["from", f"{prospect.folder.path}, {human_bytes(prospect.folder.read_bytes)}"],
        ["to", str(prospect.target)],
        ["effort", effort_words(prospect)],
    ]
    if prospect.cost is not None:
        rows.append(["before", environment_words(prospect.cost)])
    if prospect.taken:
        rows.append(["note", f"there is a file {prospect.target.name} already"])
    return table(["", prospect.kind], rows)
