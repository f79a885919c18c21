"""The jobs that an earlier session left: whether there are any, and going on with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.store.paths import Paths

if TYPE_CHECKING:
    from desktop.services.container import Container


def any_left(paths: Paths) -> bool:
    """Whether there are any, at the cost of two looks at the disk."""
    return any(any(folder.glob("*.json")) for folder in (paths.data / "downloads", paths.jobs))


def take_up(container: Container) -> None:
    """Go on with them; what a kind of job belongs to is made for that. Off the GUI thread."""
    if any_left(container.paths):
        for made in (
            container.downloads,
            container.inspection,
            container.calibration,
            container.joining,
            container.quantizing,
            container.measuring,
            container.importance,
            container.mixing,
            container.benching,
            container.tuning,
            container.rewriting,
            container.converting,
            container.backend_build,
        ):  # each registers its kind
            assert made is not None
    container.jobs.restore()
