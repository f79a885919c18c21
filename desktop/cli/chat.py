"""``heft chat``: a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from desktop.cli.arguments import whole_number
from desktop.cli.model import (
    add_answer_arguments,
    add_model_arguments,
    answer_settings,
    load_notes,
    loaded_model,
    token_number,
)
from desktop.cli.output import AnswerText, ProgressLine, print_note, print_text
from desktop.cli.run import asked_so, summary
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.engine.api import ChatMessage, Generate, Sampling
from desktop.services.container import Container
from desktop.store.paths import default_paths

_HELP = "Enter sends. /new starts again, /quit (or Ctrl+D) ends, Ctrl+C stops an answer."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_model_arguments(parser)
    add_answer_arguments(parser)
    parser.add_argument("--system", default="", help="system prompt")
    parser.add_argument("--max-tokens", type=token_number, default=0, metavar="N", help="0: until the model ends")
    parser.add_argument("--temperature", type=float, default=Sampling().temperature, metavar="X")
    parser.add_argument("--seed", type=whole_number, default=None, metavar="N", help="default: a fresh one")


def run(args: argparse.Namespace) -> int:
    """Talk until the input ends; each answer's figures follow it on stderr."""
    if args.json:
        raise UsageError("A conversation has no JSON form.", "Use: heft run MODEL --json")
    sampling = Sampling(temperature=args.temperature, seed=args.seed)
    opening = [ChatMessage("system", args.system)] if args.system else []
    with ExitStack() as stack:
        container = stack.enter_context(Container(default_paths()))
        answers = answer_settings(container, args)
        engine, loaded, _plan = stack.enter_context(loaded_model(container, args))
        print_note(f"{loaded.description}, context {loaded.context_length:,}. {_HELP}")
        for note in load_notes(loaded, answers):
            print_note(f"note: {note}")
        turns = list(opening)
        told: set[str] = set()
        while (text := _ask()) is not None:
            if text == "/quit":
                break
            if text == "/new":
                turns = list(opening)
                told.clear()
                continue
            if not text:
                continue
            turns.append(ChatMessage("user", text))
            pieces: list[str] = []
            reading = ProgressLine("Reading")

            answer = AnswerText()

            def show(
                piece: str, pieces: list[str] = pieces, reading: ProgressLine = reading, answer: AnswerText = answer
            ) -> None:
                reading.close()
                pieces.append(piece)
                answer.write(piece)

            request = asked_so(Generate(0, tuple(turns), sampling=sampling, max_tokens=args.max_tokens), answers)
            try:
                finished = engine.answer(request, show, reading.update)
            except HeftError as error:
                reading.close()
                turns.pop()
                print_note(f"heft: {error.message} {error.hint}")
                if error.kind in (FailureKind.CONTEXT_FULL, FailureKind.BAD_TEMPLATE):
                    continue
                raise
            turns.append(ChatMessage("assistant", "".join(pieces)))
            print_text()
            sys.stdout.flush()
            for note in finished.notes:
                if note not in told:  # it holds for the whole conversation
                    print_note(f"note: {note}")
            told.update(finished.notes)
            print_note(f"[{summary(finished)}]")
    return 0


def _ask() -> str | None:
    """One line from the person, None at the end of input; Ctrl+C on an empty line ends too."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return None
