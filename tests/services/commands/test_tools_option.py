"""How ``run`` and ``chat`` ask for a call on the terminal, and what they do where there is none."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from support.answering_engine import AnsweringEngine, Said, calling
from support.scripted_chat import LOADED
from support.tool_sessions import scripted

from desktop.cli.main import main
from desktop.cli.output import ProgressLine, ShownAnswer
from desktop.cli.tool_calls import TerminalTools, add_tool_arguments, calls_document
from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.engine.api import ChatMessage, Generate
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.chat.headless_tools import ToolAnswer
from desktop.services.tools.offered import OfferedTool
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.store.paths import Paths
from desktop.store.tool_servers import ToolServerStore

SUM = '{"a": 2, "b": 3}'
QUESTION = Generate(0, (ChatMessage("user", "What is 2 + 3?"),))
KNOWS = SimpleNamespace(tools=True, endpoint="", context_length=2048)
Capture = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """What a person types, on a terminal or not."""

    def __init__(self, text: str, *, terminal: bool) -> None:
        super().__init__(text)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def service(paths: Paths) -> Iterator[ToolService]:
    made = ToolService(ToolServerStore(paths.tool_servers), ToolSecrets(paths.tool_keys), paths.scratch)
    made.add(scripted(name="files"))
    made.switch("files", on=True)
    yield made
    made.close()


class Heard(NamedTuple):
    """What came of a question."""

    terminal: TerminalTools
    found: ToolAnswer
    offered: tuple[OfferedTool, ...]


Ask = Callable[..., Heard]


@pytest.fixture
def ask(service: ToolService, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A question to a scripted model with these arguments; ``typed`` None: there is no terminal."""

    def asked(*rounds: Said, typed: str | None = None, words: tuple[str, ...] = ("--tools",)) -> Heard:
        monkeypatch.setattr("sys.stdin", Terminal(typed or "", terminal=typed is not None))
        monkeypatch.setattr("sys.stderr.isatty", lambda: typed is not None)
        parser = argparse.ArgumentParser()
        add_tool_arguments(parser)
        engine = AnsweringEngine(*rounds)
        container: Any = SimpleNamespace(tools=service, engine=engine)
        terminal = TerminalTools(container, parser.parse_args(words))
        chat = HeadlessChat(engine)  # type: ignore[arg-type]
        tools = terminal.of(chat, KNOWS, AnswerSettings())  # type: ignore[arg-type]
        answer = ShownAnswer()
        terminal.begin(answer, ProgressLine("Reading"))
        found = tools.answer(QUESTION, answer.add)
        answer.finish()
        return Heard(terminal, found, tuple(tools.offered.values()))

    return asked


@pytest.mark.parametrize(
    ("typed", "state"), [("o\n", "done"), ("what?\n\nC\n", "done"), ("n\n", "denied"), ("", "denied")]
)
def test_a_call_is_asked_for_with_its_arguments(ask: Ask, capsys: Capture, typed: str, state: str) -> None:
    _, found, _ = ask(calling("add", SUM, text="Let me see."), Said("Five."), typed=typed)
    out, err = capsys.readouterr()
    assert [call.state for call in found.calls] == [state]
    assert "12 tools of files; they take 1,200 tokens of each question." in err
    assert "The model asks to call files · add with" in err and '"a": 2,' in err
    assert "Call it? [o]nce, in this [c]hat, [a]lways, [n]o: " in err
    assert ("[files · add answered" in err) == (state == "done")
    assert ("[files · add was not allowed]" in err) == (state == "denied")
    assert out == "Let me see.\n\nFive.\n"


def test_long_arguments_are_shown_whole_when_they_are_asked_for(ask: Ask, capsys: Capture) -> None:
    arguments = json.dumps({"text": "x" * 5000, "end": "the very end"})
    ask(calling("get_weather", arguments), Said("Done."), typed="s\no\n")
    err = capsys.readouterr().err
    before, after = err.split("[s]how all 5,0", 1)
    assert "the very end" not in before and "the very end" in after


def test_nothing_is_called_without_leave_where_there_is_no_terminal(ask: Ask, capsys: Capture) -> None:
    terminal, found, _ = ask(calling("add", SUM), Said("Then not."))
    assert [call.state for call in found.calls] == ["denied"]
    (note,) = terminal.notes
    assert note == "files · add was not called, as nobody can be asked. To allow it: --allow files.add"
    assert note in capsys.readouterr().err


def test_a_script_allows_tools_by_name(ask: Ask, capsys: Capture) -> None:
    words = ("--tools", "--allow", "files.add")
    terminal, found, offered = ask(calling("add", SUM), calling("get_weather", number="c2"), Said("5"), words=words)
    assert [call.state for call in found.calls] == ["done", "denied"]
    document: Any = calls_document(terminal, offered, found.calls)
    assert document["tools_tokens"] == 1200 and "files.add" in document["tools_offered"]
    first, second = document["tool_calls"]
    assert (first["server"], first["tool"], first["arguments"], first["result"]) == ("files", "add", SUM, "5")
    assert (first["state"], first["round"], second["state"], second["round"]) == ("done", 1, "denied", 2)


@pytest.mark.parametrize(("typed", "told"), [(None, "had called tools 10 times"), ("n\n", "Let it go on? [y]es, [n]o")])
def test_a_model_that_goes_on_calling_is_stopped(ask: Ask, capsys: Capture, typed: str | None, told: str) -> None:
    words = ("--tools", "--allow", "files.add")
    _, found, _ = ask(calling("add", SUM), typed=typed, words=words)
    assert (found.finished.reason, len(found.calls)) == ("tool-calls", 11)
    assert told in capsys.readouterr().err


def test_what_of_a_result_the_model_is_not_given_is_said(ask: Ask, capsys: Capture) -> None:
    terminal, _, _ = ask(calling("pictures"), Said("Nice."), words=("--tools", "--allow", "files.pictures"))
    assert any("A picture (image/png" in note for note in terminal.notes)
    assert "Look:" in capsys.readouterr().err


def test_a_model_that_cannot_call_is_offered_nothing(service: ToolService, capsys: Capture) -> None:
    container: Any = SimpleNamespace(tools=service, engine=AnsweringEngine(Said("Hello.")))
    terminal = TerminalTools(container, argparse.Namespace(tools=True, allow=[]))
    chat: Any = None
    assert not terminal.of(chat, LOADED, AnswerSettings()).offered
    assert "cannot call tools" in capsys.readouterr().err


def test_a_tool_that_is_not_there_is_refused_with_those_that_are(ask: Ask) -> None:
    with pytest.raises(UsageError) as refused:
        ask(Said("x"), words=("--tools", "--allow", "files.substract"))
    assert "files.substract" in refused.value.message and "files.add" in refused.value.hint


def test_a_server_that_cannot_be_reached_is_said_and_the_others_are_offered(
    ask: Ask, service: ToolService, capsys: Capture
) -> None:
    service.add(scripted("crash-at-start", name="broken"))
    service.switch("broken", on=True)
    terminal, found, _ = ask(calling("add", SUM), Said("5"), words=("--tools", "--allow", "files.add"))
    assert [call.state for call in found.calls] == ["done"]
    assert any("broken" in note for note in terminal.notes)
    with pytest.raises(HeftError) as refused:
        ask(Said("x"), words=("--tools", "--allow", "broken.add"))
    assert "broken" in refused.value.message
    service.switch("files", on=False)
    with pytest.raises(HeftError):
        ask(Said("x"))


def test_one_that_is_not_switched_on_is_not_started(ask: Ask, service: ToolService) -> None:
    service.switch("files", on=False)
    with pytest.raises(NotFoundError) as refused:
        ask(Said("x"))
    assert "heft tools on" in refused.value.hint
    assert service.find("files").phase == "off"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "starter", "--prompt", "x", "--allow", "files.add"), "--allow is for tools that are offered."),
        (("chat", "starter", "--allow", "files.add"), "--allow is for tools that are offered."),
        (("run", "starter", "--prompt", "x", "--tools", "--raw"), "without tools"),
        (("run", "starter", "--prompt", "x", "--tools"), "No server of tools is switched on."),
    ],
)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(
    heft_home: object, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    assert main(list(words)) != 0
    assert said in capsys.readouterr().err
