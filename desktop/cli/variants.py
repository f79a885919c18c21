"""``heft variants``: what a repo offers, how each variant would do on a machine, and which to take."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any, get_args

from desktop.cli.download import companion_document
from desktop.cli.fit import memory_document, speeds_document
from desktop.cli.model import add_context_argument, repo_name
from desktop.cli.output import ProgressLine, human_bytes, print_json, print_text, table
from desktop.cli.ways import ways_document
from desktop.core.choice import Goal, Recommendation
from desktop.core.load_settings import KV_TYPES, LoadSettings
from desktop.services.container import Container
from desktop.services.discover.elsewhere import Elsewhere, Suggestion
from desktop.services.discover.elsewhere_words import shared_words, suggestion_words
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker_records import Controls, ModelGroup, VariantRow, View
from desktop.services.discover.picker_words import (
    facts,
    loss,
    model_facts,
    rough_words,
    where,
    which_model,
    why_title,
)
from desktop.services.discover.picks import Pick
from desktop.services.discover.picks_words import quicker_words
from desktop.services.discover.reason_words import paragraph, reasons_of, sentence
from desktop.services.discover.search_results import other_format
from desktop.services.machine.what_if import named_machine
from desktop.services.models.companion_words import USES, companion_words
from desktop.services.planning.words import beyond_training, speed
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """REPO, and what it is weighed for."""
    parser.add_argument("repo", type=repo_name, metavar="REPO", help="OWNER/NAME on the Hub, or its link")
    add_context_argument(parser)
    parser.add_argument("--kv", choices=KV_TYPES, default=None, help="type of the KV cache")
    parser.add_argument(
        "--machine", metavar="PROFILE.json", help="another computer: a profile, or a name such as 'RTX 4070'"
    )
    parser.add_argument("--goal", choices=get_args(Goal), default="balanced", help="what matters (default: balanced)")
    parser.add_argument("--estimate", action="store_true", help="from 64 KB of one file; the engine is not asked")


def run(args: argparse.Namespace) -> int:
    """Print the variants; exit code 0 also when none fits. Raises HubError."""
    with Container(default_paths()) as container:
        machine = named_machine(args.machine, container.tables, container.machine) if args.machine else None
        repo = container.picker.open(args.repo)
        remembered = repo.remembered if machine is None else repo.remembered.elsewhere
        load = LoadSettings(args.context or None, args.kv, args.kv).over(remembered)
        controls = Controls(load, args.goal, machine)
        repo.read_first()
        if not args.estimate:
            _settle(repo, controls)
        view = repo.view(controls, longest=True)
        quicker = _quicker(container, view)
        elsewhere = container.elsewhere.look(repo, controls)
    if args.json:
        print_json(
            document(view, elsewhere)
            | {"quicker": [_pick(pick) for pick in quicker], "elsewhere": elsewhere_document(view, elsewhere)}
        )
    else:
        print_text(report(view))
        if said := said_elsewhere(view, elsewhere):
            print_text(said)
        if quicker:
            print_text(f"Quick enough here would be {' or '.join(map(quicker_words, quicker))}.")
    return 0


def _quicker(container: Container, view: View) -> tuple[Pick, ...]:
    """Models that would be quick enough, where the recommended variant is slower than a person reads."""
    row = view.recommended
    if row is None or row.option.readable:
        return ()
    return container.picks.quicker(row, view.context, view.controls.machine)


def _suggestion(view: View, elsewhere: Elsewhere) -> Suggestion | None:
    """Where else the variant to take would do better, or one that is too large here."""
    return elsewhere.suggestion(view.recommended.variant.name if view.recommended is not None else "")


def said_elsewhere(view: View, elsewhere: Elsewhere) -> str:
    """Where else the variant to take would do better, or that it is weighed as shared; "" for nothing."""
    if elsewhere.shared or elsewhere.gone:
        return shared_words(elsewhere, view.recommended.variant.name if view.recommended is not None else "")
    found = _suggestion(view, elsewhere)
    return suggestion_words(found) if found is not None else ""


def elsewhere_document(view: View, elsewhere: Elsewhere) -> dict[str, Any] | None:
    """The same as ``--json`` has it; None for nothing."""
    found = _suggestion(view, elsewhere)
    if found is None:
        return None
    offers = [model.identity for model in found.offers]
    return {"variant": found.variant, "words": suggestion_words(found), "offers": offers}


def _pick(pick: Pick) -> dict[str, Any]:
    return {
        "name": pick.name,
        "repo": pick.repo,
        "quantization": pick.variant,
        "mixture_of_experts": pick.plan.experts > 0,
        "context": pick.plan.context,
        **speeds_document(pick.plan.speeds),
        "source": pick.source,
    }


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


def document(view: View, elsewhere: Elsewhere | None = None) -> dict[str, Any]:
    """The JSON of the headless contract. What is said of the repo holds for the model to take (``model``);
    ``elsewhere`` are the other ways to run its variants.
    """
    recommended, taken = view.recommended, view.group
    return {
        "repo": view.repo.id,
        "base_model": view.repo.summary.base_model,
        "formats": list(view.repo.summary.formats),
        "context": view.context,
        "trained_context": taken.max_context if taken else 0,
        "goal": view.controls.goal,
        "model": taken.name if taken else None,
        "recommended": recommended.variant.name if recommended else None,
        "reasons": _reasons(view),
        "reason_kinds": _kinds(taken.recommendation if taken else view.recommendation),
        "stale_since_seconds": view.repo.stale_since,
        "groups": [_group(view, group) for group in view.groups],
        "variants": [
            _variant(row, view.groups[row.group])
            | {"ways": ways_document(elsewhere.ways(row.variant.name) if elsewhere is not None else ())}
            for row in view.rows
        ],
    }


def _reasons(view: View) -> list[str]:
    """Everything that is said, a sentence each: also what is wrong, and what a repo without variants holds."""
    first = [words for words in (view.problem, which_model(view)) if words]
    if not view.rows and "GGUF" not in view.repo.summary.formats:
        first += [words for words in other_format(view.repo.summary) if words]
    taken = view.group
    return [*first, *(_said(taken) if taken else map(sentence, view.recommendation.reasons))]


def _said(group: ModelGroup) -> list[str]:
    """What is said of one model's variants."""
    answer, beyond = group.recommendation, beyond_training(group.context, group.max_context)
    said = [sentence(reason) for reason in reasons_of(answer)]
    return [*said, *([beyond] if beyond else [])]


def _kinds(answer: Recommendation) -> list[str]:
    """What the reasons for a recommendation say, as kinds: their order is that of the sentences."""
    return [reason.kind for reason in reasons_of(answer)]


def _group(view: View, group: ModelGroup) -> dict[str, Any]:
    recommended = group.recommended
    return {
        "name": group.name,
        "kind": group.kind,
        "recommended": None if recommended is None else view.rows[recommended].variant.name,
        "reasons": _said(group),
        "reason_kinds": _kinds(group.recommendation),
        "context": group.context,
        "trained_context": group.max_context,
        "parameters": group.parameters,
        "variants": [view.rows[row].variant.name for row in group.rows],
    }


def _variant(row: VariantRow, group: ModelGroup) -> dict[str, Any]:
    variant, option = row.variant, row.option
    fit, quality = option.fit, option.quality
    return {
        "name": variant.name,
        "quantization": variant.quantization,
        "group": group.name,
        "parameters": row.parameters,
        "bits_per_weight": row.bits_per_weight,
        "trained_context": row.trained_context or None,
        "kind": variant.kind,
        "legacy": variant.legacy,
        "files": [file.path for file in variant.files],
        "mmproj": [file.path for file in variant.mmproj],
        "draft": [file.path for file in variant.draft],
        "companions": [companion_document(companion) for companion in variant.companions],
        "download_bytes": variant.size_bytes,
        "sha256": [file.sha256 for file in variant.files],
        "memory": memory_document(fit.memory) if fit else None,
        "method": fit.method if fit else None,
        "placement": fit.placement if fit else None,
        "gpu_layers": fit.gpu_layers if fit else None,
        "layers": fit.layers if fit else None,
        "cpu_expert_layers": fit.cpu_expert_layers if fit else None,
        "short_by_bytes": fit.short_by_bytes if fit else None,
        "max_context": fit.max_context if fit else None,
        "tight": option.tight,
        "tokens_per_second": asdict(option.speeds.full) if option.speeds else None,
        **speeds_document(option.speeds),
        "context_used": fit.context if fit else None,
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
            "measured_here": asdict(quality.here) if quality.here else None,
        },
        "note": row.problem or variant.note,
        "local_path": str(row.local_path) if row.local_path else None,
    }


def report(view: View) -> str:
    """A table per model, and why."""
    lines = [view.repo.id, facts(view)]
    if view.repo.problem:
        lines.insert(0, view.repo.problem)
    for group in view.groups:
        lines += _group_lines(view, group)
    if view.several:
        lines.append(which_model(view))
    elif not view.rows or view.problem:
        lines.append(f"{why_title(view)} {view.problem or paragraph(view.recommendation)}")
    if not view.rows:
        if "GGUF" not in view.repo.summary.formats:
            lines[-1] = " ".join(words for words in other_format(view.repo.summary) if words)
        base = view.repo.summary.base_model or view.repo.id
        lines.append(f"GGUF versions of it: heft search --base-model {base}")
    return "\n".join(lines)


def _group_lines(view: View, group: ModelGroup) -> list[str]:
    """One model's table, and what to take of it; the only model of a repo has no heading."""
    asked = view.controls.asked().context or 0
    heading = ["", f"{group.name}: {model_facts(group, asked)}"] if view.several else []
    beyond = beyond_training(group.context, group.max_context)
    context = f"At {group.context:,} tokens of context. {beyond}".rstrip()
    rows = [_line(view.rows[row], row == group.recommended) for row in group.rows]
    header = ["", "VARIANT", "DOWNLOAD", "MEMORY", "WHERE IT RUNS", "SPEED", "QUALITY LOSS", ""]
    why = [] if view.problem else [f"{why_title(view, group)} {paragraph(group.recommendation)}"]
    beside = _companions(None if group.recommended is None else view.rows[group.recommended])
    rough = rough_words(view.rows[row].option for row in group.rows)
    legend = [rough] if rough else []
    return [*heading, context, "", table(header, rows, right=(2, 3)), *legend, "", *why, *beside]


def _companions(row: VariantRow | None) -> list[str]:
    """What can come along with the recommended variant."""
    offered = row.variant.companions if row is not None else ()
    then = {"draft": " Once it is here, name it with --draft."}
    return [
        f"heft download --with {one.kind} takes along its {companion_words(one)}. {USES[one.kind]}"
        f"{then.get(one.kind, '')}"
        for one in offered
    ]


def _line(row: VariantRow, recommended: bool) -> list[str]:
    fit = row.option.fit
    memory = human_bytes(fit.memory.total_bytes) if fit else "-"
    return [
        "*" if recommended else "",
        row.variant.name,
        "downloaded" if row.local_path else human_bytes(row.variant.size_bytes),
        memory if fit is None or fit.method == "engine" else f"~ {memory}",
        where(row.option)[0],
        speed(row.option.speeds),
        loss(row.option.quality)[0],
        row.problem or row.variant.note,
    ]
