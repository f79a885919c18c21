"""What is kept of further backends, beside the libraries: what their trials said, and which the user wants used."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from desktop.system.atomic import write_atomically

TRIAL = 2  # what a trial asks; a verdict of an older one says too little: 1 compared no numbers
_VERDICTS, _CHOICE = "tried.json", "chosen.json"


class ProvenDevice(msgspec.Struct, frozen=True):
    """One device of a backend, and what it made of the known answer.

    ``error`` is the largest difference from the processor's own logits: the square of the differences over the square
    of the logits, both about their mean (0: the same, 1: nothing to do with it). ``tokens_per_second`` is how quick it
    wrote with the starter model, ``processor_tokens_per_second`` the processor in the same trial; 0 is not known.
    """

    name: str
    description: str = ""
    device_id: str = ""
    kind: str = "gpu"
    error: float = 0.0
    tokens_per_second: float = 0.0
    processor_tokens_per_second: float = 0.0


class Tried(msgspec.Struct, frozen=True):
    """It works: what llama.cpp calls the backend, and its devices, each of which computed the known answer."""

    backend: str
    devices: tuple[ProvenDevice, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What a trial of ``file`` with ``engine`` said at ``at`` (seconds since the epoch): why it is ``refused``, or the
    ``backend`` that it brings with its ``devices``. ``trial`` is what was asked of it, see :data:`TRIAL`, and
    ``surroundings`` the drivers that were there (:func:`desktop.engine.graphics_drivers.surroundings`).
    """

    file: str
    size: int
    mtime_ns: int
    engine: str
    refused: str = ""
    backend: str = ""
    devices: tuple[ProvenDevice, ...] = ()
    at: float = 0.0
    trial: int = 1
    surroundings: str = ""


class Choice(msgspec.Struct, frozen=True):
    """Which libraries the user wants, by their keys: ``order`` first to last, none of ``aside``.

    ``since`` says when each was last put first or added, in seconds since the epoch. Libraries that are not named
    follow in the order in which they were found.
    """

    order: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    since: dict[str, float] = {}


class Choices(msgspec.Struct, frozen=True):
    """The choice that holds, and the one before it, to which one can go back; None when there is none."""

    now: Choice = Choice()
    before: Choice | None = None


def read_verdicts(folder: Path) -> list[Verdict]:
    """All that is kept; none where nothing is, or nothing that can be read."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder / _VERDICTS).read_bytes(), type=list[Verdict])
    return []


def write_verdicts(folder: Path, verdicts: list[Verdict]) -> None:
    """Keep these. Raises OSError."""
    write_atomically(folder / _VERDICTS, msgspec.json.encode(verdicts))


def read_choices(folder: Path) -> Choices:
    """What the user chose; nothing where that cannot be read."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder / _CHOICE).read_bytes(), type=Choices)
    return Choices()


def write_choices(folder: Path, choices: Choices) -> None:
    """Keep this. Raises OSError."""
    write_atomically(folder / _CHOICE, msgspec.json.encode(choices))
