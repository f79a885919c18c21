"""docs/cli.md names each command, each of its arguments and each field of its answers, and no others."""

from __future__ import annotations

import argparse
import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import FileContent, HubServer, Repo
from support.hub_server import online as hub_online
from support.openai_server import OpenAIServer
from support.serving import asked, planned, served

from desktop.cli import main
from desktop.cli.commands import COMMANDS
from desktop.cli.machine import calibration_document
from desktop.core.hardware import to_json
from desktop.core.speed import Calibration, DeviceSpeed, SpeedSample, TypeSpeed
from desktop.services.discover.tables import DataTables
from desktop.services.serve.api import ModelState
from desktop.services.serve.service import ServeState
from desktop.services.serve.status import status_document
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
SHARED = "What several answers hold"
REPO = "org/SmolLM2-135M-GGUF"
NAMED_BY_DATA = {"metadata", "types", "facts"}  # objects whose keys are the file's, not the contract's


def sections() -> dict[str, str]:
    """Heading to text of docs/cli.md."""
    found = re.split(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def quoted(text: str) -> str:
    """Everything between backticks."""
    return " ".join(re.findall(r"`([^`]+)`", text))


def arguments_of(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command)
    importlib.import_module(f"desktop.cli.{command}").add_arguments(parser)
    return parser


def fields_of(document: Any) -> Iterator[str]:
    """Every key of a document, at any depth."""
    if isinstance(document, list):
        for item in document:
            yield from fields_of(item)
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from fields_of(list(value.values()) if key in NAMED_BY_DATA else value)


def test_each_command_has_a_section_and_each_section_a_command() -> None:
    documented = {title.removeprefix("heft ") for title in sections() if title.startswith("heft ")}
    assert documented == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_argument_is_named_and_no_other(command: str) -> None:
    options = {
        option
        for action in arguments_of(command)._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    own, shared = quoted(sections()[f"heft {command}"]), quoted(sections()[SHARED])
    named = set(re.findall(r"--[a-z][a-z-]*", own)) - {"--json"}
    assert named == options
    for option in options & set(re.findall(r"--[a-z][a-z-]*", shared)):
        assert option in named, f"{option} is only explained among what several commands share"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_choice_of_an_argument_is_named(command: str) -> None:
    words = sections()[f"heft {command}"] + sections()[SHARED]
    for action in arguments_of(command)._actions:
        for choice in action.choices or ():
            assert re.search(rf"\b{re.escape(str(choice))}\b", words), f"{action.dest}: {choice}"


Answer = Callable[..., Any]


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs a command with ``--json``; its document."""

    def call(*arguments: str) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def hub(starter_model: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    repo = Repo(REPO, {"SmolLM2-135M-Q4_1.gguf": FileContent(starter_model)}, {"tags": ["gguf"]})
    with HubServer([repo]) as server, hub_online(monkeypatch):
        SettingsStore(paths.settings).set(options.HUB_ENDPOINT, server.endpoint)
        yield server


def check_fields(command: str, document: Any) -> None:
    """Each field of an answer is named in the command's section, or among what several share."""
    names = set(re.findall(r"\w+", quoted(sections()[f"heft {command}"]) + " " + quoted(sections()[SHARED])))
    fields = set(fields_of(document))
    assert fields, document
    assert fields <= names, f"docs/cli.md, heft {command}, lacks {sorted(fields - names)}"


def test_fields_without_an_engine(answer: Answer, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_bytes(to_json(DataTables().profiles["two-rtx-3090"]))
    check_fields("machine", answer("machine", "--profile", str(profile)))
    speed = TypeSpeed((SpeedSample(1e6, 1e-10),), 1e-12, 0.1)
    known = Calibration("this", "2026-11-27T12:00:00+00:00", 2, {"cpu": DeviceSpeed("calibrated", {"Q4_K": speed}, {})})
    check_fields("machine", {"calibration": calibration_document(known)})
    check_fields("library", answer("library"))
    check_fields("inspect", answer("inspect", "starter", "--tensors"))
    check_fields("fit", answer("fit", "starter", "--estimate"))
    check_fields("fit", answer("fit", "starter", "--machine", "2x RTX 3090"))
    check_fields("settings", answer("settings", "starter", "context=2k"))
    check_fields("config", answer("config"))
    check_fields("jobs", answer("jobs"))
    check_fields("engine", answer("engine"))
    check_fields("backup", answer("backup", str(tmp_path / "backup.zip")))
    check_fields("restore", answer("restore", str(tmp_path / "backup.zip")))
    check_fields("serve", answer("serve", "status"))
    check_fields("serve", answer("serve", "key"))
    served_now = [ModelState(served("a"), plan=planned("a"))]
    check_fields("serve", status_document(ServeState("on"), "window", 1, served_now, [asked(1)]))


def test_fields_of_other_formats_and_of_folders(answer: Answer, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    folder.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    for name in ("model.safetensors", "other.safetensors"):
        (folder / name).write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    found = answer("inspect", str(folder / "model.safetensors"))
    assert found["format"] == "safetensors" and "runs_on" in found
    check_fields("inspect", found)
    check_fields("inspect", answer("inspect", str(folder)))


def test_fields_of_other_servers(answer: Answer) -> None:
    with OpenAIServer("a-model") as server:
        check_fields("endpoints", answer("endpoints", "add", server.url))
        server.stop()
        check_fields("endpoints", answer("endpoints"))


def test_fields_of_the_hub(hub: HubServer, answer: Answer) -> None:
    check_fields("search", answer("search", "SmolLM2"))
    check_fields("variants", answer("variants", REPO, "--estimate"))
    check_fields("inspect", answer("inspect", f"hf:{REPO}"))
    check_fields("download", answer("download", REPO, "Q4_1"))
    check_fields("library", answer("library", "--remove", "SmolLM2-135M-Q4_1", "--yes"))


@pytest.mark.engine
def test_fields_of_what_runs_a_model(answer: Answer) -> None:
    check_fields("run", answer("run", "starter", "--prompt", "Hi", "--max-tokens", "4", "--context", "512"))
    check_fields("backends", answer("backends"))
    check_fields("bench", answer("bench", "starter", "--prompt", "16", "--generate", "4", "--repeat", "1"))
