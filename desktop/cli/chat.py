"""``heft chat``: a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from desktop.cli.attached_media import add_media_arguments
from desktop.cli.conversation import Conversation, Partner
from desktop.cli.documents import add_attach_arguments
from desktop.cli.enclosures import COMMANDS, Enclosures
from desktop.cli.model import (
    add_answer_arguments,
    add_model_arguments,
    answer_settings,
    load_notes,
    loaded_model,
    sampling_defaults,
    token_number,
)
from desktop.cli.output import print_note
from desktop.cli.sampling import add_sampling_arguments, chosen_sampling
from desktop.cli.tool_calls import TerminalTools, add_tool_arguments
from desktop.core.errors import HeftError, UsageError
from desktop.services.chat.sampling import sampling_of
from desktop.services.container import Container
from desktop.store.paths import default_paths

_HELP = (
    "Enter sends. /attach FILE and /image FILE go with the next question, /new starts again, /quit (or Ctrl+D) ends, "
    "Ctrl+C stops an answer, /help says more."
)
_COMMANDS = {"/new": "starts again", "/quit": "ends", "/help": "this"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_model_arguments(parser)
    add_answer_arguments(parser)
    add_media_arguments(parser, "the first question")
    parser.add_argument("--system", default="", help="system prompt")
    parser.add_argument("--max-tokens", type=token_number, default=0, metavar="N", help="0: until the model ends")
    add_attach_arguments(parser)
    add_tool_arguments(parser)
    add_sampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Talk until the input ends; what the arguments name goes with the first question, more with later ones.

    What is thought before an answer and its figures are on stderr.
    """
    if args.json:
        raise UsageError("A conversation has no JSON form.", "Use: heft run MODEL --json")
    chosen = chosen_sampling(args)
    with ExitStack() as stack:
        container = stack.enter_context(Container(default_paths()))
        answers = answer_settings(container, args)
        enclosures = Enclosures(container, args)
        terminal = TerminalTools(container, args)
        engine, loaded, plan = stack.enter_context(loaded_model(container, args))
        sampling = sampling_of(sampling_defaults(container, plan), chosen)
        length = f", context {loaded.context_length:,}" if loaded.context_length else ""
        print_note(f"{loaded.description}{length}. {_HELP}")
        for note in load_notes(loaded, answers):
            print_note(f"note: {note}")
        tools = terminal.of(engine, loaded, answers)
        partner = Partner(loaded, answers, sampling, tuple(chosen), tools, terminal)
        talk = Conversation(args, partner, enclosures)
        while (text := _ask()) is not None and text != "/quit":
            if text == "/new":
                talk.begin_again()
            elif text == "/help":
                _help()
            elif text and not _commanded(enclosures, text):
                talk.ask(text)
    return 0


def _help() -> None:
    for command, words in {**COMMANDS, **_COMMANDS}.items():
        taken, _, does = words.rpartition(": ")
        print_note(f"  {f'{command} {taken}'.strip():<17} {does}")


def _commanded(enclosures: Enclosures, line: str) -> bool:
    """Whether it was no question; what cannot be done is said."""
    try:
        return enclosures.do(line)
    except HeftError as error:
        print_note(f"heft: {error.message} {error.hint}")
        return True


def _ask() -> str | None:
    """One line from the person, None at the end of input; Ctrl+C on an empty line ends too."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return None
