"""A command that misses its argument, or gets a wrong one, ends with one line to copy, and that line is right."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from desktop.cli import main
from desktop.cli.commands import COMMANDS
from desktop.cli.parser import parser_of
from desktop.core.errors import UsageError

WITHOUT = (
    ("inspect", "Missing: SOURCE."),
    ("fit", "Missing: SOURCE."),
    ("variants", "Missing: REPO."),
    ("download", "Missing: REPO, VARIANT_OR_FILE."),
    ("run", "Missing: MODEL."),
    ("chat", "Missing: MODEL."),
    ("bench", "Missing: MODEL."),
    ("settings", "Missing: MODEL."),
    ("quantize", "Missing: MODEL."),
    ("convert", "Missing: FOLDER."),
    ("measure", "Missing: MODEL."),
    ("tune", "Missing: MODEL."),
    ("imatrix", "Missing: MODEL."),
    ("compare", "Missing: MODEL."),
    ("split", "Missing: MODEL."),
    ("merge", "Missing: MODEL."),
    ("edit", "Missing: FILE, KEY=VALUE, --to."),
    ("backup", "Missing: FILE."),
    ("restore", "Missing: FILE."),
)


@pytest.mark.parametrize(("command", "words"), WITHOUT)
def test_an_example_ends_what_is_said(
    heft_home: Path, capsys: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    assert main([command]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"heft: {words}"
    assert said[-1].endswith(f"For example: {COMMANDS[command].example}")
    assert main([command, "--json"]) == 2
    assert COMMANDS[command].example in json.loads(capsys.readouterr().out)["error"]["hint"]


def test_no_command_is_left_out(heft_home: Path) -> None:
    without = {command for command, _ in WITHOUT}
    for command in COMMANDS:
        try:
            parser_of(command).parse_args([command])
        except UsageError:
            assert command in without
        else:
            assert command not in without


@pytest.mark.parametrize("command", COMMANDS)
def test_each_example_is_taken_and_stands_in_the_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    heft, *words = shlex.split(COMMANDS[command].example)
    assert (heft, words[0]) == ("heft", command)
    parser_of(command).parse_args(words)
    with pytest.raises(SystemExit):
        parser_of(command).parse_args([command, "--help"])
    assert " ".join(capsys.readouterr().out.split()).endswith(f"For example: {COMMANDS[command].example}")


@pytest.mark.parametrize(
    "arguments", [("jobs", "pause"), ("numbers",), ("run", "starter", "--prompt", " "), ("config", "--reset")]
)
def test_what_is_missed_later_ends_with_an_example_too(
    heft_home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main(list(arguments)) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"For example: heft {arguments[0]} " in said
