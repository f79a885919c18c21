"""Programs that write code, each of which writes a file with the tool, or in the form, that it has for that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.lending import KEY, open_door, served_file
from support.other_programs import Package
from support.talkers import caller, talker

from desktop.services.serve.door.door import Door

pytestmark = [pytest.mark.engine, pytest.mark.slow]
CONTEXT = 65536
ASKED = "Write hello into made.txt"
DONE = "it is done."


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("package", [name], indirect=True)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Door]]:
    """A door before the model that the test has made."""
    with ExitStack() as stack:

        def door() -> Door:
            lending = served_file(tmp_path / "m.gguf", tmp_path, "--kv-unified", name="caller", context_length=CONTEXT)
            return stack.enter_context(open_door(stack.enter_context(lending)))

        yield door


def ran(package: Package, command: list[str], work: Path, environment: Mapping[str, str]) -> str:
    """What the program says. It has to end well and to have written the file."""
    done = package.run(command, work, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (work / "made.txt").read_text(encoding="utf-8").strip() == "hello", done.stdout + done.stderr
    return done.stdout


@of("@openai/codex")
def test_codex(package: Package, work: Path, tmp_path: Path, opened: Callable[[], Door]) -> None:
    caller(tmp_path / "m.gguf", "exec_command", {"cmd": "echo hello > made.txt"}, DONE)
    settings = {
        "model_provider": '"heft"',
        "model_providers.heft.name": '"Heft"',
        "model_providers.heft.base_url": f'"{opened().address}/v1"',
        "model_providers.heft.env_key": '"HEFT_KEY"',
        "model_providers.heft.wire_api": '"responses"',
    }
    command = [str(package.folder / "node_modules/.bin/codex"), "exec", "--skip-git-repo-check", "-m", "caller"]
    command += ["--dangerously-bypass-approvals-and-sandbox"]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    assert DONE in ran(package, [*command, ASKED], work, {"HEFT_KEY": KEY})


@of("@anthropic-ai/claude-code")
def test_claude_code(package: Package, work: Path, tmp_path: Path, opened: Callable[[], Door]) -> None:
    caller(tmp_path / "m.gguf", "Write", {"file_path": str(work / "made.txt"), "content": "hello\n"}, DONE)
    told = {
        "ANTHROPIC_BASE_URL": opened().address,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_MODEL": "caller",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "caller",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    command = [str(package.folder / "node_modules/.bin/claude"), "-p", ASKED]
    command += ["--tools", "Write", "--allowedTools", "Write"]  # all tools are a prompt of 50,000 tokens here
    assert DONE in ran(package, command, work, told)


@of("opencode-ai")
def test_opencode(package: Package, work: Path, tmp_path: Path, opened: Callable[[], Door]) -> None:
    # in the order of the tool's schema, which llama.cpp's grammar keeps
    caller(tmp_path / "m.gguf", "write", {"content": "hello\n", "filePath": str(work / "made.txt")}, DONE)
    provider: dict[str, Any] = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Heft",
        "options": {"baseURL": f"{opened().address}/v1", "apiKey": KEY},
        "models": {"caller": {"name": "caller"}},
    }
    settings = {"$schema": "https://opencode.ai/config.json", "provider": {"heft": provider}}
    (work / "opencode.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [str(package.folder / "node_modules/.bin/opencode"), "run", "-m", "heft/caller", ASKED]
    assert DONE in ran(package, command, work, {})


@of("aider-chat")
def test_aider(package: Package, work: Path, tmp_path: Path, opened: Callable[[], Door]) -> None:
    talker(tmp_path / "m.gguf", "made.txt\n```text\nhello\n```")
    (work / "made.txt").touch()
    command = ["python", "-m", "aider", "--model", "openai/caller", "--openai-api-base", f"{opened().address}/v1"]
    command += ["--openai-api-key", KEY, "--edit-format", "whole", "--no-git", "--yes-always", "--no-check-update"]
    command += ["--analytics-disable", "--no-show-model-warnings", "--no-show-release-notes", "--message", ASKED]
    ran(package, [*command, "made.txt"], work, {"PYTHONPATH": str(package.folder)})
