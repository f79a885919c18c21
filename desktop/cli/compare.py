"""``heft compare``: two models side by side on the same prompts."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict
from typing import Any

from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, print_json, print_text, table
from desktop.cli.sampling import add_sampling_arguments, chosen_sampling
from desktop.core.naming import elided_name
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.container import Container
from desktop.services.lab.comparing import Compared
from desktop.store.paths import default_paths

_FIXED = {"temperature": 0.0, "seed": 1}  # where nothing else is said: what differs is the models' doing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two models and what they are asked."""
    parser.add_argument("models", nargs=2, metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="may be given several times")
    parser.add_argument("--system", default="", help="system prompt")
    parser.add_argument("--max-tokens", type=token_number, default=200, metavar="N", help="of an answer (default: 200)")
    parser.add_argument("--context", type=token_number, default=0, metavar="N", help="tokens that a model sees at once")
    add_sampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask both, one after the other, and show where they part."""
    chosen = {**_FIXED, **chosen_sampling(args)}
    with Container(default_paths()) as container, closing(ProgressLine("Comparing")) as line:
        compared = container.comparing.compare(
            HeadlessChat(container.engine), (args.models[0], args.models[1]), args.prompt, chosen, system=args.system,
            max_tokens=args.max_tokens, context=args.context, heard=lambda note, part: line.update(part, note),
        )  # fmt: skip
    if args.json:
        answers = [_document(one) for one in compared]
        print_json({**answers[0], "answers": answers})
        return 0
    for one in compared:
        print_text(_report(one))
    return 0


def _document(one: Compared) -> dict[str, Any]:
    difference = one.difference
    return {
        "prompt": one.prompt,
        "sides": [
            {("finish_reason" if name == "reason" else name): value for name, value in asdict(side).items()}
            for side in one.sides
        ],
        "first_difference": {"at": difference.at, "alike": difference.alike, "texts": list(difference.texts)}
        if difference
        else None,
    }


def _report(one: Compared) -> str:
    lines = [f"> {one.prompt}\n"]
    for side in one.sides:
        lines += [f"--- {side.model}", side.text.strip(), ""]
    rows = [
        [elided_name(side.model, NAME_WIDTH), f"{side.tokens_per_second:.1f}", str(side.generated_tokens)]
        for side in one.sides
    ]
    lines.append(table(["", "TOKENS/S", "TOKENS"], rows, right=(1, 2)))
    if one.difference is None:
        return "\n".join([*lines, "Both say the same.\n"])
    first, second = one.difference.texts
    where = f"They part after {one.difference.at:,} characters: {first!r} | {second!r}\n"
    return "\n".join([*lines, where])
