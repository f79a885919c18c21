"""Tools with the real engine: a model that calls one, a server that answers, and what the model is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.desk import DEADLINE_SECONDS, Desk
from support.talkers import TOLD, caller, talker
from support.tool_sessions import scripted

from desktop.services.chat.events import ToolAsked, ToolQuestion
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.store.paths import Paths
from desktop.store.tool_servers import ToolServerStore

pytestmark = pytest.mark.engine


@pytest.fixture
def tools(paths: Paths) -> Iterator[ToolService]:
    made = ToolService(ToolServerStore(paths.tool_servers), ToolSecrets(paths.tool_keys), paths.scratch)
    made.add(scripted(name="weather"))
    made.switch("weather", on=True)
    yield made
    made.close()


@pytest.fixture
def desk(paths: Paths, tools: ToolService) -> Iterator[Desk]:
    made = Desk(paths, lambda: tools)
    yield made
    made.close()


def _question(desk: Desk) -> ToolQuestion:
    while True:
        event = desk.events.get(timeout=DEADLINE_SECONDS)
        if isinstance(event, ToolAsked) and event.question is not None:
            return event.question


def test_a_model_calls_a_tool_and_tells_of_its_answer(desk: Desk, tmp_path: Path) -> None:
    caller(tmp_path / "caller.gguf", thought="It is about the weather.")
    state = desk.load(tmp_path / "caller.gguf", 8192)
    assert state.loaded is not None and state.loaded.tools
    chat = desk.new_chat(max_tokens=0)
    desk.chat.send(chat, "How is the weather in Paris?")
    question = _question(desk)
    assert question.call is not None
    assert (question.call.server, question.call.tool) == ("weather", "get_weather")
    assert question.call.arguments.replace(" ", "") == '{"location":"Paris"}'
    rounds = desk.chat.tools
    assert rounds is not None
    rounds.decide(question.number, "once")
    message = desk.answered()
    assert message.tool_calls[0].result == "15 degrees in Paris"
    assert message.content.endswith(TOLD)
    assert message.reasoning.startswith("It is about the weather.")
    assert message.state == "complete"


def test_what_tools_cost_is_counted(desk: Desk, tmp_path: Path, tools: ToolService) -> None:
    talker(tmp_path / "talker.gguf", "Hello.")
    desk.load(tmp_path / "talker.gguf", 8192)
    rounds = desk.chat.tools
    assert rounds is not None
    offered = tools.offered()
    tokens = rounds.tokens(offered)
    fewer = rounds.tokens(offered[:1])
    assert tokens is not None and fewer is not None
    assert 0 < fewer < tokens


def test_a_template_without_tools_is_known(desk: Desk, starter_model: Path) -> None:
    state = desk.load(starter_model)
    assert state.loaded is not None and not state.loaded.tools
    assert desk.chat.tools is not None
    assert desk.chat.tools.knows is False
    assert desk.chat.tools.tokens([]) is None
