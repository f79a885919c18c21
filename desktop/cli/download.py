"""``heft download``: a variant or file from the Hub, verified; run again it goes on where it stopped."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from desktop.cli.model import repo_name
from desktop.cli.output import ProgressLine, human_bytes, print_json, print_note, print_text
from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.variants import Variant, named_variants, variant_at, variants_of
from desktop.hub.records import RepoFiles
from desktop.hub.search import HubSearch
from desktop.services.container import Container
from desktop.services.models.downloads import DownloadService, DownloadState
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("repo", type=repo_name, metavar="REPO", help="OWNER/NAME on the Hub, or its link")
    parser.add_argument("what", metavar="VARIANT_OR_FILE", help="a variant (Q4_K_M) or a file of the repo")
    parser.add_argument(
        "--with-draft", action="store_true", help="also the repo's draft model, which guesses ahead for the variant"
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="a folder instead of where downloads go")


def run(args: argparse.Namespace) -> int:
    """Fetch and verify; Ctrl+C pauses. Raises HubError and NotFoundError."""
    with Container(default_paths()) as container:
        if args.to is not None and container.download_folder.include(args.to):
            print_note(f"heft: The library looks into {args.to} from now on.")
        return _fetch(container.downloads, container.hub_search, args)


def _fetch(service: DownloadService, search: HubSearch, args: argparse.Namespace) -> int:
    name, files = _files(search.files(args.repo), args.what, draft=args.with_draft)
    line = ProgressLine(f"Downloading {name}")
    started = time.monotonic()
    unsubscribe = service.subscribe(lambda state: line.update(state.fraction, _note(state)))
    try:
        folder: Path | Literal["default"] = args.to if args.to is not None else "default"
        state = service.wait(service.start(args.repo, files, name=name, folder=folder))
    except KeyboardInterrupt:
        print_note("\nheft: Stopped; the same command goes on from here.")
        raise
    finally:
        unsubscribe()
        line.close()
    if state.phase != "finished":
        raise HeftError(
            state.message or "The download stopped.",
            state.hint,
            kind=FailureKind.of(state.kind or FailureKind.DOWNLOAD),
        )
    _print(state, time.monotonic() - started, as_json=args.json)
    return 0


def _files(repo: RepoFiles, what: str, *, draft: bool) -> tuple[str, list[str]]:
    """The name and files that are meant: a file by its path or name, a variant by its name, shards, projector and the
    ``draft`` that is wanted included."""
    exact = [file.path for file in repo.files if what in (file.path, file.path.rpartition("/")[2])]
    variants = variants_of(repo.files)
    named = () if exact else named_variants(variants, what)
    if len(exact) == 1:
        at = variant_at(variants, exact[0])
        return exact[0], [*exact, *(_drafts(repo, variants[at : at + 1], exact[0]) if draft else [])]
    if len(named) == 1:
        variant = named[0]
        if variant.missing_shards:
            print_note(f"heft: {variant.name} cannot be loaded as it is: {variant.note}")
        files = [file.path for file in variant.files_to_fetch()]
        return f"{repo.id} {variant.name}", [*files, *(_drafts(repo, named, variant.name) if draft else [])]
    if named or exact:
        choices = [variant.name for variant in named] or exact
        raise NotFoundError(
            f"'{what}' could be several files of {repo.id}.",
            f"Name one of them: {', '.join(choices)}.",
            kind=FailureKind.AMBIGUOUS,
        )
    known = ", ".join(variant.name for variant in variants) or "none"
    raise NotFoundError(f"{repo.id} has no variant or file '{what}'.", f"Its variants: {known}.")


def _drafts(repo: RepoFiles, variants: Sequence[Variant], name: str) -> list[str]:
    """The files of the draft that goes with a variant. Raises NotFoundError where there is none."""
    found = [file.path for variant in variants for file in variant.draft_files]
    if not found:
        raise NotFoundError(f"{repo.id} has no draft model for {name}.", "Leave --with-draft out.")
    return found


def _note(state: DownloadState) -> str:
    if state.phase == "waiting":
        return f"{state.message} {state.hint}"
    left = f", {state.seconds_left:.0f} s left" if state.seconds_left else ""
    speed = f"{human_bytes(state.bytes_per_second)}/s" if state.bytes_per_second else state.phase
    return f"{human_bytes(state.done_bytes)} of {human_bytes(state.total_bytes)}, {speed}{left}"


def _print(state: DownloadState, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "files": [_document(state, index) for index in range(len(state.files))],
                "resumed_bytes": state.resumed_bytes,
                "seconds": round(seconds, 3),
                "notice": state.notice,
            }
        )
        return
    if state.notice:
        print_text(state.notice)
    for file in state.files:
        print_text(f"{file.local}  {human_bytes(file.size_bytes)}, checksum verified")


def _document(state: DownloadState, index: int) -> dict[str, Any]:
    file = state.files[index]
    return {
        "path": str(file.local),
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "verified": file.verified,
    }
