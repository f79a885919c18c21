"""The page Lab over the real services and helpers that know their answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from support import gguf_bytes as g
from support.gate import Gate
from support.lab_page import choice
from support.planning import planning_on
from support.scripted_lab import ScriptedCollector, ScriptedMeasurer, ScriptedQuantizer
from support.scripted_speed import further_services
from support.widgets import shown

from desktop.core.hardware import Memory
from desktop.services.discover.tables import DataTables
from desktop.services.jobs import JobService
from desktop.services.lab import measuring, quantizing
from desktop.services.lab.at_hand import AtHandService
from desktop.services.lab.chat_texts import ChatTexts
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.measured import measured_here
from desktop.services.lab.measuring import MeasuringService
from desktop.services.lab.number_lab import NumberLabService
from desktop.services.lab.quantizing import QuantizingService
from desktop.services.models.library import LibraryService
from desktop.store.chats import ChatStore
from desktop.store.measurements import MeasurementStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.ui.lab.page import LabPage
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.go_on.set()


@pytest.fixture
def models(paths: Paths) -> tuple[Path, Path]:
    """A model in F16, and a quantized file of it."""
    made = []
    for name, kind, file_type in (("m-F16", 1, 1), ("m-Q4_K_M", 12, 15)):
        model = g.model(kind=kind, file_type=file_type, tokenizer__ggml__model="gpt2")
        if kind == 1:
            model.tensors = [(tensor, shape, min(of, 1)) for tensor, shape, of in model.tensors]
        made.append(model.write(paths.models / f"{name}.gguf"))
    return made[0], made[1]


@pytest.fixture
def jobs() -> Iterator[JobService]:
    made = JobService()
    yield made
    made.close()


@pytest.fixture
def page(
    models: tuple[Path, Path],
    paths: Paths,
    tmp_path: Path,
    jobs: JobService,
    tasks: Tasks,
    theme: Theme,
    gate: Gate,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LabPage]:
    ScriptedQuantizer.gate = ScriptedMeasurer.gate = ScriptedCollector.gate = gate
    ScriptedCollector.collected = []
    ScriptedQuantizer.asked, ScriptedMeasurer.computed = [], []
    monkeypatch.setattr(quantizing, "Tool", ScriptedQuantizer)
    monkeypatch.setattr(measuring, "Tool", ScriptedMeasurer)
    monkeypatch.setattr(quantizing, "read_memory", lambda: Memory(total_bytes=16 << 30, available_bytes=8 << 30))
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    planning, hashes = planning_on(paths), FileHashes(paths.cache / "hashes.json")
    kept = MeasurementStore(paths.measurements)
    make = QuantizingService(paths, jobs, library, lambda: planning, lambda: DataTables().quality, hashes, kept)
    measure = MeasuringService(paths, jobs, library, lambda: planning, hashes, kept, lambda: 1 << 30)
    at_hand = AtHandService(
        library, lambda: planning, lambda: DataTables().quality, hashes,
        lambda files: measured_here(kept, [hashes.known(file) for file in files]),
    )  # fmt: skip
    numbers = NumberLabService(paths, library)
    chats = ChatTexts(paths.data / "lab", lambda: closing(ChatStore(paths.chats)))
    further = further_services(monkeypatch, paths, jobs, library, lambda: planning, hashes, make, ScriptedCollector)
    made = LabPage(
        library, lambda: make, lambda: measure, lambda: at_hand, lambda: chats, _unasked, lambda: numbers, tasks, theme,
        further=further,
    )  # fmt: skip
    made.told = []  # type: ignore[attr-defined]
    made.notify.connect(made.told.append)  # type: ignore[attr-defined]
    shown(qtbot, made, 1204, 770)
    qtbot.waitUntil(lambda: choice(made, "labModel").count() >= 2)
    yield made
    numbers.close()


def _unasked() -> Any:
    raise AssertionError("nobody asks this here")
