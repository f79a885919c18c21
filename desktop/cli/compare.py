"""``heft compare``: two models side by side on the same prompts."""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from desktop.cli.model import token_number
from desktop.cli.output import NAME_WIDTH, ProgressLine, print_json, print_note, print_text, table
from desktop.cli.sampling import add_sampling_arguments, chosen_sampling
from desktop.core.errors import UsageError
from desktop.core.naming import elided_name
from desktop.core.vote_tally import Tally
from desktop.services.container import Container
from desktop.services.lab.compare_words import tally_words, thought_words, way_words
from desktop.services.lab.comparing import MAX_TOKENS, Compared, Comparison
from desktop.services.lab.side import SideStep
from desktop.store.paths import default_paths

if TYPE_CHECKING:
    from desktop.services.lab.comparing import ComparingService
    from desktop.store.votes import Choice

_VOTES: dict[str, Choice] = {"1": "first", "2": "second", "=": "neither"}
_ASKED = "Which is better? 1, 2, = for neither, or nothing to leave it: "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two models and what they are asked."""
    parser.add_argument("models", nargs=2, metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="may be given several times")
    parser.add_argument("--system", default="", help="system prompt")
    parser.add_argument(
        "--max-tokens", type=token_number, default=MAX_TOKENS, metavar="N", help="of an answer (default: 200)"
    )
    parser.add_argument("--context", type=token_number, default=0, metavar="N", help="tokens that a model sees at once")
    parser.add_argument(
        "--in-turn", action="store_true", help="one after the other also where both fit: speeds as of each alone"
    )
    parser.add_argument(
        "--blind", action="store_true", help="hide which is which, and ask on standard input which is better"
    )
    parser.add_argument("--tally", action="store_true", help="only say what blind votes came to so far")
    add_sampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask both, and show where they part; UsageError without a prompt."""
    if args.blind and args.json:
        raise UsageError(
            "A blind vote is given by a person.", "Leave out --json; --tally --json tells what came of it."
        )
    chosen = chosen_sampling(args)
    with Container(default_paths()) as container, closing(ProgressLine("Comparing")) as line:
        service = container.comparing
        models = (args.models[0], args.models[1])
        if args.tally:
            return _tell_tally(service, models, as_json=args.json)
        prospect = service.prospect(models, context=args.context, in_turn=args.in_turn)
        print_note(way_words(prospect))
        compared = service.compare(
            prospect, args.prompt, chosen, system=args.system, max_tokens=args.max_tokens,
            heard=_Shown(line, prospect, len(args.prompt), blind=args.blind),
        )  # fmt: skip
        line.close()
        if args.blind:
            return _ask(service, prospect, compared)
    if args.json:
        answers = [_document(one) for one in compared]
        print_json({**answers[0], "answers": answers, "in_parallel": prospect.together})
        return 0
    for one in compared:
        print_text(_report(one))
    return 0


class _Shown:
    """How far both are, and how fast, in one line."""

    def __init__(self, line: ProgressLine, prospect: Comparison, prompts: int, *, blind: bool) -> None:
        self._line, self._prompts, self._blind = line, max(1, prompts), blind
        self._names = [elided_name(model.title, NAME_WIDTH // 2) for model in prospect.models]
        self._parts, self._words = [0.0, 0.0], ["", ""]

    def __call__(self, step: SideStep) -> None:
        if step.state == "loading":
            words = f"loads, {step.fraction:.0%}"
        elif step.state == "answering":
            words = "answers" if self._blind else f"{step.tokens_per_second:.1f} tok/s"
        else:
            words = "done"
        done = {"loading": 0, "answering": step.prompt, "answered": step.prompt + 1, "done": self._prompts}[step.state]
        self._parts[step.side] = done / self._prompts
        self._words[step.side] = words if self._blind else f"{self._names[step.side]}: {words}"
        self._line.update(sum(self._parts) / 2, " | ".join(filter(None, self._words)))


def _tell_tally(service: ComparingService, names: tuple[str, str], *, as_json: bool) -> int:
    models = service.models_of(names)
    tally = service.tally(models)
    if as_json:
        print_json({"tally": _tally(tally), "models": [model.title for model in models]})
    else:
        print_text(tally_words(tally, (models[0].title, models[1].title)))
    return 0


def _ask(service: ComparingService, prospect: Comparison, compared: tuple[Compared, ...]) -> int:
    """The answers without names, a vote on each, and then which is which."""
    models = prospect.models
    for one in compared:
        turned = random.random() < 0.5
        order = (1, 0) if turned else (0, 1)
        shown = [one.sides[at].text.strip() for at in order]
        print_text("\n".join([f"> {one.prompt}\n", "--- 1", shown[0], "", "--- 2", shown[1], "", _ASKED]))
        choice = _VOTES.get(sys.stdin.readline().strip())
        if choice is not None:
            named: dict[Choice, Choice] = {"first": "second", "second": "first", "neither": "neither"}
            service.vote(models, named[choice] if turned else choice, one.prompt)
        print_text(f"1 was {models[order[0]].title}, 2 was {models[order[1]].title}.\n")
    print_text(tally_words(service.tally(models), (models[0].title, models[1].title)))
    return 0


def _tally(tally: Tally) -> dict[str, Any]:
    low, high = tally.interval
    return {**asdict(tally), "chance": tally.chance, "first_preferred": {"low": low, "high": high}}


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
        "thoughts": [asdict(thought) for thought in one.thoughts] if one.thoughts else None,
        "in_reasoning": one.in_reasoning,
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
    where = [f"They part after {one.difference.at:,} characters: {first!r} | {second!r}"]
    if one.thoughts is not None:
        where += thought_words(one.thoughts, (one.sides[0].model, one.sides[1].model))
    return "\n".join([*lines, *where, ""])
