"""``heft search``: models on the Hub."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any, get_args

from desktop.cli.output import print_json, print_note, print_text, table
from desktop.core.errors import UsageError
from desktop.core.units import human_parameters
from desktop.hub.records import Format, RepoSummary, SearchQuery, Sort, Task
from desktop.services.container import Container
from desktop.services.discover.search import SearchService
from desktop.store.paths import default_paths

_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "query", nargs="?", default="", metavar="QUERY", help="words of the name, or a link; none: what is trending"
    )
    parser.add_argument("--limit", type=int, default=20, metavar="N", help=f"results, up to {_MOST} (default: 20)")
    parser.add_argument("--sort", choices=get_args(Sort), default="trending", help="the order (default: trending)")
    parser.add_argument("--fits", action="store_true", help="only what fits this computer in a typical variant")
    parser.add_argument("--task", choices=get_args(Task), help="what the model is for")
    parser.add_argument("--author", metavar="NAME", help="only repos of this author")
    parser.add_argument("--license", metavar="NAME", help="only this licence, as the Hub writes it (apache-2.0)")
    parser.add_argument(
        "--format", choices=get_args(Format), default="GGUF", help="what the repo holds (default: GGUF)"
    )
    parser.add_argument("--base-model", metavar="REPO", help="only versions quantized from this repo")


def run(args: argparse.Namespace) -> int:
    """Print the results; raises HubError when the Hub cannot be asked."""
    if not 0 < args.limit <= _MOST:
        raise UsageError(f"--limit is 1 to {_MOST}.", "Ask for fewer results.")
    with Container(default_paths()) as container:
        return _found(container.search, args)


def _found(service: SearchService, args: argparse.Namespace) -> int:
    query = SearchQuery(
        text=args.query, sort=args.sort, task=args.task, author=args.author, license=args.license,
        formats=(args.format,), base_model=args.base_model,
    )  # fmt: skip
    address = service.address(args.query)
    named = address is not None and service.is_address(args.query)
    page = service.named(address) if address and named else service.first_page(query, min(args.limit, 30))
    if page.stale_since is not None:
        when = datetime.fromtimestamp(page.stale_since).strftime("%Y-%m-%d %H:%M")
        print_note(f"heft: {page.problem} These results are of {when}.")
        repos = list(page.repos[: args.limit])
    elif named:
        repos = list(page.repos)
    else:
        repos = list(service.results(query, args.limit, only_fitting=args.fits))
    near = service.near(args.query) if args.query and not repos else ()
    if near:
        print_note(f"heft: Nothing matches “{args.query}”. Did you mean: {', '.join(near)}?")
    if args.json:
        print_json({"repos": [_document(repo) for repo in repos], "stale_since_seconds": page.stale_since})
    elif repos:
        print_text(_table(repos))
    else:
        print_text("Nothing found. Try fewer words, or another --format.")
    return 0


def _document(repo: RepoSummary) -> dict[str, Any]:
    return {
        "id": repo.id,
        "author": repo.author,
        "downloads": repo.downloads,
        "likes": repo.likes,
        "updated": datetime.fromtimestamp(repo.updated).astimezone().isoformat() if repo.updated else None,
        "gated": repo.gated or False,
        "architecture": repo.architecture,
        "parameters": repo.parameters,
        "context_length": repo.context_length,
        "formats": list(repo.formats),
        "license": repo.license,
        "base_model": repo.base_model,
    }


def _table(repos: list[RepoSummary]) -> str:
    rows = [
        [
            repo.id + (" (gated)" if repo.gated else ""),
            repo.architecture or "-",
            human_parameters(repo.parameters) if repo.parameters else "-",
            f"{repo.context_length:,}" if repo.context_length else "-",
            ", ".join(repo.formats) or "-",
            f"{repo.downloads:,}",
            f"{repo.likes:,}",
            repo.license or "-",
        ]
        for repo in repos
    ]
    header = ["REPO", "ARCHITECTURE", "PARAMETERS", "CONTEXT", "FORMATS", "DOWNLOADS", "LIKES", "LICENCE"]
    return table(header, rows, right=(2, 3, 5, 6))
