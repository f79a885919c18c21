"""Other servers by name and address, with the models that each was seen to offer; keys are kept elsewhere."""

from __future__ import annotations

from pathlib import Path

import msgspec

from desktop.store.saved_list import SavedList


class SavedEndpoint(msgspec.Struct, frozen=True):
    """A server. ``models`` are those that it offered when it was last asked and can write answers."""

    name: str
    url: str
    models: tuple[str, ...] = ()


class EndpointStore(SavedList[SavedEndpoint]):
    """Those that were added."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SavedEndpoint, "endpoints", "this server")
