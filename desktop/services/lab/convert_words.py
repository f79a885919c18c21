"""What a conversion comes to, in words: before the converter's environment is made, and where no GGUF is met."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop.core.units import human_bytes, human_time

if TYPE_CHECKING:
    from desktop.engine.converter.environment import EnvironmentCost
    from desktop.services.lab.converting import ConvertProspect
    from desktop.services.lab.model_folder import Outlook


def environment_words(cost: EnvironmentCost | None) -> str:
    """What the converter needs, how much that is, and that it happens once; "" where it is there."""
    if cost is None:
        return ""
    from desktop.engine.converter.environment import NAMED  # no page's first sight needs it

    needs = f"{', '.join(NAMED[:-1])} and {NAMED[-1]}"
    untold = f", besides {cost.untold} packages whose size is not known," if cost.untold else ""
    where = f" Of these, torch may come from {urlsplit(cost.index).hostname}." if cost.index else ""
    return (
        f"The converter needs the Python packages {needs}, in an environment of its own: "
        f"{human_bytes(cost.download_bytes)} to download{untold} and about {human_bytes(cost.disk_bytes)} on the disk. "
        f"This happens once.{where}"
    )


def effort_words(prospect: ConvertProspect) -> str:
    """What is read and written, and how long that takes."""
    return (
        f"reads {human_bytes(prospect.folder.read_bytes)}, writes about {human_bytes(prospect.size_bytes)}, "
        f"takes about {human_time(prospect.seconds)}"
    )


def outlook_words(outlook: Outlook, *, download: bool = False) -> str:
    """Where something is met that is no GGUF: what it takes to make one here and quantize it."""
    disk = outlook.disk_bytes + (outlook.read_bytes if download else 0)
    after = " and the download" if download else ""
    return (
        f"Convert and quantize on this computer: needs {human_bytes(disk)} of disk, "
        f"about {human_time(outlook.seconds)}{after}"
    )
