"""Work in a process of its own: answers, refusals, cancel, deadline, death."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.tool_module import Do, Done

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.engine.helper_process import Tool
from desktop.system.child import MODULE_OPTION

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tool[Done]]:
    tests, checkout = Path(__file__).parents[1], Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tests), str(checkout))))
    tool = Tool[Done]("support.tool_module", Done, tmp_path / "scratch", tmp_path / "logs" / "tool.log")
    yield tool
    tool.close()


def test_answers_come_from_one_warm_process(tool: Tool[Done]) -> None:
    first, second = tool.call(Do("echo", "a" * 100_000)), tool.call(Do("print", "b"))
    assert (len(first.text), second.text) == (100_000, "b")
    assert first.pid == second.pid != os.getpid()


def test_a_refusal_keeps_its_words_and_the_process(tool: Tool[Done]) -> None:
    pid = tool.call(Do("echo")).pid
    with pytest.raises(HeftError) as refused:
        tool.call(Do("refuse", "details"))
    assert (refused.value.kind, refused.value.message, refused.value.detail) == ("refused", "No.", "details")
    assert tool.call(Do("echo")).pid == pid


def test_what_nobody_expected_is_a_refusal_with_its_trace(tool: Tool[Done]) -> None:
    with pytest.raises(HeftError) as failed:
        tool.call(Do("fail", "by nothing"))
    assert "ZeroDivisionError: by nothing" in failed.value.detail


def test_cancel_ends_the_process_and_the_next_call_works(tool: Tool[Done]) -> None:
    pid = tool.call(Do("echo")).pid
    steps: list[Progress] = []
    with pytest.raises(HeftError) as cancelled:
        tool.call(Do("wait"), cancelled=lambda: bool(steps), progress=steps.append)
    assert isinstance(cancelled.value, CancelledError)
    assert steps == [Progress.of(0.5, "waiting")]
    assert not psutil.pid_exists(pid)
    assert tool.call(Do("echo", "again")).text == "again"


def test_a_deadline_ends_it(tool: Tool[Done]) -> None:
    with pytest.raises(HeftError) as late:
        tool.call(Do("wait"), deadline_seconds=0.5)
    assert late.value.kind == "too-slow"


def test_a_death_is_an_error_and_the_next_call_works(tool: Tool[Done]) -> None:
    with pytest.raises(HeftError) as died:
        tool.call(Do("die"))
    assert died.value.kind == "crashed"
    assert tool.call(Do("echo", "again")).text == "again"


def test_memory_has_a_limit(tool: Tool[Done]) -> None:
    with pytest.raises(HeftError) as full:
        tool.call(Do("eat"))
    assert full.value.kind == "out-of-memory"


HELPERS = sorted(
    ".".join(file.relative_to(CHECKOUT).with_suffix("").parts)
    for file in (CHECKOUT / "desktop").rglob("*.py")
    if re.search(r"(?<!async def )\b_?serve\([A-Z_]|^    _?serve\(", text := file.read_text(encoding="utf-8"), re.M)
    and '__name__ == "__main__"' in text
)


def test_the_helpers_are_known() -> None:
    tools = {"desktop.engine.tools.tokenizer", "desktop.engine.tools.rendering"}
    assert {"desktop.engine.planner.planner", *tools} <= set(HELPERS)


@pytest.mark.engine
@pytest.mark.parametrize("module", HELPERS)
def test_every_helper_starts_the_way_a_frozen_program_starts_it(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "desktop", MODULE_OPTION, module]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"hello" if module.endswith(".worker.main") else b"started") in done.stdout
