"""An answer that calls tools: asked for, called, told to the model; the engine is a script, the servers are real."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.scripted_chat import Talk
from support.tool_sessions import scripted

from desktop.core.tool_calls import CalledTool, ToolCall
from desktop.engine.api import ChatMessage, Generate
from desktop.services.chat.events import ChatEvent, MessageFinished, ToolAsked, ToolQuestion, ToolsCalled
from desktop.services.tools.permissions import Decision
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.store.chats import Message
from desktop.store.tool_servers import ToolServerStore

WAIT = 15.0


def _service(folder: Path) -> ToolService:
    """One server that is switched on, and runs."""
    service = ToolService(ToolServerStore(folder / "mcp.json"), ToolSecrets(folder / "keys"), folder / "scratch")
    service.add(scripted(name="files"))
    service.switch("files", on=True)
    service.offered()
    return service


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolService]:
    """For all that does not end its server."""
    service = _service(tmp_path_factory.mktemp("tools"))
    yield service
    service.close()


class ToolTalk:
    """A chat whose model may call tools; waits for what happens on threads of the service."""

    def __init__(self, folder: Path, tools: ToolService) -> None:
        self.talk = Talk(folder / "chats.sqlite3", lambda: tools)
        self.engine = self.talk.engine
        self.knows_tools(True)
        self.events: queue.SimpleQueue[ChatEvent] = queue.SimpleQueue()
        self.talk.service.subscribe(self.events.put)
        self.asked: queue.SimpleQueue[Generate] = queue.SimpleQueue()
        generate = self.engine.generate

        def told(request: Generate, listener: Callable[..., None]) -> int:
            number = generate(request, listener)
            self.asked.put(request)
            return number

        self.engine.generate = told  # type: ignore[method-assign]

    def knows_tools(self, knows: bool) -> None:
        """Whether the model's template does."""
        state = self.engine.state
        assert state.loaded is not None
        self.engine.state = replace(state, loaded=msgspec.structs.replace(state.loaded, tools=knows))

    def ask(self) -> Generate:
        """A question, and what the engine is asked for it."""
        self.talk.ask("What is 2 + 3?")
        return self.asked.get(timeout=WAIT)

    def call(self, *calls: tuple[str, str]) -> None:
        """The model calls these tools with these arguments."""
        made = [CalledTool(f"c{number}", name, arguments) for number, (name, arguments) in enumerate(calls)]
        self.engine.finish("tool-calls", *made)

    def question(self) -> ToolQuestion:
        """What a person is asked next."""
        while True:
            event = self.events.get(timeout=WAIT)
            if isinstance(event, ToolAsked) and event.question is not None:
                return event.question

    def decide(self, decision: Decision) -> None:
        """Answer the next question."""
        rounds = self.talk.service.tools
        assert rounds is not None
        rounds.decide(self.question().number, decision)

    def again(self) -> Generate:
        """What the engine is asked after the tools have answered."""
        return self.asked.get(timeout=WAIT)

    def finished(self) -> Message:
        """The answer when it is over."""
        while True:
            event = self.events.get(timeout=WAIT)
            if isinstance(event, MessageFinished):
                return event.message


@pytest.fixture
def talk(tmp_path: Path, tools: ToolService) -> Iterator[ToolTalk]:
    """A chat with the tools."""
    made = ToolTalk(tmp_path, tools)
    yield made
    made.talk.close()
    tools.permissions.ask_again("files")


@pytest.fixture
def own_talk(tmp_path: Path) -> Iterator[ToolTalk]:
    """A chat with a server of its own, which may be ended."""
    service = _service(tmp_path / "tools")
    made = ToolTalk(tmp_path, service)
    yield made
    made.talk.close()
    service.close()


def test_tools_are_offered_asked_for_called_and_told(talk: ToolTalk) -> None:
    request = talk.ask()
    assert "add" in [tool.name for tool in request.tools]
    talk.engine.say("Let me add.")
    talk.call(("add", '{"a": 2, "b": 3}'))
    question = talk.question()
    assert question.call is not None
    assert (question.call.server, question.call.tool, question.call.arguments) == ("files", "add", '{"a": 2, "b": 3}')
    assert question.description == "Adds two numbers."
    assert talk.talk.service.tools is not None
    talk.talk.service.tools.decide(question.number, "once")
    again = talk.again()
    assert again.messages[-2:] == (
        ChatMessage("assistant", "Let me add.", calls=(CalledTool("c0", "add", '{"a": 2, "b": 3}'),)),
        ChatMessage("tool", "5", answers="c0"),
    )
    talk.engine.say("It is 5.")
    talk.engine.finish()
    message = talk.finished()
    assert message.content == "Let me add.It is 5."
    assert (message.state, message.statistics["generated_tokens"]) == ("complete", 2.0)
    (call,) = message.tool_calls
    assert (call.state, call.result, call.at, call.size) == ("done", "5", len("Let me add."), 1)


def test_a_call_that_is_not_allowed_is_told_to_the_model(talk: ToolTalk) -> None:
    talk.ask()
    talk.call(("add", "{}"))
    talk.decide("no")
    assert talk.again().messages[-1].content == "The user did not allow this call."
    talk.engine.finish()
    assert talk.finished().tool_calls[0].state == "denied"


@pytest.mark.parametrize("decision", ["chat", "always"])
def test_what_was_allowed_for_longer_is_not_asked_again(talk: ToolTalk, decision: Decision) -> None:
    talk.ask()
    talk.call(("add", '{"a": 1, "b": 1}'))
    talk.decide(decision)
    talk.again()
    talk.call(("add", '{"a": 2, "b": 2}'))
    assert talk.again().messages[-1].content == "4"
    talk.engine.finish()
    assert [call.state for call in talk.finished().tool_calls] == ["done", "done"]


def test_calls_of_one_round_are_asked_one_by_one(talk: ToolTalk) -> None:
    talk.ask()
    talk.call(("add", '{"a": 1, "b": 1}'), ("fail", ""))
    talk.decide("once")
    talk.decide("once")
    told = talk.again().messages
    assert [message.content for message in told[-2:]] == ["2", "the disk said no"]
    assert len(told[-3].calls) == 2
    talk.engine.finish()
    assert [call.state for call in talk.finished().tool_calls] == ["done", "failed"]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("no_such_tool", "{}", "There is no tool of this name"),
        ("add", '{"a": ', "no JSON object"),
        ("add", "[]", "no JSON"),
    ],
)
def test_what_cannot_be_called_is_told_to_the_model(talk: ToolTalk, name: str, arguments: str, told: str) -> None:
    talk.ask()
    talk.call((name, arguments))
    assert told in talk.again().messages[-1].content
    talk.engine.finish()
    assert talk.finished().tool_calls[0].state == "failed"


def test_stop_while_a_person_is_asked(talk: ToolTalk) -> None:
    talk.ask()
    talk.engine.say("I would like to add.")
    talk.call(("add", "{}"))
    talk.question()
    talk.talk.service.stop()
    message = talk.finished()
    assert (message.state, message.content) == ("stopped", "I would like to add.")
    assert message.tool_calls[0].state == "stopped"
    assert not talk.talk.service.busy


def test_stop_in_the_middle_of_a_call(own_talk: ToolTalk) -> None:
    own_talk.ask()
    own_talk.call(("hang", "{}"))
    own_talk.decide("once")
    running = threading.Event()
    while not running.is_set():
        event = own_talk.events.get(timeout=WAIT)
        if isinstance(event, ToolsCalled) and event.message.tool_calls[0].state == "running":
            running.set()
    own_talk.talk.service.stop()
    message = own_talk.finished()
    assert (message.state, message.tool_calls[0].state) == ("stopped", "stopped")


def test_a_server_that_crashes_is_told_and_started_again(own_talk: ToolTalk) -> None:
    own_talk.ask()
    own_talk.call(("crash", "{}"))
    own_talk.decide("once")
    assert "files: The server ended by itself" in own_talk.again().messages[-1].content
    own_talk.call(("add", '{"a": 1, "b": 1}'))
    own_talk.decide("once")
    assert own_talk.again().messages[-1].content == "2"
    own_talk.engine.finish()
    assert [call.state for call in own_talk.finished().tool_calls] == ["failed", "done"]


def test_after_many_rounds_a_person_is_asked(talk: ToolTalk) -> None:
    talk.ask()
    talk.call(("add", '{"a": 1, "b": 1}'))
    talk.decide("chat")
    for _ in range(9):
        talk.again()
        talk.call(("add", '{"a": 1, "b": 1}'))
    talk.again()
    talk.call(("add", '{"a": 1, "b": 1}'))
    question = talk.question()
    assert (question.call, question.rounds) == (None, 10)
    rounds = talk.talk.service.tools
    assert rounds is not None
    rounds.decide(question.number, "no")
    message = talk.finished()
    assert (message.state, len(message.tool_calls)) == ("stopped", 11)


def test_a_long_result_is_cut_for_the_model_and_that_is_said(talk: ToolTalk) -> None:
    talk.ask()
    talk.call(("long", "{}"))
    talk.decide("once")
    told = talk.again().messages[-1].content
    assert len(told) < 5_000
    assert "[cut here: the whole result has 3.0 MB]" in told
    talk.engine.finish()
    (call,) = talk.finished().tool_calls
    assert call.size == 3_000_000
    assert call.notes == ("The model is given the first 4,000 characters of 3.0 MB.",)


def test_a_model_that_knows_no_tools_is_offered_none_and_told_of_none(talk: ToolTalk) -> None:
    talk.ask()
    talk.engine.say("Adding. ")
    talk.call(("add", '{"a": 1, "b": 1}'))
    talk.decide("once")
    talk.again()
    talk.engine.say("2")
    talk.engine.finish()
    talk.finished()
    talk.knows_tools(False)
    request = talk.ask()
    assert not request.with_tools
    assert ChatMessage("assistant", "Adding. 2") in request.messages


def test_calls_are_kept_forked_and_exported(talk: ToolTalk) -> None:
    talk.ask()
    talk.engine.say("One moment. ")
    talk.call(("add", '{"a": 1, "b": 1}'))
    talk.decide("once")
    talk.again()
    talk.engine.say("It is 2.")
    talk.engine.finish()
    message = talk.finished()
    store = talk.talk.store
    copied = store.messages(store.copy(talk.talk.chat, to_message=message.id).id)[-1]
    assert copied.tool_calls == message.tool_calls
    markdown = store.export_markdown(talk.talk.chat)
    assert markdown.index("One moment.") < markdown.index("> **files · add**") < markdown.index("It is 2.")
    assert '"result":"2"' in store.export_json(talk.talk.chat).replace(" ", "").replace("\n", "")


def test_an_edited_answer_keeps_the_calls_before_the_change(talk: ToolTalk) -> None:
    talk.ask()
    talk.engine.say("One moment. ")
    talk.call(("add", '{"a": 1, "b": 1}'))
    talk.decide("once")
    talk.again()
    talk.engine.say("It is 2.")
    talk.engine.finish()
    message = talk.finished()
    talk.talk.service.edit(message.id, "One moment. It is two.")
    assert talk.talk.last.tool_calls == message.tool_calls
    talk.talk.service.edit(message.id, "It is two.")
    assert talk.talk.last.tool_calls == ()


def test_what_a_killed_heft_left_is_told_as_unanswered() -> None:
    from desktop.services.chat.requests import UNANSWERED, turns_of
    from desktop.store.chats import Chat

    call = ToolCall("c", "add", "{}", state="running", at=0)
    answer = Message(2, 1, 1, "assistant", "", "interrupted", "", 0.0, {}, "", 0, 1, tool_calls=(call,))
    chat = Chat(1, "", "", "", {}, 0, 0.0, 0.0)
    assert turns_of(chat, [answer], {}, tools=True)[-1].content == UNANSWERED


def test_a_chat_is_offered_what_it_uses_and_the_choice_outlives_what_the_model_sees(talk: ToolTalk) -> None:
    service, chat = talk.talk.service, talk.talk.chat
    service.views.use_tools(chat, (("files", "add"),))
    service.views.show_all(chat)
    names = [spec.name for spec in talk.ask().tools]
    assert "add" not in names and "get_weather" in names
    talk.engine.finish()
    talk.finished()
    service.views.use_tools(chat, (("files", ""),))
    assert talk.ask().tools == ()
    talk.engine.finish()


def test_a_server_of_which_a_chat_uses_nothing_is_not_started(tmp_path: Path) -> None:
    service = ToolService(ToolServerStore(tmp_path / "mcp.json"), ToolSecrets(tmp_path / "keys"), tmp_path / "scratch")
    service.add(scripted(name="files"))
    service.switch("files", on=True)
    service.start_all((("files", ""),))
    assert service.offered(out=(("files", ""),)) == ()
    assert service.find("files").phase == "resting"
    service.close()
