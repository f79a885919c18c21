"""``heft chat``: a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

import msgspec

from desktop.cli.attached_media import add_media_arguments, attached_media
from desktop.cli.documents import (
    add_attach_arguments,
    citation_lines,
    cited,
    enclosed,
    read_attached,
    with_documents,
)
from desktop.cli.model import (
    add_answer_arguments,
    add_model_arguments,
    answer_settings,
    load_notes,
    loaded_model,
    sampling_defaults,
    token_number,
)
from desktop.cli.output import ProgressLine, ShownAnswer, print_note
from desktop.cli.run import asked_so, summary
from desktop.cli.sampling import add_sampling_arguments, chosen_sampling
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.engine.api import ChatMessage, Generate
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.sampling import sampling_of
from desktop.services.container import Container
from desktop.services.documents.service import Given
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
    add_sampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Talk until the input ends; documents go with the first question.

    What is thought before an answer and its figures are on stderr.
    """
    if args.json:
        raise UsageError("A conversation has no JSON form.", "Use: heft run MODEL --json")
    chosen = chosen_sampling(args)
    opening = [ChatMessage("system", args.system)] if args.system else []
    with ExitStack() as stack:
        container = stack.enter_context(Container(default_paths()))
        answers = answer_settings(container, args)
        sources = read_attached(container, args)
        media = attached_media(container, args)
        engine, loaded, plan = stack.enter_context(loaded_model(container, args))
        sampling = sampling_of(sampling_defaults(container, plan), chosen)
        length = f", context {loaded.context_length:,}" if loaded.context_length else ""
        print_note(f"{loaded.description}{length}. {_HELP}")
        for note in load_notes(loaded, answers):
            print_note(f"note: {note}")
        turns = list(opening)
        documents: Given | None = None  # went with the first question
        told: set[str] = set()
        while (text := _ask()) is not None:
            if text == "/quit":
                break
            if text == "/new":
                turns = list(opening)
                told.clear()
                documents = None
                continue
            if not text:
                continue
            turns.append(ChatMessage("user", text, media=media if turns == opening else ()))
            reading = ProgressLine("Reading")
            answer = ShownAnswer()

            def show(part: Part, reading: ProgressLine = reading, answer: ShownAnswer = answer) -> None:
                reading.close()
                answer.add(part)

            asked = Generate(0, tuple(turns), sampling=sampling, max_tokens=args.max_tokens, chosen=tuple(chosen))
            request = asked_so(asked, answers)
            try:
                if len(turns) == len(opening) + 1:
                    documents = enclosed(container, args, sources, text, request, loaded)
                    turns[-1] = ChatMessage("user", with_documents(text, documents))
                    request = msgspec.structs.replace(request, messages=tuple(turns))
                tagged = loaded.template != "none"
                finished = engine.answer_in_parts(request, show, reading.update, tagged=tagged)
            except HeftError as error:
                reading.close()
                turns.pop()
                print_note(f"heft: {error.message} {error.hint}")
                if loaded.endpoint or error.kind in (FailureKind.CONTEXT_FULL, FailureKind.BAD_TEMPLATE):
                    continue
                raise
            turns.append(ChatMessage("assistant", answer.text, answer.reasoning))
            answer.finish()
            for line in citation_lines(cited(documents, answer.text)):
                print_note(line)
            for note in finished.notes:
                if note not in told:  # it holds for the whole conversation
                    print_note(f"note: {note}")
            told.update(finished.notes)
            for note in answer.notes:
                print_note(f"note: {note}")
            print_note(f"[{summary(finished)}]")
    return 0


def _ask() -> str | None:
    """One line from the person, None at the end of input; Ctrl+C on an empty line ends too."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return None
