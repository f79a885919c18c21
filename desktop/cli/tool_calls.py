"""Tools that the model of ``run`` and ``chat`` may call: offered by ``--tools``, and asked for on the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import msgspec

from desktop.cli.output import ProgressLine, ShownAnswer, print_note, typed_answer
from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.text import one_line
from desktop.core.tool_calls import ToolCall, pretty_json
from desktop.engine.api import ChatMessage, Generate, Loaded
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.chat.headless_tools import HeadlessTools
from desktop.services.container import Container
from desktop.services.tools.offered import OfferedTool
from desktop.services.tools.permissions import Decision
from desktop.services.tools.service import ToolService
from desktop.services.tools.words import call_words, count_words

_CANNOT = "The model cannot call tools: its chat template does not know them. None is offered."
_DECISIONS: dict[str, Decision] = {"o": "once", "c": "chat", "a": "always", "n": "no"}
_CHOICE = "Call it? [o]nce, in this [c]hat, [a]lways, [n]o"
_SHOWN = 1_000  # characters of a call's arguments before they are asked to be seen
_RESULT = 160  # and of a result; the whole of it is what --json tells


def add_tool_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether tools are offered, and which may be called without asking."""
    parser.add_argument(
        "--tools", action="store_true",
        help="the model may call tools of the servers that are switched on (heft tools); each call is asked for",
    )  # fmt: skip
    parser.add_argument(
        "--allow", action="append", default=[], metavar="SERVER.TOOL",
        help="with --tools: a tool that is called without asking; may be given several times",
    )  # fmt: skip


class TerminalTools:
    """The tools of one command. Where there is no terminal, what was not allowed before is not called.

    ``notes`` are sentences the reader should see; ``tokens`` is what the tools add to each question.
    """

    def __init__(self, container: Container, args: argparse.Namespace) -> None:
        """Begin to start the servers, while the model is loaded. Raises HeftError: nothing is switched on."""
        self._service: Callable[[], ToolService] = lambda: container.tools
        self._engine = container.engine
        self._allowed: list[str] = args.allow
        self._wanted: bool = args.tools
        self._terminal = sys.stdin.isatty() and sys.stderr.isatty()
        self._answer: ShownAnswer | None = None
        self._reading: ProgressLine | None = None
        self.notes: list[str] = []
        self.tokens: int | None = None
        if self._allowed and not self._wanted:
            raise UsageError("--allow is for tools that are offered.", "Add --tools.")
        if not self._wanted:
            return
        if container.tools.problem:
            raise HeftError(
                container.tools.problem, f"Correct {container.tools.path}, or remove it.", settings_page="tools"
            )
        if not container.tools.any_on:
            raise NotFoundError(
                "No server of tools is switched on.", "See which there are with heft tools, then: heft tools on NAME"
            )
        container.tools.start_all()

    def of(self, chat: HeadlessChat, loaded: Loaded, answers: AnswerSettings) -> HeadlessTools:
        """For conversations with this model; waits for the servers. Raises HeftError: none can be reached, or a tool
        that is allowed is not there.
        """
        offered = self._offered(loaded, answers) if self._wanted else ()
        if offered:
            self._count(offered, loaded, answers)
        allowed = [(tool.server, tool.found.name) for tool in offered if _named(tool) in self._allowed]
        return HeadlessTools(
            chat, self._service, offered, ask=self._ask, go_on=self._go_on, tell=self._tell, allowed=allowed
        )

    def _offered(self, loaded: Loaded, answers: AnswerSettings) -> tuple[OfferedTool, ...]:
        if not loaded.tools or answers.template is not None:
            self._note(_CANNOT)
            return ()
        offered = self._service().offered()
        failed = [view.error for view in self._service().servers() if view.saved.on and view.error is not None]
        if failed and (not offered or any(name not in map(_named, offered) for name in self._allowed)):
            raise failed[0]
        for error in failed:
            self._note(f"{error.message} {error.hint}".strip())
        for name in self._allowed:
            if name not in map(_named, offered):
                there = ", ".join(one_line(_named(tool)) for tool in offered)
                raise UsageError(f"There is no tool {one_line(name)}.", f"There are: {there}")
        return offered

    def _count(self, offered: Sequence[OfferedTool], loaded: Loaded, answers: AnswerSettings) -> None:
        servers = ", ".join(dict.fromkeys(one_line(tool.server) for tool in offered))
        told = f"{count_words(len(offered))} of {servers}"
        if not loaded.endpoint:
            plain = Generate(0, (ChatMessage("user", "?"),), thinking=answers.thinking, effort=answers.effort)
            asked = msgspec.structs.replace(plain, tools=tuple(tool.spec for tool in offered))
            self.tokens = self._engine.count(asked) - self._engine.count(plain)
            told += f"; they take {self.tokens:,} tokens of each question"
        print_note(f"{told}.")

    def _note(self, words: str) -> None:
        self.notes.append(words)
        print_note(f"note: {words}")

    # -- while an answer is written --------------------------------------------------------------

    def begin(self, answer: ShownAnswer, reading: ProgressLine) -> None:
        """This is what is being written, and how far its prompt is read; calls are told between its parts."""
        self._answer, self._reading = answer, reading

    def _ask(self, call: ToolCall, offered: OfferedTool) -> Decision | None:
        title = one_line(call.title)
        self._pause()
        if not self._terminal:
            self._note(f"{title} was not called, as nobody can be asked. To allow it: --allow {_quoted(offered)}")
            return "no"
        print_note(f"The model asks to call {title} with")
        written = pretty_json(call.arguments)
        print_note(written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…")
        more = f", [s]how all {len(written):,} characters" if len(written) > _SHOWN else ""
        while True:
            said = typed_answer(f"{_CHOICE}{more}: ")
            if said is None:
                return None
            if more and said[:1] == "s":
                print_note(written)
            elif said[:1] in _DECISIONS:
                return _DECISIONS[said[:1]]

    def _go_on(self, rounds: int) -> bool:
        """Whether it may call more, after so many rounds."""
        if not self._terminal:
            self._note(f"It was stopped after it had called tools {rounds} times.")
            return False
        self._pause()
        while True:
            said = typed_answer(
                f"The model has called tools {rounds} times for this answer. Let it go on? [y]es, [n]o: "
            )
            if said is None or said[:1] in ("y", "n"):
                return said is not None and said[:1] == "y"

    def _tell(self, call: ToolCall) -> None:
        if call.state == "running":
            return
        self._pause()
        result = f": {one_line(call.result, _RESULT)}" if call.state in ("done", "failed") else ""
        print_note(f"[{one_line(call_words(call))}]{result}")
        for words in call.notes:
            self._note(words)

    def _pause(self) -> None:
        if self._reading is not None:
            self._reading.close()
        if self._answer is not None:
            self._answer.pause()


def calls_document(
    tools: TerminalTools, offered: Sequence[OfferedTool], calls: Sequence[ToolCall]
) -> dict[str, object]:
    """The ``tools_offered``, ``tools_tokens`` and ``tool_calls`` of ``heft run --json``."""
    return {
        "tools_offered": [_named(tool) for tool in offered],
        "tools_tokens": tools.tokens,
        "tool_calls": [
            {
                "name": call.name,
                "server": call.server or None,
                "tool": call.tool or None,
                "arguments": call.arguments,
                "state": call.state,
                "result": call.result,
                "seconds": call.seconds,
                "size_bytes": call.size,
                "round": call.round,
                "notes": list(call.notes),
            }
            for call in calls
        ],
    }


def _named(tool: OfferedTool) -> str:
    return f"{tool.server}.{tool.found.name}"


def _quoted(tool: OfferedTool) -> str:
    name = one_line(_named(tool))
    return f"'{name}'" if " " in name else name
