"""``heft quantize``: a variant of a model, made on this computer by llama.cpp's own quantizer."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from desktop.cli.arguments import whole_number
from desktop.cli.fit import memory_document, speeds_document
from desktop.cli.hints import hints
from desktop.cli.measure import document as measurement_document
from desktop.cli.mix import mix_document, mix_plan, mix_prospect_document, mix_report
from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, human_bytes, print_json, print_note, print_text, table
from desktop.core.errors import UsageError
from desktop.core.failures import FailureKind
from desktop.core.naming import elided_name
from desktop.core.quantize_recipe import NEARLY_WHOLE, Recipe, type_of_text
from desktop.core.units import byte_count
from desktop.services.container import Container
from desktop.services.lab.mixing import Mix
from desktop.services.lab.part_losses import CHUNKS
from desktop.services.lab.prospect import Prospect
from desktop.services.lab.quantizing import Made, requantizing_words
from desktop.services.lab.texts import MIXED
from desktop.services.lab.words import loss_words, made_of_words, mainly_words, speed_words
from desktop.store.paths import default_paths

HINTS = {
    FailureKind.FILE_EXISTS: "Name another one with --to, or move it away.",
    FailureKind.DISK_FULL: "Free some space on that disk, or name another place with --to.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, TYPE, and how it is made."""
    parser.add_argument("model", metavar="MODEL", help="what to make it from: F32, F16, BF16 or Q8_0, a path or a name")
    parser.add_argument("type", metavar="TYPE", nargs="?", default="", help="Q4_K_M, Q6_K, IQ4_XS, F16 ...")
    parser.add_argument(
        "--target-size", metavar="SIZE", type=_size, default=0,
        help="in the place of TYPE: the mix of types that loses least in a file of this size ('90 MB')",
    )  # fmt: skip
    parser.add_argument(
        "--fit", action="store_true", help="the same for the largest file that fits this GPU, or the memory"
    )
    parser.add_argument(
        "--context", type=token_number, default=0, metavar="N", help="tokens of context that --fit leaves room for"
    )
    parser.add_argument(
        "--text", metavar="FILE", default=MIXED, help="what the parts' losses are measured on for a mix"
    )
    parser.add_argument("--to", metavar="FILE", help="the file to make; Heft's own folder of models when not given")
    parser.add_argument(
        "--chunks", type=whole_number, default=CHUNKS, metavar="N", help="pieces of that text (default: 4)"
    )
    parser.add_argument("--imatrix", metavar="FILE", default="", help="importance matrix, as llama-imatrix makes it")
    parser.add_argument(
        "--type-of", metavar="PATTERN=TYPE", action="append", type=_type_of, default=[],
        help="tensors whose names match get this type; may be given several times",
    )  # fmt: skip
    parser.add_argument("--output-type", metavar="TYPE", default="", help="type of the output matrix")
    parser.add_argument("--embedding-type", metavar="TYPE", default="", help="type of the token embedding")
    parser.add_argument("--keep-split", action="store_true", help="as many files as the source has")
    parser.add_argument("--pure", action="store_true", help="one type for all matrices, no mix")
    parser.add_argument("--allow-requantize", action="store_true", help="also from a file that is quantized already")
    parser.add_argument("--threads", type=whole_number, default=0, metavar="N", help="cores that compute")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would come to")


def _type_of(text: str) -> tuple[str, str]:
    try:
        return type_of_text(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from None


def _size(text: str) -> int:
    try:
        return byte_count(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]} is no size, such as '90 MB'.") from None


def run(args: argparse.Namespace) -> int:
    """Say what it comes to, make it, say what came of it."""
    with Container(default_paths()) as container:
        service = container.quantizing
        target = Path(args.to) if args.to else None
        if args.target_size or args.fit:
            mix, target = _chosen_mix(container, args, target)
            if mix is None:
                return 0
            recipe = mix.recipe
        elif args.type:
            mix = None
            recipe = Recipe(
                args.type, tuple(args.type_of), args.output_type, args.embedding_type, args.imatrix, args.pure,
                args.keep_split,
            )  # fmt: skip
        else:
            raise UsageError("There is no type.", "Name one (Q4_K_M ...), or a size with --target-size.")
        prospect = service.prospect(args.model, recipe, target)
        if args.dry_run:
            print_json(_document(prospect, mix=mix)) if args.json else print_text(_report(prospect))
            return 0
        if prospect.requantized and not args.allow_requantize:
            raise UsageError(requantizing_words(prospect), "Allow it with --allow-requantize.")
        if prospect.needs_imatrix and not prospect.recipe.imatrix:
            raise UsageError(
                f"{prospect.recipe.type} is of no use without an importance matrix.",
                "Name one with --imatrix, or choose a larger type.",
            )
        if prospect.requantized:
            print_note(f"note: {requantizing_words(prospect)}")
        if not args.json:
            print_text(_report(prospect))
        label = f"Making {elided_name(prospect.target.name, NAME_WIDTH)}"
        with closing(ProgressLine(label)) as line, hints(HINTS):
            made = service.quantize(prospect, threads=args.threads, again=args.allow_requantize, progress=line.show)
        found = service.in_library(made)
    if args.json:
        print_json(_document(prospect, made, mix))
        return 0
    print_text(f"\nMade {made.files[0]}, {human_bytes(made.size_bytes)}; it was loaded to try it.")
    print_text(f"SHA-256 {made.sha256[0]}")
    if not found:
        print_note("note: the library does not look into this folder; add it on the page Library.")
    return 0


def _chosen_mix(container: Container, args: argparse.Namespace, target: Path | None) -> tuple[Mix | None, Path | None]:
    """The mix, with the file to make; None after only saying what choosing it would take."""
    if args.type or args.type_of or args.pure or args.keep_split or args.output_type or args.embedding_type:
        raise UsageError("A size chooses the types by itself.", "Leave out TYPE and the arguments about types.")
    if args.target_size and args.fit:
        raise UsageError("--target-size and --fit are two sizes.", "Name one of them.")
    mixing = container.mixing
    size = args.target_size or mixing.fitting_bytes(args.model, args.context)
    matrix = args.imatrix or str(container.importance.beside(args.model) or "")
    found = mixing.prospect(args.model, size, matrix, args.text, chunks=args.chunks)
    if args.dry_run and not mixing.is_measured(found):
        print_json(mix_prospect_document(found)) if args.json else print_text(mix_plan(found))
        return None, None
    print_note(mix_plan(found))
    with closing(ProgressLine(f"Weighing {elided_name(found.source.title, NAME_WIDTH)}")) as line:
        mix = mixing.choose(found, progress=line.show)
    if not args.json:
        print_text(mix_report(mix))
    return mix, target or mixing.target(found)


def _document(prospect: Prospect, made: Made | None = None, mix: Mix | None = None) -> dict[str, Any]:
    """The JSON of the headless contract."""
    weighed, quality = prospect.weighed, prospect.quality
    plan = weighed.plan if weighed is not None else None
    recipe = {
        "type": prospect.recipe.type,
        "tensor_types": [{"pattern": pattern, "type": kind} for pattern, kind in prospect.recipe.tensor_types],
        "output_type": prospect.recipe.output_type or None,
        "embedding_type": prospect.recipe.embedding_type or None,
        "pure": prospect.recipe.pure,
        "keep_split": prospect.recipe.keep_split,
        "imatrix": prospect.recipe.imatrix or None,
        "source_sha256": made.recipe.get("source.sha256") if made else None,
        "imatrix_sha256": made.recipe.get("imatrix.sha256") if made else None,
        "engine": made.recipe.get("engine") if made else None,
        "heft": made.recipe.get("heft") if made else None,
    }
    return {
        "path": made.files[0] if made else str(prospect.target),
        "made": made is not None,
        "files": list(made.files) if made else [],
        "size_bytes": made.size_bytes if made else None,
        "predicted_size_bytes": made.predicted_size_bytes if made else prospect.size_bytes,
        "sha256": made.sha256[0] if made else None,
        "files_sha256": list(made.sha256) if made else [],
        "recipe": recipe,
        "source": str(prospect.source.path),
        "source_bytes": prospect.source.size_bytes,
        "mainly": prospect.mainly or None,
        "measured_here": [measurement_document(one) for one in prospect.measured],
        "types": {kind: {"bytes": size} for kind, size in prospect.types.items()},
        "requantized": list(prospect.requantized),
        "needs_imatrix": prospect.needs_imatrix,
        "computed": made.computed if made else None,
        "quantizing_seconds": made.quantizing_seconds if made else None,
        "placement": weighed.fit.placement if weighed else None,
        "method": weighed.fit.method if weighed else None,
        "context": weighed.fit.context if weighed else None,
        "memory": memory_document(weighed.fit.memory) if weighed else None,
        "tokens_per_second": asdict(plan.speeds.full) if plan and plan.speeds else None,
        **speeds_document(plan.speeds if plan else None),
        "quality": {
            "kld_low": quality.kld_low,
            "kld_high": quality.kld_high,
            "label": quality.label,
            "source": quality.source,
        },
        "mix": mix_document(mix) if mix else None,
    }


def _report(prospect: Prospect) -> str:
    weighed = prospect.weighed
    rows = [
        ["from", f"{prospect.source.title} ({prospect.source_label}), {human_bytes(prospect.source.size_bytes)}"],
        ["to", str(prospect.target)],
        ["size", f"{human_bytes(prospect.size_bytes)} ({prospect.size_bytes:,} bytes)"],
        ["types", made_of_words(prospect)],
    ]
    if weighed is not None:
        rows.append(["memory", f"{human_bytes(weighed.fit.memory.total_bytes)} at {weighed.fit.context:,} tokens"])
        rows.append(["speed", speed_words(weighed.plan.speeds)])
    rows.append(["loss", loss_words(prospect)])
    if prospect.mainly:
        rows.append(["note", mainly_words(prospect)])
    if prospect.needs_imatrix and not prospect.recipe.imatrix:
        rows.append(["note", f"{prospect.recipe.type} is of no use without an importance matrix (--imatrix)"])
    if prospect.requantized:
        rows.append(["note", requantizing_words(prospect)])
    elif prospect.source_label == NEARLY_WHOLE:
        rows.append(["note", "made from Q8_0, it loses about as much as made from F16"])
    return table(["", prospect.recipe.type], rows)
