"""Calls of tools as servers stream them, and a conversation with them as servers are asked."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.core.tool_calls import CalledTool, ToolSpec
from desktop.engine.api import ChatMessage, Generate
from desktop.engine.endpoint.questions import question_of
from desktop.engine.endpoint.tool_deltas import LONGEST_ARGUMENTS, MOST_CALLS, ToolDeltas


def _delta(index: int | None, name: str = "", arguments: Any = "", own: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"function": {"name": name or None, "arguments": arguments}, "id": own or None}
    return made | ({"index": index} if index is not None else {})


def _calls(*deltas: dict[str, Any]) -> tuple[CalledTool, ...]:
    found = ToolDeltas()
    for delta in deltas:
        found.take([delta])
    return found.calls()


def test_pieces_are_put_together() -> None:
    found = _calls(
        _delta(0, "add", "", "c1"), _delta(0, arguments='{"a"'), _delta(1, "sub", "{}"), _delta(0, arguments=": 1}")
    )
    assert found == (CalledTool("c1", "add", '{"a": 1}'), CalledTool("call_1_1", "sub", "{}"))


def test_servers_without_an_index_and_with_objects() -> None:
    assert _calls(_delta(None, "add", {"a": 1}), _delta(None, "sub", {})) == (
        CalledTool("call_0_0", "add", '{"a":1}'),
        CalledTool("call_1_1", "sub", "{}"),
    )


def test_ids_that_come_twice_are_told_apart() -> None:
    first, second = _calls(_delta(0, "a", own="same"), _delta(1, "b", own="same"))
    assert first.id != second.id


def test_nonsense_and_floods_are_bounded() -> None:
    assert _calls({"function": "x"}, {"index": -1, "function": {"name": "a"}}, {"index": True}) == ()
    assert len(_calls(*(_delta(number, f"t{number}") for number in range(100)))) == MOST_CALLS
    (call,) = _calls(_delta(0, "a"), *(_delta(0, arguments="x" * 100_000) for _ in range(40)))
    assert len(call.arguments) <= LONGEST_ARGUMENTS + 100_000


_TALK = (
    ChatMessage("user", "2 + 3?"),
    ChatMessage("assistant", "", calls=(CalledTool("c1", "add", '{"a": 2, "b": 3}'),)),
    ChatMessage("tool", "5", answers="c1"),
)
_TOOLS = (ToolSpec("add", "Adds.", {"type": "object"}),)


@pytest.mark.parametrize("kind", ["openai", "llama.cpp", "vllm", "ollama", "lm-studio"])
def test_what_another_server_is_asked(kind: Any) -> None:
    question = question_of(Generate(1, _TALK, tools=_TOOLS), kind, "far", "m")
    assert question.body["messages"][1]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 2, "b": 3}'}
    assert question.body["messages"][2] == {"role": "tool", "content": "5", "tool_call_id": "c1"}
    assert question.body["tools"][0]["function"]["parameters"] == {"type": "object"}


def test_one_that_takes_no_tools_is_asked_without_and_that_is_said() -> None:
    *_, (body, notes) = question_of(Generate(1, _TALK, tools=_TOOLS), "openai", "far", "m").ways
    assert "tools" not in body
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert "far takes no tools with this model, so it was not offered any." in notes


def test_without_tools_nothing_is_otherwise() -> None:
    question = question_of(Generate(1, (ChatMessage("user", "Hello"),)), "openai", "far", "m")
    assert question.bare is None
    assert "tools" not in question.body
    assert question.body["messages"] == [{"role": "user", "content": "Hello"}]
