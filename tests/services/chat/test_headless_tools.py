"""Answers that call tools, for commands: nothing is called without leave; the servers are real, the engine a script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.answering_engine import AnsweringEngine, Said, calling
from support.tool_sessions import scripted

from desktop.core.tool_calls import ToolCall
from desktop.engine.api import ChatMessage, Generate
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.chat.headless_tools import HeadlessTools, Named, ToolAnswer
from desktop.services.chat.running import ROUNDS
from desktop.services.tools.offered import OfferedTool
from desktop.services.tools.permissions import Decision
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.store.tool_servers import ToolServerStore

SUM = '{"a": 2, "b": 3}'
QUESTION = Generate(0, (ChatMessage("user", "What is 2 + 3?"),))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolService]:
    folder = tmp_path_factory.mktemp("tools")
    made = ToolService(ToolServerStore(folder / "mcp.json"), ToolSecrets(folder / "keys"), folder / "scratch")
    made.add(scripted(name="files"))
    made.switch("files", on=True)
    made.offered()  # it runs before the first test, so that none leaves it behind
    yield made
    made.close()


class Person:
    """Decides as told, and hears what becomes of calls."""

    def __init__(self, service: ToolService) -> None:
        self.service = service
        self.decisions: list[Decision | None] = []
        self.asked: list[str] = []
        self.told: list[ToolCall] = []
        self.parts: list[Part] = []
        self.going_on: list[int] = []

    def tools(self, engine: AnsweringEngine, allowed: tuple[Named, ...] = ()) -> HeadlessTools:
        chat = HeadlessChat(engine)  # type: ignore[arg-type]
        return HeadlessTools(
            chat, lambda: self.service, self.service.offered(), ask=self._ask, go_on=self._go_on,
            tell=self.told.append, allowed=allowed,
        )  # fmt: skip

    def answer(self, *rounds: Said, allowed: tuple[Named, ...] = ()) -> ToolAnswer:
        self.engine = AnsweringEngine(*rounds)
        return self.tools(self.engine, allowed).answer(QUESTION, self.parts.append)

    def _ask(self, call: ToolCall, offered: OfferedTool) -> Decision | None:
        self.asked.append(call.tool)
        assert offered.found.name == call.tool
        return self.decisions.pop(0)

    def _go_on(self, rounds: int) -> bool:
        self.going_on.append(rounds)
        return False


@pytest.fixture
def person(service: ToolService) -> Iterator[Person]:
    yield Person(service)
    service.permissions.ask_again("files")


def test_what_is_allowed_is_called_and_its_result_told(person: Person) -> None:
    person.decisions = ["once"]
    found = person.answer(calling("add", SUM, text="Let me see.", reasoning="A sum."), Said("It is 5.", "Five."))
    (call,) = found.calls
    assert (call.state, call.result, call.server) == ("done", "5", "files")
    assert [spec.name for spec in person.engine.requests[0].tools][:1] == ["add"]
    assert found.turns == (
        ChatMessage("assistant", "Let me see.", "A sum.", calls=(call.called,)),
        ChatMessage("tool", "5", answers="c1"),
        ChatMessage("assistant", "It is 5.", "Five."),
    )
    assert person.engine.requests[1].messages == (*QUESTION.messages, *found.turns[:2])
    assert (found.finished.reason, found.finished.statistics.generated_tokens) == ("stop", 10)
    assert found.last.generated_tokens == 5
    assert "".join(part.reasoning for part in person.parts) == "A sum.\n\nFive."
    assert [call.state for call in person.told] == ["running", "done"]


def test_what_is_not_allowed_is_not_called_and_the_model_hears_so(person: Person) -> None:
    person.decisions = ["no"]
    found = person.answer(calling("add", SUM), Said("Then not."))
    assert found.calls[0].state == "denied"
    assert "did not allow" in person.engine.requests[1].messages[-1].content
    assert found.finished.reason == "stop"


def test_a_decision_holds_as_long_as_it_was_meant(person: Person) -> None:
    person.decisions = ["chat"]
    engine = AnsweringEngine(
        calling("add", SUM), Said("5"), calling("add", SUM), Said("5"), calling("add", SUM), Said()
    )
    tools = person.tools(engine)
    for _ in range(2):
        tools.answer(QUESTION, person.parts.append)
    assert person.asked == ["add"]
    tools.begin_again()
    person.decisions = ["always"]
    tools.answer(QUESTION, person.parts.append)
    assert person.asked == ["add", "add"]
    assert person.answer(calling("add", SUM), Said()).calls[0].result == "5"  # of another conversation
    assert person.asked == ["add", "add"]


def test_what_is_allowed_beforehand_is_not_asked_for_and_nothing_else(person: Person) -> None:
    person.decisions = ["no"]
    found = person.answer(
        calling("add", SUM), calling("get_weather", number="c2"), Said("Done."), allowed=(("files", "add"),)
    )
    assert person.asked == ["get_weather"]
    assert [call.state for call in found.calls] == ["done", "denied"]


def test_an_answer_that_is_stopped_at_a_question_says_so_and_can_be_gone_on_from(person: Person) -> None:
    person.decisions = [None]
    found = person.answer(calling("add", SUM), Said("never said"))
    assert found.finished.reason == "cancelled"
    assert [call.state for call in found.calls] == ["stopped"]
    assert [turn.role for turn in found.turns] == ["assistant", "tool"]
    assert len(person.engine.requests) == 1


def test_calls_that_cannot_be_made_are_told_to_the_model_and_nobody_is_asked(person: Person) -> None:
    found = person.answer(calling("subtract", SUM), calling("add", "2 and 3", number="c2"), Said("Sorry."))
    assert [call.state for call in found.calls] == ["failed", "failed"]
    assert "There is no tool of this name" in found.calls[0].result
    assert "no JSON object" in found.calls[1].result
    assert person.asked == []
    assert [call.state for call in person.told] == ["failed", "failed"]


def test_a_model_that_calls_without_end_is_stopped(person: Person) -> None:
    found = person.answer(calling("add", SUM), allowed=(("files", "add"),))
    assert found.finished.reason == "tool-calls"
    assert person.going_on == [ROUNDS]
    assert [call.state for call in found.calls] == ["done"] * ROUNDS + ["stopped"]
    assert len({call.id for call in found.calls}) == ROUNDS + 1
