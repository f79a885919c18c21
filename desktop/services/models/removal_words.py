"""What a removal does, in a person's words: before it is done and after."""

from __future__ import annotations

from desktop.core.units import human_bytes
from desktop.services.models.removal import Removal


def question(removal: Removal) -> str:
    """The question to answer."""
    where = "Move {} to the trash?" if removal.to_trash else "Remove {} from this computer?"
    return where.format(removal.model.name)


def consequences(removal: Removal) -> list[str]:
    """What it means, one sentence each: the space first."""
    size = human_bytes(removal.frees_bytes)
    if removal.to_trash:
        words = [f"It takes {size}. You can restore it from the trash."]
    elif removal.frees_bytes:
        words = [f"This frees {size}." + (f" It can be downloaded again from {removal.repo}." if removal.repo else "")]
    else:
        words = ["This frees nothing: the same bytes have another name elsewhere on the disk."]
    if len(removal.files) > 1:
        among = ", its projector among them" if len(removal.files) > len(removal.model.files) else ""
        words.append(f"These are {len(removal.files)} files{among}.")
    if removal.stays:
        words.append(f"Its projector stays: {removal.needed_by} needs it.")
    if removal.loaded:
        words.append("It is loaded now, and will be unloaded.")
    return words


def outcome(removal: Removal) -> str:
    """What was done."""
    name = removal.model.name
    if removal.to_trash:
        return f"{name} is in the trash now."
    return f"{name} was removed; {human_bytes(removal.frees_bytes)} are free again."
