"""``heft download``: a variant or file from the Hub, verified; run again it goes on where it stopped."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from desktop.cli.model import repo_name
from desktop.cli.output import ProgressLine, human_bytes, print_json, print_note, print_text
from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.variants import Companion, CompanionKind, Variant, named_variants, variant_at, variants_of
from desktop.hub.records import RepoFiles
from desktop.hub.search import HubSearch
from desktop.services.container import Container
from desktop.services.models.companion_words import NAMES, companion_words, download_name
from desktop.services.models.downloads import DownloadService, DownloadState
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("repo", type=repo_name, metavar="REPO", help="OWNER/NAME on the Hub, or its link")
    parser.add_argument("what", metavar="VARIANT_OR_FILE", help="a variant (Q4_K_M) or a file of the repo")
    parser.add_argument(
        "--with", dest="along", action="append", default=[], choices=get_args(CompanionKind),
        help="also a companion of the variant: its projector, or the draft model that guesses ahead for it",
    )  # fmt: skip
    parser.add_argument(
        "--with-draft", dest="along", action="append_const", const="draft", help="the same as --with draft"
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="a folder instead of where downloads go")


def run(args: argparse.Namespace) -> int:
    """Fetch and verify; Ctrl+C pauses. Raises HubError and NotFoundError."""
    with Container(default_paths()) as container:
        if args.to is not None and container.download_folder.include(args.to):
            print_note(f"heft: The library looks into {args.to} from now on.")
        return _fetch(container.downloads, container.hub_search, args)


def _fetch(service: DownloadService, search: HubSearch, args: argparse.Namespace) -> int:
    name, files, left_out = _wanted(search.files(args.repo), args.what, args.along)
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
    _print(state, time.monotonic() - started, left_out, as_json=args.json)
    return 0


def _wanted(repo: RepoFiles, what: str, along: Sequence[CompanionKind]) -> tuple[str, list[str], tuple[Companion, ...]]:
    """The name and files that are meant: a file by its path or name, a variant with all its shards by its name, and
    the companions that are wanted ``along``; and the companions that are left out."""
    exact = [file.path for file in repo.files if what in (file.path, file.path.rpartition("/")[2])]
    variants = variants_of(repo.files)
    named = () if exact else named_variants(variants, what)
    if len(exact) == 1:
        at = variant_at(variants, exact[0])
        found = variants[at] if at >= 0 else None
        return exact[0], [*exact, *_companions(repo, found, exact[0], along)], ()
    if len(named) == 1:
        variant = named[0]
        if variant.missing_shards:
            print_note(f"heft: {variant.name} cannot be loaded as it is: {variant.note}")
        files = [*(file.path for file in variant.files), *_companions(repo, variant, variant.name, along)]
        left_out = tuple(companion for companion in variant.companions if companion.kind not in along)
        return download_name(repo.id, variant, along), files, left_out
    if named or exact:
        choices = [variant.name for variant in named] or exact
        raise NotFoundError(
            f"'{what}' could be several files of {repo.id}.",
            f"Name one of them: {', '.join(choices)}.",
            kind=FailureKind.AMBIGUOUS,
        )
    known = ", ".join(variant.name for variant in variants) or "none"
    raise NotFoundError(f"{repo.id} has no variant or file '{what}'.", f"Its variants: {known}.")


def _companions(repo: RepoFiles, variant: Variant | None, name: str, along: Sequence[CompanionKind]) -> list[str]:
    """The files of the companions that are wanted of a variant. Raises NotFoundError where it has no such one."""
    offered = {companion.kind: companion for companion in variant.companions} if variant is not None else {}
    for kind in along:
        if kind not in offered:
            raise NotFoundError(f"{repo.id} has no {NAMES[kind]} for {name}.", f"Leave --with {kind} out.")
    return [file.path for kind in dict.fromkeys(along) for file in offered[kind].files]


def _note(state: DownloadState) -> str:
    if state.phase == "waiting":
        return f"{state.message} {state.hint}"
    left = f", {state.seconds_left:.0f} s left" if state.seconds_left else ""
    speed = f"{human_bytes(state.bytes_per_second)}/s" if state.bytes_per_second else state.phase
    return f"{human_bytes(state.done_bytes)} of {human_bytes(state.total_bytes)}, {speed}{left}"


def _print(state: DownloadState, seconds: float, left_out: Sequence[Companion], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "files": [_document(state, index) for index in range(len(state.files))],
                "resumed_bytes": state.resumed_bytes,
                "seconds": round(seconds, 3),
                "notice": state.notice,
                "left_out": [companion_document(companion) for companion in left_out],
            }
        )
        return
    if state.notice:
        print_text(state.notice)
    for file in state.files:
        print_text(f"{file.local}  {human_bytes(file.size_bytes)}, checksum verified")
    for companion in left_out:
        print_note(f"heft: Left out: {companion_words(companion)} (--with {companion.kind}).")


def companion_document(companion: Companion) -> dict[str, Any]:
    """A companion in JSON."""
    files = [file.path for file in companion.files]
    return {"kind": companion.kind, "files": files, "size_bytes": companion.size_bytes}


def _document(state: DownloadState, index: int) -> dict[str, Any]:
    file = state.files[index]
    return {
        "path": str(file.local),
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "verified": file.verified,
    }
