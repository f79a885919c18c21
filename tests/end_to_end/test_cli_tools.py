"""``heft run`` and ``chat`` with tools: real processes, a model that calls one, a server that answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.talkers import TOLD, caller, talker
from support.terminal import OnTerminal
from support.tool_server import __file__ as program

pytestmark = pytest.mark.engine

ASK = "Call it? [o]nce, in this [c]hat, [a]lways, [n]o: "
SHORT = ("--temperature", "0", "--context", "4k")


def heft(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desktop", *arguments], input=stdin, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def asked(heft_home: Path, tmp_path: Path) -> Path:
    """What the server was asked; it is called ``weather`` and switched on."""
    seen = tmp_path / "seen.jsonl"
    server = (sys.executable, str(Path(program).resolve()), f"seen={seen}")
    assert heft("tools", "add", "weather", "--run", *server).returncode == 0
    assert heft("tools", "on", "weather").returncode == 0
    return seen


@pytest.fixture
def model(tmp_path: Path) -> str:
    caller(tmp_path / "caller.gguf", thought="It is about the weather.")
    return str(tmp_path / "caller.gguf")


def calls(seen: Path) -> list[dict[str, Any]]:
    """What was called, as the server was asked for it."""
    requests = [json.loads(line) for line in seen.read_text().splitlines()] if seen.exists() else []
    return [request["params"] for request in requests if request["method"] == "tools/call"]


def test_a_script_calls_what_it_allows(asked: Path, model: str) -> None:
    question = ("run", model, *SHORT, "--prompt", "How is the weather?", "--tools", "--json")
    done = heft(*question, "--allow", "weather.get_weather")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (call,) = answer["tool_calls"]
    assert (call["server"], call["tool"], call["state"]) == ("weather", "get_weather", "done")
    assert call["result"] == "15 degrees in Paris"
    assert answer["text"].endswith(TOLD) and answer["reasoning"].startswith("It is about the weather.")
    assert answer["finish_reason"] == "stop" and answer["tools_tokens"] > 100
    assert calls(asked)[0]["arguments"] == {"location": "Paris"}


def test_without_a_terminal_and_without_leave_nothing_is_called(asked: Path, model: str) -> None:
    done = heft("run", model, *SHORT, "--prompt", "How is the weather?", "--tools", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [call["state"] for call in answer["tool_calls"]] == ["denied"]
    assert any("--allow weather.get_weather" in note for note in answer["notes"])
    assert calls(asked) == []


def test_a_person_is_asked_on_the_terminal(asked: Path, model: str) -> None:
    with OnTerminal("run", model, *SHORT, "--prompt", "How is the weather?", "--tools", "--json") as terminal:
        terminal.wait_for("weather · get_weather with")
        terminal.wait_for('"location": "Paris"')
        terminal.wait_for(ASK)
        assert calls(asked) == []
        terminal.type("o")
        code, out = terminal.end()
    assert code == 0, terminal.seen
    assert [call["state"] for call in json.loads(out)["tool_calls"]] == ["done"]
    assert len(calls(asked)) == 1


def test_a_conversation_asks_once_for_a_chat_and_again_in_the_next(asked: Path, model: str) -> None:
    with OnTerminal("chat", model, *SHORT, "--tools") as terminal:
        terminal.wait_for("Enter sends.")
        terminal.type("How is the weather?")
        terminal.wait_for(ASK)
        terminal.type("c")
        terminal.wait_for("get_weather answered")
        terminal.wait_for("tok/s")
        terminal.type("And now?")
        terminal.wait_for("get_weather answered")
        assert ASK not in terminal.seen[terminal.seen.index("And now?") :]
        terminal.wait_for("tok/s")
        terminal.type("/new")
        terminal.type("How is the weather?")
        terminal.wait_for(ASK)
        terminal.type("n")
        terminal.wait_for("was not allowed")
        terminal.wait_for("tok/s")
        terminal.type("/quit")
        code, out = terminal.end()
    assert code == 0, terminal.seen
    assert out.count(TOLD) == 3
    assert len(calls(asked)) == 2


def test_what_is_always_allowed_is_not_asked_for_the_next_time(asked: Path, model: str) -> None:
    question = ("run", model, *SHORT, "--prompt", "How is the weather?", "--tools")
    with OnTerminal(*question) as terminal:
        terminal.wait_for(ASK)
        terminal.type("a")
        assert terminal.end()[0] == 0, terminal.seen
    done = heft(*question)
    assert done.returncode == 0 and TOLD in done.stdout, done.stderr
    assert len(calls(asked)) == 2


def test_a_model_that_calls_nothing_answers_as_ever(asked: Path, tmp_path: Path, starter_model: Path) -> None:
    talker(tmp_path / "talker.gguf", "Hello.")
    done = heft("run", str(tmp_path / "talker.gguf"), *SHORT, "--prompt", "Hi", "--tools", "--json")
    answer = json.loads(done.stdout)
    assert (answer["text"], answer["tool_calls"]) == ("Hello.", [])
    plain = heft("run", "starter", *SHORT, "--max-tokens", "2", "--prompt", "Hi", "--tools", "--json")
    answer = json.loads(plain.stdout)
    assert answer["tools_offered"] == [] and any("cannot call tools" in note for note in answer["notes"])
