"""``heft endpoints``, and ``heft run`` and ``heft chat`` with a model of another server, through the real command."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.keyrings import MemoryKeyring, memory_keyring
from support.openai_server import RESET, OpenAIServer, answer, piece
from support.scripted_server import STREAM

from desktop.cli import main

Heft = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ring(heft_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def heft(ring: MemoryKeyring, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Heft:
    """Runs a command; exit code, stdout, stderr."""

    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("org/a-model", key="the-secret-key") as running:
        running.models[0] |= {"owned_by": "vllm", "max_model_len": 4096}
        yield running


def told(heft: Heft, *arguments: str, stdin: str = "") -> tuple[int, Any]:
    code, out, _ = heft(*arguments, "--json", stdin=stdin)
    return code, json.loads(out)


def test_added_listed_tested_renamed_and_removed(heft: Heft, server: OpenAIServer, ring: MemoryKeyring) -> None:
    code, document = told(
        heft, "endpoints", "add", server.url, "--name", "studio", "--key-stdin", stdin="the-secret-key\n"
    )
    assert code == 0
    (row,) = document["endpoints"]
    assert (row["name"], row["url"], row["models"], row["reachable"]) == ("studio", server.url, ["org/a-model"], True)
    assert (row["kind"], row["key_kept"], row["error"]) == ("vllm", "keyring", None)
    assert row["offered"][0]["identity"] == "endpoint:studio/org/a-model"
    assert row["offered"][0]["context_length"] == 4096 and row["latency_seconds"] > 0
    assert told(heft, "endpoints")[1]["endpoints"][0]["reachable"]
    code, out, err = heft("endpoints", "rename", "studio", "box")
    assert code == 0 and "box" in err and "endpoint:box/org/a-model" in out and "4,096 tokens" in out
    assert told(heft, "endpoints", "test", "box")[0] == 0
    code, out, err = heft("endpoints", "remove", "box")
    assert code == 0 and "forgotten" in err and "No other servers" in out and not ring.kept


def test_without_a_keyring_the_key_is_there_for_later_commands(
    heft: Heft, server: OpenAIServer, ring: MemoryKeyring
) -> None:
    ring.missing = True
    code, _, err = heft("endpoints", "add", server.url, "--name", "studio", "--key-stdin", stdin="the-secret-key\n")
    assert code == 0 and err.count("no keyring") == 1 and "the-secret-key" not in err
    assert heft("endpoints", "test", "studio")[0] == 0


def test_one_that_is_off_is_kept_and_a_test_of_it_fails(heft: Heft, server: OpenAIServer) -> None:
    server.stop()
    code, document = told(heft, "endpoints", "add", server.url, "--name", "studio")
    assert code == 0 and not document["endpoints"][0]["reachable"]
    code, document = told(heft, "endpoints", "test", "studio")
    assert code == 1 and document["endpoints"][0]["error"]["kind"] == "unreachable"
    code, out, _ = heft("endpoints")
    assert code == 0 and "Nothing listens" in out


def test_a_key_is_set_later_and_taken_away(heft: Heft, server: OpenAIServer) -> None:
    heft("endpoints", "add", server.url, "--name", "studio", "--key-stdin", stdin="the-secret-key\n")
    heft("endpoints", "key", "studio")
    assert told(heft, "endpoints", "test", "studio")[1]["endpoints"][0]["error"]["kind"] == "key-wrong"
    heft("endpoints", "key", "studio", "--key-stdin", stdin="the-secret-key\n")
    assert told(heft, "endpoints", "test", "studio")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("add",), 2, "usage"), (("add", "ftp://x"), 2, "usage"), (("test", "none"), 1, "not-found"),
        (("remove",), 2, "usage"), (("rename", "a"), 2, "usage"), (("test", "a", "b"), 2, "usage"),
        (("add", "http://api.example.com/v1"), 1, "cleartext"),
        (("add", "http://127.0.0.1:1", "--key-stdin"), 2, "usage"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(heft: Heft, arguments: tuple[str, ...], code: int, kind: str) -> None:
    found, document = told(heft, "endpoints", *arguments)
    assert (found, document["error"]["kind"]) == (code, kind) and document["error"]["hint"]


@pytest.fixture
def studio(heft: Heft, server: OpenAIServer) -> str:
    heft("endpoints", "add", server.url, "--name", "studio", "--key-stdin", stdin="the-secret-key\n")
    return "endpoint:studio/org/a-model"


def test_run_answers_with_its_model(heft: Heft, server: OpenAIServer, studio: str) -> None:
    server.answers = [answer("Good ", "day."), answer("Good ", "day.")]
    code, out, err = heft("run", studio, "--prompt", "Hello?", "--temperature", "0.3", "--max-tokens", "9")
    assert code == 0 and out.strip() == "Good day." and "on studio" in err and "memory" not in err
    code, document = told(heft, "run", studio, "--prompt", "Hello?")
    assert code == 0 and document["text"] == "Good day." and document["endpoint"] == "studio"
    assert (document["prompt_tokens"], document["generated_tokens"], document["context_length"]) == (7, 2, 4096)
    assert document["sampling"]["top_p"] == {"value": None, "source": "server"}
    assert document["predicted"]["tokens_per_second"] is None
    assert server.questions[0]["temperature"] == 0.3 and server.questions[0]["max_tokens"] == 9
    assert "temperature" not in server.questions[1]


def test_thinking_is_turned_off_where_the_server_can(heft: Heft, server: OpenAIServer, studio: str) -> None:
    server.answers = [answer("Yes."), answer("Yes.")]
    code, document = told(heft, "run", studio, "--prompt", "Hello?", "--thinking", "off")
    assert code == 0 and document["notes"] == []
    assert server.questions[0]["chat_template_kwargs"] == {"enable_thinking": False}
    server.models[0] = {"id": "org/a-model"}  # a server of which nothing is known
    code, document = told(heft, "run", studio, "--prompt", "Hello?", "--thinking", "off")
    assert code == 0 and document["notes"] == ["studio does not take these settings: thinking."]


def test_run_says_what_broke_and_keeps_what_had_come(heft: Heft, server: OpenAIServer, studio: str) -> None:
    server.answers = [(STREAM, piece("Half"), RESET)]
    code, out, err = heft("run", studio, "--prompt", "Hello?")
    assert code == 1 and "Half" in out and "broke while it was answering" in err


def test_chat_goes_on_after_a_break(heft: Heft, server: OpenAIServer, studio: str) -> None:
    server.answers = [(STREAM, piece("Half"), RESET), answer("Whole.")]
    code, out, err = heft("chat", studio, stdin="Hello?\nOnce more?\n/quit\n")
    assert code == 0 and "Whole." in out and "a-model on studio, context 4,096" in err
    assert [turn["content"] for turn in server.questions[1]["messages"]] == ["Once more?"]


@pytest.mark.parametrize("arguments", [("--context", "4096"), ("--gpu-layers", "9"), ("--template", __file__)])
def test_what_its_own_server_decides_is_refused(
    heft: Heft, server: OpenAIServer, studio: str, arguments: tuple[str, ...]
) -> None:
    code, document = told(heft, "run", studio, "--prompt", "Hello?", *arguments)
    assert code == 2 and document["error"]["kind"] == "usage" and not server.questions


def test_its_speed_is_not_measured_from_here(heft: Heft, server: OpenAIServer, studio: str) -> None:
    code, document = told(heft, "bench", studio)
    assert code == 2 and "network" in document["error"]["message"]
    code, document = told(heft, "run", "endpoint:studio/none", "--prompt", "Hello?")
    assert code == 1 and document["error"]["kind"] == "not-found"
