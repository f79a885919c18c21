"""What the installed engine is, asked by itself."""

from __future__ import annotations

from desktop.engine.api import Hello
from desktop.services.engine.supervisor import EngineService
from desktop.store.paths import Paths


def describe_engine(paths: Paths) -> Hello:
    """What the installed engine is, from a process of its own that ends at once."""
    service = EngineService(paths)
    try:
        return service.hello()
    finally:
        service.close()
