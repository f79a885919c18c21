"""An inspection service for tests, and what it opens."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import Inspected, InspectionService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

from . import gguf_bytes as g


class Closing(InspectionService):
    """Closes with the test what it opened."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.opened = ExitStack()

    def open(self, source: str, **options: Any) -> Inspected:
        inspected = super().open(source, **options)
        self.opened.callback(inspected.close)
        return inspected


def make_service(paths: Paths, tmp_path: Path, endpoint: str = "http://127.0.0.1:9") -> Closing:
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    client = HubClient(endpoint=endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    return Closing(paths, library, client, architectures=lambda: ("llama",))


def shards(folder: Path, count: int = 3) -> list[Path]:
    """A model split into files; the first has the metadata."""
    found = []
    for number in range(count):
        model = g.model(layers=0) if number == 0 else g.Model()
        model.metadata += [("split.no", g.U16, number), ("split.count", g.U16, count)]
        model.metadata += [("split.tensors.count", g.I32, count)]
        model.tensors = [(f"blk.{number}.ffn_up.weight", (256, 256), 12)]
        found.append(model.write(folder / f"small-{number + 1:05d}-of-{count:05d}.gguf"))
    return found
