"""What a conversion comes to, in words: before the converter's environment is made, and where no GGUF is met."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop.core.units import human_bytes, human_time
from desktop.core.words import tr
from desktop.engine.converter.environment import NAMED, EnvironmentCost
from desktop.services.lab.converting import ConvertProspect
from desktop.services.lab.model_folder import Outlook

if TYPE_CHECKING:
    from desktop.engine.converter.environment import EnvironmentCost
    from desktop.services.lab.converting import ConvertProspect
    from desktop.services.lab.model_folder import Outlook


def environment_words(cost: EnvironmentCost | None) -> str:
    """What the converter needs, how much that is, and that it happens once; "" where it is there."""
    if cost is None:
        return ""

    needs = f"{', '.join(NAMED[:-1])} and {NAMED[-1]}"
    untold = tr(", besides {untold} packages whose size is not known,", untold=cost.untold) if cost.untold else ""
    where = (
        tr(" Of these, torch may come from {hostname}.", hostname=urlsplit(cost.index).hostname) if cost.index else ""
    )
    return tr(
        "The converter needs the Python packages {needs}, in an environment of its own: "
        "{download_bytes} to download{untold} and about {disk_bytes} on the disk. This "
        "happens once.{where}",
        needs=needs,
        download_bytes=human_bytes(cost.download_bytes),
        untold=untold,
        disk_bytes=human_bytes(cost.disk_bytes),
        where=where,
    )


def effort_words(prospect: ConvertProspect) -> str:
    """What is read and written, and how long that takes."""
    return tr(
        "reads {read_bytes}, writes about {size_bytes}, takes about {seconds}",
        read_bytes=human_bytes(prospect.folder.read_bytes),
        size_bytes=human_bytes(prospect.size_bytes),
        seconds=human_time(prospect.seconds),
    )


def outlook_words(outlook: Outlook, *, download: bool = False) -> str:
    """Where something is met that is no GGUF: what it takes to make one here and quantize it."""
    disk = outlook.disk_bytes + (outlook.read_bytes if download else 0)
    after = tr(" and the download") if download else ""
    return tr(
        "Convert and quantize on this computer: needs {disk} of disk, about {seconds}{after}",
        disk=human_bytes(disk),
        seconds=human_time(outlook.seconds),
        after=after,
    )
