"""``heft chat``: a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from desktop.cli.attached_media import add_media_arguments, attached_media
from desktop.cli.conversation import Conversation, Partner
from desktop.cli.documents import add_attach_arguments, read_attached
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
from desktop.core.errors import UsageError
from desktop.services.chat.sampling import sampling_of
from desktop.services.container import Container
from desktop.store.paths import default_paths

_HELP = "Enter sends. /new starts again, /quit (or Ctrl+D) ends, Ctrl+C stops an answer."


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
    """Talk until the input ends; documents go with the first question.

    What is thought before an answer and its figures are on stderr.
    """
    if args.json:
        raise UsageError("A conversation has no JSON form.", "Use: heft run MODEL --json")
    chosen = chosen_sampling(args)
    with ExitStack() as stack:
        container = stack.enter_context(Container(default_paths()))
        answers = answer_settings(container, args)
        sources = read_attached(container, args)
        media = attached_media(container, args)
        terminal = TerminalTools(container, args)
        engine, loaded, plan = stack.enter_context(loaded_model(container, args))
        sampling = sampling_of(sampling_defaults(container, plan), chosen)
        length = f", context {loaded.context_length:,}" if loaded.context_length else ""
        print_note(f"{loaded.description}{length}. {_HELP}")
        for note in load_notes(loaded, answers):
            print_note(f"note: {note}")
        tools = terminal.of(engine, loaded, answers)
        partner = Partner(loaded, answers, sampling, tuple(chosen), tools, terminal)
        talk = Conversation(container, args, partner, sources, media)
        while (text := _ask()) is not None and text != "/quit":
            if text == "/new":
                talk.begin_again()
            elif text:
                talk.ask(text)
    return 0


def _ask() -> str | None:
    """One line from the person, None at the end of input; Ctrl+C on an empty line ends too."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return None
