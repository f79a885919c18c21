"""llm-comply: the protocols' own schemas, and what a client needs beyond them. Images are no one's here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lending import KEY, open_door, served_file
from support.other_programs import Package
from support.talkers import caller, thinker

from desktop.services.serve.door.door import Door

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.parametrize("package", ["llm-comply"], indirect=True)]
FORMATS = {"openai-chat": "chat-", "anthropic": "anth-", "open-responses": ""}


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A model that thinks, under a name by which llm-comply takes it for one."""
    folder = tmp_path_factory.mktemp("thinks")
    thinker(folder / "m.gguf")
    name = "claude-sonnet-4-and-o3"
    lending = served_file(folder / "m.gguf", folder, name=name, context_length=16384)
    with lending as lender, open_door(lender) as opened:
        yield opened


@pytest.fixture(scope="module")
def calling_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A model that calls get_weather."""
    folder = tmp_path_factory.mktemp("calls")
    caller(folder / "m.gguf", arguments={"location": "San Francisco"})
    with (
        served_file(folder / "m.gguf", folder, name="caller", context_length=16384) as lender,
        open_door(lender) as opened,
    ):
        yield opened


def verdicts(package: Package, door: Door, model: str, form: str, home: Path, only: str = "") -> dict[str, str]:
    """What became of each row."""
    command = [sys.executable, "-c", "from llm_comply.cli import main; main()", "--format", form, "--json"]
    command += ["-u", f"{door.address}/v1", "-k", KEY, "-m", model, *(["-f", only] if only else [])]
    if form == "anthropic":
        command += ["--auth-header", "x-api-key", "--no-bearer", "-H", "anthropic-version:2023-06-01"]
    done = package.run(command, home, {"PYTHONPATH": str(package.folder)})
    found = json.loads(done.stdout)["results"]
    return {row["id"]: "; ".join([row["status"], *row.get("errors", ())]) for row in found}


@pytest.mark.parametrize("form", FORMATS)
def test_every_row_that_needs_no_wit(package: Package, talking: Door, tmp_path: Path, form: str) -> None:
    found = verdicts(package, talking, "starter", form, tmp_path)
    of_others = {f"{FORMATS[form]}{name}" for name in ("image-input", "tool-calling")}
    found = {row: verdict for row, verdict in found.items() if row not in of_others and "skipped" not in verdict}
    assert len(found) > 5
    assert set(found.values()) == {"passed"}, found


@pytest.mark.parametrize("form", FORMATS)
def test_a_tool_is_called(package: Package, calling_there: Door, tmp_path: Path, form: str) -> None:
    row = f"{FORMATS[form]}tool-calling"
    assert verdicts(package, calling_there, "caller", form, tmp_path, row) == {row: "passed"}


@pytest.mark.parametrize(
    ("form", "row"), [("anthropic", "anth-thinking-display"), ("open-responses", "reasoning-summary")]
)
def test_thoughts(package: Package, thinking: Door, tmp_path: Path, form: str, row: str) -> None:
    assert verdicts(package, thinking, "claude-sonnet-4-and-o3", form, tmp_path, row) == {row: "passed"}
