"""``heft measure``: what a model loses on a text, by itself or against a reference."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict
from typing import Any

from desktop.cli.arguments import whole_number
from desktop.cli.hints import hints
from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, human_bytes, print_json, print_note, print_text, table
from desktop.core.failures import FailureKind
from desktop.core.naming import elided_name
from desktop.core.units import human_time
from desktop.services.container import Container
from desktop.services.lab.measured import is_unlike
from desktop.services.lab.measuring import CONTEXT, EFFORTS, MeasuringProspect
from desktop.services.lab.texts import USUAL
from desktop.services.lab.words import UNLIKE_WORDS
from desktop.store.measurements import Measurement
from desktop.store.paths import default_paths

HINTS = {
    FailureKind.DISK_FULL: "Free some space on that disk, measure fewer chunks (--chunks), or keep more: "
    "heft config reference_cache_bytes '20 GB'."
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, what it is held against, and on what."""
    parser.add_argument("model", metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument(
        "--against", metavar="REFERENCE", default="", help="the same model in F16, or the largest there is"
    )
    parser.add_argument("--text", metavar="FILE", default=USUAL, help="a text, or one of: prose, code, languages")
    parser.add_argument("--chat", metavar="TITLE", help="one of your chats in the place of a text")
    parser.add_argument(
        "--chunks", type=whole_number, default=0, metavar="N", help="pieces of the text; by --effort else"
    )
    parser.add_argument(
        "--context", type=token_number, default=CONTEXT, metavar="N", help="tokens of a piece (default: 512)"
    )
    parser.add_argument(
        "--effort", choices=tuple(EFFORTS), default="usual", help="at most two minutes, at most ten, or all of the text"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")


def run(args: argparse.Namespace) -> int:
    """Say what it takes, measure, say what came of it."""
    with Container(default_paths()) as container:
        service = container.measuring
        text = container.chat_texts.named(args.chat) if args.chat else args.text
        prospect = service.prospect(
            args.model, args.against, text, context=args.context, chunks=args.chunks, effort=args.effort
        )
        if args.dry_run:
            print_json(_before(prospect)) if args.json else print_text(_plan(prospect))
            return 0
        print_note(_plan(prospect))
        with closing(ProgressLine(f"Measuring {elided_name(prospect.source.title, NAME_WIDTH)}")) as line, hints(HINTS):
            found = service.measure(prospect, progress=line.show)
    print_json({**_before(prospect), **document(found)}) if args.json else print_text(_report(found))
    return 0


def document(found: Measurement) -> dict[str, Any]:
    """The JSON of the headless contract."""
    far = found.distance
    return {
        "model": found.name,
        "sha256": found.model,
        "perplexity": asdict(found.perplexity),
        "kld": {"mean": far.kld.value, "error": far.kld.error, "p999": far.p999} if far else None,
        "top_agreement": asdict(far.top_agreement) if far else None,
        "probability_difference_rms": asdict(far.dp_rms) if far else None,
        "base_perplexity": asdict(far.base_perplexity) if far else None,
        "perplexity_ratio": asdict(far.ratio) if far else None,
        "chunks": found.chunks,
        "tokens": found.tokens,
        "context": found.context,
        "text": found.text_name,
        "text_sha256": found.text,
        "reference": found.reference_name or None,
        "reference_sha256": found.reference or None,
        "measuring_seconds": found.seconds,
    }


def _before(prospect: MeasuringProspect) -> dict[str, Any]:
    return {
        "model": prospect.source.title,
        "reference": prospect.reference.title if prospect.reference else None,
        "text": prospect.text.name,
        "chunks": prospect.chunks,
        "text_chunks": prospect.text_chunks,
        "context": prospect.order.context,
        "tokens": prospect.tokens,
        "expected": {
            "seconds": prospect.seconds,
            "reference_bytes": prospect.logits_bytes,
            "perplexity_error_part": prospect.perplexity_error,
            "kld_error_part": prospect.kld_error,
            "efforts": {
                effort: {"seconds": prospect.seconds_of(effort), "error_part": prospect.error_of(effort)}
                for effort in EFFORTS
            },
        },
    }


def _plan(prospect: MeasuringProspect) -> str:
    words = [f"{prospect.chunks} of {prospect.text_chunks} pieces of {prospect.text.title}"]
    words.append(f"about {human_time(prospect.seconds)}" if prospect.seconds else "its time is not known here")
    if prospect.logits_bytes:
        words.append(f"{human_bytes(prospect.logits_bytes)} on the disk for the reference")
    error = prospect.kld_error if prospect.reference else prospect.perplexity_error
    words.append(f"the error will be about {error:.1%} of the {'divergence' if prospect.reference else 'perplexity'}")
    efforts = []
    for effort in EFFORTS:
        seconds = prospect.seconds_of(effort)
        took = f"about {human_time(seconds)}, " if seconds is not None else ""
        efforts.append(f"{effort}: {took}± {prospect.error_of(effort):.1%}")
    return "; ".join(words) + f". {'; '.join(efforts)}."


def _report(found: Measurement) -> str:
    far = found.distance
    rows = [["perplexity", f"{found.perplexity.value:.4f}", f"± {found.perplexity.error:.4f}"]]
    if far is not None:
        rows += [
            ["mean KL divergence", f"{far.kld.value:.6f}", f"± {far.kld.error:.6f}"],
            ["99.9 % KL divergence", f"{far.p999:.6f}", ""],
            ["same likeliest token", f"{far.top_agreement.value:.3%}", f"± {far.top_agreement.error:.3%}"],
            ["RMS of probability difference", f"{far.dp_rms.value:.3%}", f"± {far.dp_rms.error:.3%}"],
            ["perplexity of the reference", f"{far.base_perplexity.value:.4f}", f"± {far.base_perplexity.error:.4f}"],
            ["ratio of the perplexities", f"{far.ratio.value:.5f}", f"± {far.ratio.error:.5f}"],
        ]
    against = f" against {found.reference_name}" if found.reference_name else ""
    head = f"{found.name}{against}, {found.tokens:,} tokens of {found.text_name} at {found.context} a piece\n"
    unlike = f"\nnote: {UNLIKE_WORDS}" if is_unlike(found) else ""
    return head + table(["", "", ""], rows, right=(1,)) + unlike
