"""Ways to run a model, here or with other computers, as ``--json`` has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from desktop.services.worker.ways import Way, best


def ways_document(ways: Sequence[Way]) -> list[dict[str, Any]]:
    """All of them, with the best one marked."""
    chosen = best(ways)
    return [_document(way, chosen) for way in ways]


def _document(way: Way, chosen: Way | None) -> dict[str, Any]:
    speeds = way.plan.speeds if way.plan is not None else None
    return {
        "kind": way.kind,
        "worker": way.worker or None,
        "devices": way.devices or None,
        "fits": way.fits,
        "tokens_per_second_empty": speeds.empty.expected if speeds is not None else None,
        "tokens_per_second_full": speeds.full.expected if speeds is not None else None,
        "context": way.plan.context if way.plan is not None else None,
        "serves": way.serves or None,
        "best": way is chosen,
        "error": msgspec.to_builtins(way.error.as_dict()) if way.error is not None else None,
    }
