"""What is set beyond what is of use is said by each command in the same words, as text and as JSON; it is no error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.cli.main import main

BEYOND = "The model was trained for 8,192; beyond that its answers lose their sense."
THREADS = "threads share 1 core: more threads than cores wait for one another, which is slower."
EXCESS = ("--context", "9000", "--threads", "3")


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.services.planning.service.physical_threads", lambda: 1)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 0
    told = capsys.readouterr()
    return " ".join(f"{told.out} {told.err}".split())


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main([*words, "--json"]) == 0
    found: list[str] = json.loads(capsys.readouterr().out)["warnings"]
    return found


@pytest.mark.engine
@pytest.mark.parametrize(
    "command",
    [
        ("fit", "starter", *EXCESS),
        ("settings", "starter", "context=9000", "threads=3"),
        ("run", "starter", *EXCESS, "--prompt", "Hello", "--max-tokens", "2"),
        ("bench", "starter", *EXCESS, "--prompt", "8", "--generate", "2", "--repeat", "1"),
    ],
    ids=lambda command: command[0],
)
def test_both_are_said_and_listed(
    command: tuple[str, ...], heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, *command)
    assert BEYOND in text and f"3 {THREADS}" in text
    assert listed(capsys, *command) == [BEYOND, f"3 {THREADS}"]


@pytest.mark.engine
def test_nothing_is_said_within_what_is_of_use(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, "fit", "starter", "--context", "8192", "--threads", "1") == []


@pytest.mark.engine
def test_a_conversation_says_so_at_its_beginning(
    heft_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.cli.chat._ask", lambda: None)
    text = said(capsys, "chat", "starter", *EXCESS)
    assert BEYOND in text and f"3 {THREADS}" in text
