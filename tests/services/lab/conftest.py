"""What tests of the Lab's jobs share: a small model, and programs that start one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.gate import Gate

from desktop.services.jobs import JobService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.go_on.set()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A model in F16."""
    tensors: list[tuple[str, tuple[int, ...], int]] = [("token_embd.weight", (256, 64), 1)]
    for layer in range(2):
        tensors += [(f"blk.{layer}.attn_norm.weight", (256,), 0), (f"blk.{layer}.ffn_up.weight", (256, 512), 1)]
    model = g.model(file_type=1)
    model.tensors = tensors
    return model.write(tmp_path / "tiny-F16.gguf")


@pytest.fixture
def library(paths: Paths, tmp_path: Path) -> LibraryService:
    return LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path)


@pytest.fixture
def programs() -> Iterator[Callable[[], JobService]]:
    """Each call is another start of the program."""
    made: list[JobService] = []

    def start() -> JobService:
        for jobs in made:
            jobs.close()
        made.append(JobService())
        return made[-1]

    yield start
    for jobs in made:
        jobs.close()
