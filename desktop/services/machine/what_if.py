"""The machine a person means by ``--machine``: a saved profile, one that comes with Heft, or a product's name."""

from __future__ import annotations

import re
from pathlib import Path

from desktop.core.errors import UsageError
from desktop.core.hardware import Machine
from desktop.core.machines import machine_of_sizes, machine_with
from desktop.core.pools import hypothetical
from desktop.core.units import byte_count
from desktop.core.words import tr
from desktop.services.discover.tables import DataTables
from desktop.services.machine.machine import MachineService

_SHOWN = 4
_SIZES = re.compile(
    r"(?P<ram>[1-9]\d{0,4}(?:\.\d{1,3})? ?Gi?B)(?: RAM)?"
    r"(?: ?[+,] ?(?P<vram>[1-9]\d{0,4}(?:\.\d{1,3})? ?Gi?B)(?: VRAM)?)?",
    re.IGNORECASE,
)


def named_machine(text: str, tables: DataTables, machines: MachineService) -> Machine:
    """A file's profile, one of ``resources/data/profiles`` by name, ``[COUNTx ]PRODUCT [SIZE GB]``, or own figures.

    These are ``RAM GB [+ VRAM GB VRAM]``: this computer's processor with so much memory. GB are decimal, GiB binary.

    ``2x RTX 3090`` and ``M4 Max`` are enough where they name one product; of several sizes the most common is taken.
    Raises UsageError for another text, ProfileError for a file that is no profile.
    """
    path = Path(text).expanduser()
    if path.is_file() or text.lower().endswith(".json"):
        return hypothetical(machines.load_profile(path))
    if text in tables.profiles:
        return tables.profiles[text]
    if sizes := _SIZES.fullmatch(text.strip()):
        ram, vram = (byte_count(sizes[name]) if sizes[name] else 0 for name in ("ram", "vram"))
        return machine_of_sizes(machines.without_graphics(), ram, vram)
    found = re.fullmatch(r"(?:(?P<count>[1-8])\s*x\s+)?(?P<name>.+)", text.strip(), re.IGNORECASE)
    wanted = found["name"].casefold() if found else ""
    devices = [device for device in tables.devices if wanted in device.title.casefold()]
    exact = [
        d for d in devices if wanted in (d.name.casefold(), d.title.casefold(), d.name.casefold().split(" ", 1)[-1])
    ]
    names = dict.fromkeys(device.name for device in exact or devices)
    if found is not None and len(names) == 1:
        return machine_with((exact or devices)[0], int(found["count"] or 1))
    if names:
        listed = ", ".join(list(names)[:_SHOWN])
        raise UsageError(
            tr(
                "'{text}' could be {listed}{value}.",
                text=text,
                listed=listed,
                value=" …" if len(names) > _SHOWN else "",
            ),
            tr("Write more of the name."),
        )
    known = ", ".join(tables.profiles)
    raise UsageError(
        tr("There is no machine '{text}'.", text=text),
        tr(
            "Name a file saved with heft machine --json, a product such as 'RTX 4070', own "
            "figures such as '64 GB + 24 GB VRAM', or one of: {known}.",
            known=known,
        ),
    )
