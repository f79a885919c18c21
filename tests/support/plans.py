"""Plans of loads whose settings are all given, as if nobody had weighed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.system.cores import physical_threads


def plain_plan(path: Path | str, context: int | None = None, name: str = "", **settings: Any) -> LoadPlan:
    """A load of a file with these settings; what is not given is the default."""
    asked = LoadSettings(context=context, **settings)
    return LoadPlan(local_ref(Path(path), name), asked, asked.threads or physical_threads())
