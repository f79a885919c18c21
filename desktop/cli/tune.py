"""``heft tune``: the load settings that are fastest here, or the best variant that reaches a speed; remembered."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import Any

from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, print_json, print_note, print_text, table
from desktop.core.naming import elided_name
from desktop.core.units import human_time
from desktop.services.container import Container
from desktop.services.lab.tune_trials import DEPTH, GENERATE, PROMPT
from desktop.services.lab.tuning import Tuned, TuneProspect
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, and what is wanted."""
    parser.add_argument("model", metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument(
        "--target", type=float, default=0.0, metavar="N",
        help="tokens per second while writing: the best file of the model at hand that reaches it",
    )  # fmt: skip
    parser.add_argument(
        "--context", type=token_number, default=0, metavar="N", help="tokens of context that are loaded"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")


def run(args: argparse.Namespace) -> int:
    """Say what it takes, measure, remember the winner, show what was tried."""
    with Container(default_paths()) as container:
        service = container.tuning
        prospect = service.prospect(args.model, args.target, args.context)
        if args.dry_run:
            print_json(_before(prospect)) if args.json else print_text(_plan(prospect))
            return 0
        print_note(f"{_plan(prospect)} The machine should have nothing else to do.")
        with closing(ProgressLine(f"Tuning {elided_name(prospect.source.title, NAME_WIDTH)}")) as line:
            found = service.tune(prospect, progress=line.show)
    print_json({**_before(prospect), **_document(found)}) if args.json else print_text(_report(found))
    return 0


def _plan(prospect: TuneProspect) -> str:
    time = f"about {human_time(prospect.seconds)}" if prospect.seconds else "its time is not known here"
    files = f" of {len(prospect.variants)} files" if len(prospect.variants) > 1 else ""
    return (
        f"Up to {prospect.options} settings{files}, {PROMPT} tokens read and {GENERATE} written after {DEPTH}: {time}."
    )


def _before(prospect: TuneProspect) -> dict[str, Any]:
    return {
        "target": prospect.order.target or None,
        "variants": [str(one.path) for one in prospect.variants],
        "options": prospect.options,
        "expected_seconds": prospect.seconds,
    }


def _document(found: Tuned) -> dict[str, Any]:
    """The JSON of the headless contract."""
    return {
        "model": found.model,
        "path": found.path,
        "reached": found.reached,
        "remembered": found.remembered,
        "prompt_tokens_per_second": found.prompt,
        "tokens_per_second": found.generate,
        "gain": found.gain,
        "tried": [
            {
                "model": one.model,
                "step": one.step,
                "settings": one.changed,
                "prompt_tokens_per_second": one.prompt or None,
                "tokens_per_second": one.generate or None,
                "predicted": one.predicted or None,
                "won": one.won,
            }
            for one in found.tried
        ],
    }


def _report(found: Tuned) -> str:
    rows = []
    for one in found.tried:
        changed = " ".join(f"{key}={value}" for key, value in one.changed.items())
        changed = changed or ("what won so far" if one.again else "as Heft would")
        reading = f"{one.prompt:.1f}" if one.prompt else "not measured"
        writing = f"{one.generate:.2f}" if one.generate else ""
        predicted = f"{one.predicted:.1f}" if one.predicted else ""
        rows.append([one.model, changed, reading, writing, predicted, "won" if one.won else ""])
    text = table(["model", "settings", "reading", "writing", "predicted", ""], rows, right=(2, 3, 4))
    kept = " ".join(f"{key}={value}" for key, value in found.remembered.items())
    words = f"Remembered for {found.model}: {kept}" if kept else f"Heft's own choice is the fastest for {found.model}"
    if not found.reached:
        words = f"No file at hand reaches that speed; the fastest is {found.model}. {words}"
    return f"{text}\n\n{words}: {found.generate:.2f} tokens per second, an answer {found.gain:.2f} times as fast."
