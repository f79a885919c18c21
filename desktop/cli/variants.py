"""``heft variants``: what a repo offers, how each variant would do on a machine, and which to take."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any, get_args

from desktop.cli.fit import memory_document
from desktop.cli.model import whole_number
from desktop.cli.output import ProgressLine, human_bytes, print_json, print_text, table
from desktop.core.choice import Goal
from desktop.core.load_settings import KV_TYPES
from desktop.services.container import Container
from desktop.services.discover.picker import PickedRepo
from desktop.services.discover.picker_records import Controls, Row, View
from desktop.services.discover.picker_words import beyond_training, facts, loss, speed, where, why_title
from desktop.services.discover.search_results import other_format
from desktop.services.machine.what_if import named_machine
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """REPO, and what it is weighed for."""
    parser.add_argument("repo", metavar="REPO", help="OWNER/NAME on the Hub")
    parser.add_argument("--context", type=whole_number, default=0, metavar="N", help="context length, tokens")
    parser.add_argument("--kv", choices=KV_TYPES, default="f16", help="type of the KV cache")
    parser.add_argument(
        "--machine", metavar="PROFILE.json", help="another computer: a profile, or a name such as 'RTX 4070'"
    )
    parser.add_argument("--goal", choices=get_args(Goal), default="balanced", help="what matters (default: balanced)")
    parser.add_argument("--estimate", action="store_true", help="from 64 KB of one file; the engine is not asked")


def run(args: argparse.Namespace) -> int:
    """Print the variants; exit code 0 also when none fits. Raises HubError."""
    with Container(default_paths()) as container:
        machine = named_machine(args.machine, container.tables, container.machine) if args.machine else None
        controls = Controls(context=args.context, kv_type=args.kv, goal=args.goal, machine=machine)
        repo = container.picker.open(args.repo)
        repo.read_first()
        if not args.estimate:
            _settle(repo, controls)
        view = repo.view(controls, longest=True)
    if args.json:
        print_json(document(view))
    else:
        print_text(report(view))
    return 0


def _settle(repo: PickedRepo, controls: Controls) -> None:
    """Let the engine plan every variant, with a line of progress."""
    line, done = ProgressLine("Planning"), 0

    def advance() -> None:
        nonlocal done
        done += 1
        line.update(done / max(1, len(repo.variants)), f"{done} of {len(repo.variants)} variants")

    try:
        repo.settle(controls, advance)
    finally:
        line.close()


def document(view: View) -> dict[str, Any]:
    """The JSON of the headless contract."""
    recommended = view.recommended
    return {
        "repo": view.repo.id,
        "base_model": view.repo.summary.base_model,
        "formats": list(view.repo.summary.formats),
        "context": view.context,
        "trained_context": view.max_context,
        "goal": view.controls.goal,
        "recommended": recommended.variant.name if recommended else None,
        "reasons": _reasons(view),
        "stale_since_seconds": view.repo.stale_since,
        "variants": [_variant(row) for row in view.rows],
    }


def _reasons(view: View) -> list[str]:
    """Everything that is said, a sentence each: also what is wrong, and what a repo without variants holds."""
    first = [view.problem] if view.problem else []
    if not view.rows and "GGUF" not in view.repo.summary.formats:
        first += [words for words in other_format(view.repo.summary) if words]
    beyond = beyond_training(view.context, view.max_context)
    said = [*view.recommendation.reasons, *(neighbour.words for neighbour in view.recommendation.neighbours)]
    return [*first, *said, *([beyond] if beyond else [])]


def _variant(row: Row) -> dict[str, Any]:
    variant, fit, rate, quality = row.variant, row.option.fit, row.option.rate, row.option.quality
    return {
        "name": variant.name,
        "quantization": variant.quantization,
        "kind": variant.kind,
        "legacy": variant.legacy,
        "files": [file.path for file in variant.files],
        "mmproj": [file.path for file in variant.mmproj],
        "draft": [file.path for file in variant.draft],
        "download_bytes": variant.download_bytes,
        "sha256": [file.sha256 for file in variant.files],
        "memory": memory_document(fit.memory) if fit else None,
        "method": fit.method if fit else None,
        "placement": fit.placement if fit else None,
        "gpu_layers": fit.gpu_layers if fit else None,
        "layers": fit.layers if fit else None,
        "cpu_expert_layers": fit.cpu_expert_layers if fit else None,
        "short_by_bytes": fit.short_by_bytes if fit else None,
        "max_context": fit.max_context if fit else None,
        "tight": row.option.tight,
        "tokens_per_second": asdict(rate) if rate else None,
        "quality": {
            "kld_low": quality.kld_low,
            "kld_high": quality.kld_high,
            "perplexity_percent_low": quality.perplexity_low,
            "perplexity_percent_high": quality.perplexity_high,
            "top1_changed_percent_low": quality.top1_low,
            "top1_changed_percent_high": quality.top1_high,
            "label": quality.label,
            "like": quality.like,
            "source": quality.source,
            "notes": list(quality.notes),
        },
        "note": row.problem or variant.note,
        "local_path": str(row.local_path) if row.local_path else None,
    }


def report(view: View) -> str:
    """The table, and why."""
    rows = [_line(row, row == view.recommended) for row in view.rows]
    header = ["", "VARIANT", "DOWNLOAD", "MEMORY", "WHERE IT RUNS", "SPEED", "QUALITY LOSS", ""]
    lines = [view.repo.id, facts(view)]
    if view.repo.problem:
        lines.insert(0, view.repo.problem)
    if rows:
        beyond = beyond_training(view.context, view.max_context)
        context = f"At {view.context:,} tokens of context. {beyond}".rstrip()
        lines += [context, "", table(header, rows, right=(2, 3)), ""]
    lines.append(f"{why_title(view)} {view.problem or view.recommendation.text}")
    if not rows:
        if "GGUF" not in view.repo.summary.formats:
            lines[-1] = " ".join(words for words in other_format(view.repo.summary) if words)
        base = view.repo.summary.base_model or view.repo.id
        lines.append(f"GGUF versions of it: heft search --base-model {base}")
    return "\n".join(lines)


def _line(row: Row, recommended: bool) -> list[str]:
    fit = row.option.fit
    memory = human_bytes(fit.memory.total_bytes) if fit else "-"
    return [
        "*" if recommended else "",
        row.variant.name,
        "downloaded" if row.local_path else human_bytes(row.variant.download_bytes),
        memory if fit is None or fit.method == "engine" else f"~{memory}",
        where(row.option)[0],
        speed(row.option.rate),
        loss(row.option.quality)[0],
        row.problem or row.variant.note,
    ]
