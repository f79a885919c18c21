"""``heft run``: one answer, streamed."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

import msgspec

from desktop.cli.attached_media import add_media_arguments, attached_media
from desktop.cli.commands import COMMANDS
from desktop.cli.documents import (
    add_attach_arguments,
    attached_document,
    citation_lines,
    cited,
    enclosed,
    read_attached,
    with_documents,
)
from desktop.cli.fit import speeds_document
from desktop.cli.model import (
    add_answer_arguments,
    add_model_arguments,
    answer_settings,
    load_notes,
    loaded_document,
    loaded_model,
    prediction,
    sampling_defaults,
    token_number,
)
from desktop.cli.output import ProgressLine, ShownAnswer, print_json, print_note
from desktop.cli.sampling import add_sampling_arguments, chosen_sampling
from desktop.cli.tool_calls import TerminalTools, add_tool_arguments, calls_document
from desktop.core.answer_settings import ANSWER_FIELDS, AnswerSettings
from desktop.core.documents.way import Way
from desktop.core.errors import UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.speculation import gain
from desktop.engine.api import ChatMessage, Finished, Generate, Loaded, Media, Sampling
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.sampling import sampling_document, sampling_of
from desktop.services.chat.speculation_words import speculation_words
from desktop.services.chat.thread_words import thread_words
from desktop.services.container import Container
from desktop.services.planning.ledger import RunMeter
from desktop.services.planning.words import memory_held
from desktop.store.paths import default_paths

_TYPICAL_CONTEXT = 256  # tokens of a short question and its answer: where the prediction is made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_model_arguments(parser)
    add_answer_arguments(parser)
    parser.add_argument("--prompt", help="the question; read from standard input when not given")
    add_media_arguments(parser, "the question")
    parser.add_argument("--system", default="", help="system prompt")
    parser.add_argument("--max-tokens", type=token_number, default=0, metavar="N", help="0: until the model ends")
    add_attach_arguments(parser)
    add_tool_arguments(parser)
    add_sampling_arguments(parser)
    parser.add_argument("--raw", action="store_true", help="continue the prompt as it is, without chat template")


def run(args: argparse.Namespace) -> int:
    """Answer and report the figures; the answer's text goes to stdout, everything else to stderr."""
    prompt = args.prompt if args.prompt is not None else _read_prompt()
    if not prompt.strip():
        raise UsageError(
            "There is no prompt.", f"Give one with --prompt, or pipe it in. For example: {COMMANDS['run'].example}"
        )
    answer = ShownAnswer(silent=args.json)
    chosen = chosen_sampling(args)
    if args.raw and any(getattr(args, field.name) is not None for field in ANSWER_FIELDS):
        named = ", ".join(f"--{field.name}" for field in ANSWER_FIELDS)
        raise UsageError("--raw uses no chat template.", f"Leave it out, or {named}.")
    if args.raw and args.attach:
        raise UsageError("--raw continues a text as it is, without documents.", "Leave it out, or --attach.")
    if args.raw and (args.image or args.sound):
        raise UsageError("--raw continues a text alone.", "Leave it out, or --image and --sound.")
    if args.raw and args.tools:
        raise UsageError("--raw continues a text as it is, without tools.", "Leave it out, or --tools.")
    reading = ProgressLine("Reading the prompt")

    def show(part: Part) -> None:
        reading.close()
        answer.add(part)

    with ExitStack() as stack:
        container = stack.enter_context(Container(default_paths()))
        answers = AnswerSettings() if args.raw else answer_settings(container, args)
        sources = read_attached(container, args)
        media = attached_media(container, args)
        terminal = TerminalTools(container, args)
        engine, loaded, plan = stack.enter_context(loaded_model(container, args))
        tools = terminal.of(engine, loaded, answers)
        defaults = sampling_defaults(container, plan)
        request = generate_request(args, prompt, sampling_of(defaults, chosen), answers, tuple(chosen), media)
        offering, way = tools.offering(request), Way(args.attach_as)
        documents = enclosed(container, sources, prompt, offering, loaded, way=way, limit=args.max_tokens)
        if documents is not None:
            whole = with_documents(prompt, documents)
            request = generate_request(args, whole, sampling_of(defaults, chosen), answers, tuple(chosen), media)
        notes = () if args.raw else load_notes(loaded, answers)
        ledger = container.ledger
        running = None if loaded.endpoint else ledger.started(loaded, plan)  # of other computers nothing is learnt
        predicted = prediction(ledger, running, _TYPICAL_CONTEXT)
        meter = None if loaded.endpoint else RunMeter.start(engine.pid)
        tagged = not args.raw and loaded.template != "none"
        terminal.begin(answer, reading)
        found = tools.answer(request, show, reading.update, tagged=tagged, context_length=loaded.context_length)
        finished = found.finished
        answer.finish()
        if running is not None and meter is not None:
            ledger.answered(running, found.last, meter)
    if args.json:
        print_json(
            report(finished, answer, loaded.memory.total_bytes, predicted, (*notes, *terminal.notes))
            | {"kind": plan.kind, "endpoint": loaded.endpoint or None, "sampling": sampling_document(defaults, chosen)}
            | speeds_document(plan.speeds)
            | loaded_document(loaded, plan)
            | attached_document(sources, documents, args.attach_as)
            | calls_document(terminal, tuple(tools.offered.values()), found.calls)
        )
    else:
        for line in citation_lines(cited(documents, answer.text)):
            print_note(line)
        for note in (*notes, *finished.notes, *answer.notes):
            print_note(f"note: {note}")
        print_note(f"{summary(finished)} · {_held(loaded, plan)}")
    return 0


def _held(loaded: Loaded, plan: LoadPlan) -> str:
    if loaded.endpoint:
        return f"on {loaded.endpoint}"
    fit = plan.fit.memory if plan.fit is not None else None
    kept = fit.checkpoint_bytes if fit is not None else 0
    return f"{memory_held(loaded.memory.total_bytes, None, kept)} memory"


def _read_prompt() -> str:
    if sys.stdin.isatty():
        print_note("Type the prompt; Ctrl+D on an empty line ends it.")
    return sys.stdin.read().rstrip("\n")  # the last line's end is the terminal's or the pipe's, not the question's


def generate_request(
    args: argparse.Namespace,
    prompt: str,
    sampling: Sampling,
    answers: AnswerSettings,
    chosen: tuple[str, ...] = (),
    media: tuple[Media, ...] = (),
) -> Generate:
    """The request of one question; ``chosen`` names what was set of the sampling, ``media`` goes out with it."""
    if args.raw:
        return Generate(0, prompt=prompt, sampling=sampling, max_tokens=args.max_tokens, chosen=chosen)
    system = (ChatMessage("system", args.system),) if args.system else ()
    messages = (*system, ChatMessage("user", prompt, media=media))
    request = Generate(0, messages, sampling=sampling, max_tokens=args.max_tokens, chosen=chosen)
    return asked_so(request, answers)


def asked_so(request: Generate, answers: AnswerSettings) -> Generate:
    """A request that is asked as the model is set up to be."""
    return msgspec.structs.replace(request, template=answers.template, thinking=answers.thinking, effort=answers.effort)


def report(
    finished: Finished,
    answer: ShownAnswer,
    memory_bytes: int,
    predicted: dict[str, object],
    notes: tuple[str, ...] = (),
) -> dict[str, object]:
    """The JSON document of one answer; ``notes`` are of the model, before those of the answer."""
    figures = finished.statistics
    return {
        "text": answer.text,
        "reasoning": answer.reasoning,
        "reasoning_seconds": answer.reasoning_seconds,
        "finish_reason": finished.reason,
        "prompt_tokens": figures.prompt_tokens,
        "generated_tokens": figures.generated_tokens,
        "seconds_to_first_token": figures.seconds_to_first_token,
        "prompt_tokens_per_second": figures.prompt_tokens_per_second,
        "tokens_per_second": figures.tokens_per_second,
        "drafted_tokens": figures.drafted_tokens,
        "accepted_tokens": figures.accepted_tokens,
        "plain_tokens_per_second": figures.plain_tokens_per_second or None,
        "gain": gain(figures.tokens_per_second, figures.plain_tokens_per_second) if figures.drafted_tokens else None,
        "context_used": figures.context_used,
        "context_length": figures.context_length,
        "memory_bytes": memory_bytes,
        "resident_bytes": figures.resident_bytes,
        "notes": [*notes, *finished.notes, *answer.notes],
        "predicted": predicted,
    }


def summary(finished: Finished) -> str:
    """One line of figures."""
    figures = finished.statistics
    words = {
        "length": "stopped at the token limit",
        "context-full": "stopped: the context is full; use a larger --context",
        "cancelled": "cancelled",
        "tool-calls": "stopped: it went on calling tools",
        "stop": "",
    }[finished.reason]
    parts = [
        f"{figures.tokens_per_second:.1f} tok/s",
        f"{figures.generated_tokens:,} tokens",
        f"first token {figures.seconds_to_first_token:.2f} s",
    ]
    read = figures.prompt_tokens_per_second  # another server may not tell it
    parts.append(f"prompt {figures.prompt_tokens:,} tokens" + (f" at {read:.0f} tok/s" if read else ""))
    length = figures.context_length
    parts.append(f"context {figures.context_used:,}" + (f" / {length:,}" if length else ""))
    named = msgspec.structs.asdict(figures)
    parts += [*speculation_words(named), *thread_words(named)]
    return " · ".join([*parts, words] if words else parts)
