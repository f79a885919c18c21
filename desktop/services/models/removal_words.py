"""What a removal does, in a person's words: before it is done and after."""

from __future__ import annotations

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.models.removal import Removal


def question(removal: Removal) -> str:
    """The question to answer."""
    where = tr("Move {} to the trash?") if removal.to_trash else tr("Remove {} from this computer?")
    return where.format(removal.model.name)


def consequences(removal: Removal) -> list[str]:
    """What it means, one sentence each: the space first."""
    size = human_bytes(removal.frees_bytes)
    if removal.to_trash:
        words = [tr("It takes {size}. You can restore it from the trash.", size=size)]
    elif removal.frees_bytes:
        words = [
            tr("This frees {size}.", size=size)
            + (tr(" It can be downloaded again from {repo}.", repo=removal.repo) if removal.repo else "")
        ]
    else:
        words = [tr("This frees nothing: the same bytes have another name elsewhere on the disk.")]
    if len(removal.files) > 1:
        among = tr(", its projector among them") if len(removal.files) > len(removal.model.files) else ""
        words.append(tr("These are {files} files{among}.", files=len(removal.files), among=among))
    if removal.stays:
        words.append(tr("Its projector stays: {needed_by} needs it.", needed_by=removal.needed_by))
    if removal.loaded:
        words.append(tr("It is loaded now, and will be unloaded."))
    return words


def outcome(removal: Removal) -> str:
    """What was done."""
    name = removal.model.name
    if removal.to_trash:
        return tr("{name} is in the trash now.", name=name)
    return tr(
        "{name} was removed; {frees_bytes} are free again.", name=name, frees_bytes=human_bytes(removal.frees_bytes)
    )
