"""What commands print of strangers' texts: nothing steers a terminal, and JSON gives every character back."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo

from desktop import cli
from desktop.cli import main
from desktop.cli.output import AnswerText, ProgressLine, print_error
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.text.visible import SUSPECT
from desktop.store.paths import Paths

HOSTILE = "\x1b]0;evil\x07\x9b2J\u202egpj"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def models(paths: Paths, hub: HubServer) -> None:
    """A file and a repo with such names."""
    model = g.model()
    model.metadata[1] = ("general.name", g.STRING, HOSTILE)
    path = model.write(paths.models / f"{HOSTILE}.gguf")
    fields = {"tags": ["gguf", f"license:{HOSTILE}"], "downloads": 5, "likes": 1}
    hub.add(Repo(f"a/b{HOSTILE}", {f"{HOSTILE}-Q4_0.gguf": BytesContent(path.read_bytes())}, fields))


@pytest.mark.parametrize(
    "arguments", [["library"], ["inspect", HOSTILE], ["search", "b"], ["variants", f"a/b{HOSTILE}"], ["run", HOSTILE]]
)
def test_no_command_lets_a_name_steer_the_terminal(arguments: list[str], hub: HubServer, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, cwd=tmp_path, input="a question",
    )  # fmt: skip
    printed = done.stdout + done.stderr
    assert "evil" in printed and "Traceback" not in printed
    assert SUSPECT.search(printed) is None


def test_json_gives_the_very_name_back(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "--json"]) == 0
    printed = capsys.readouterr().out
    assert SUSPECT.search(printed) is None
    assert str(paths.models / f"{HOSTILE}.gguf") in [model["path"] for model in json.loads(printed)["models"]]


def test_an_error_and_a_progress_line_are_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(HeftError(f"{HOSTILE} is not there.", HOSTILE), as_json=False)
    assert SUSPECT.search(capsys.readouterr().err) is None
    terminal = Terminal()
    ProgressLine(f"Loading {HOSTILE}", terminal).show(Progress.of(0.5, f"{HOSTILE}\n{'x' * 1000}"))
    drawn = terminal.getvalue()
    assert drawn.count("\x1b") == 1 and drawn.endswith("\x1b[K") and "\n" not in drawn and len(drawn) < 200


def test_an_answer_is_cleaned_on_a_terminal_only() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        answer = AnswerText(stream)
        for piece in (f"one{HOSTILE}\r", "\ntwo"):
            answer.write(piece)
    assert SUSPECT.search(terminal.getvalue()) is None and terminal.getvalue().endswith("[U+202E]gpj\ntwo")
    assert file.getvalue() == f"one{HOSTILE}\r\ntwo"


def test_every_command_prints_through_one_module() -> None:
    folder = Path(cli.__file__).parent
    others = [path for path in folder.glob("*.py") if path.name != "output.py"]
    assert len(others) > 10
    writing = re.compile(r"\bsys\.std(out|err)\.(write|buffer)\b|(?<!\w)print\(")
    assert [path.name for path in others if writing.search(path.read_text(encoding="utf-8"))] == []
