"""The ledger: what was predicted of every load and run, and what was measured."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from desktop.core.errors import StoreError
from desktop.core.load_settings import FlashAttention
from desktop.core.text import encodable
from desktop.core.words import tr
from desktop.store.database import open_database
from desktop.store.ledger_schema import SCHEMA

KEPT_RUNS = 1000  # a megabyte, on disk and in memory; older ones teach nothing any more
DISTURBED = 0.05  # a twentieth of waiting costs a thread pool far more than a twentieth of its speed
_COLUMNS = (
    "at", "machine", "engine", "what", "model", "path", "fingerprint", "quantization", "context", "kv_type",
    "gpu_layers", "threads", "flash_attention", "cpu_expert_layers", "devices", "figures",
)  # fmt: skip


class Figures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Predicted and measured. Rates are tokens per second, memory bytes; 0 is "not known".

    ``model_*`` is what the model of time said before earlier runs corrected it: what the next correction is
    computed from. ``resident_bytes`` is the whole process. ``context_used`` is where the rate was measured.
    ``disturbed`` is the part of the time that the engine's threads waited for cores other programs had, or of its
    threads that it gave up for them. ``drafted`` tokens were guessed (speculation), of which ``accepted`` were right.
    """

    predicted_decode: float = 0.0
    predicted_low: float = 0.0
    predicted_high: float = 0.0
    model_decode: float = 0.0
    measured_decode: float = 0.0
    predicted_prompt: float = 0.0
    model_prompt: float = 0.0
    measured_prompt: float = 0.0
    seconds_to_first_token: float = 0.0
    context_used: int = 0
    tokens: int = 0
    predicted_memory: dict[str, int] = {}
    measured_memory: dict[str, int] = {}
    resident_bytes: int = 0
    method: str = ""
    disturbed: float = 0.0
    drafted: int = 0
    accepted: int = 0

    @property
    def was_disturbed(self) -> bool:
        """Whether it says more about other programs than about this computer."""
        return self.disturbed > DISTURBED

    @property
    def tells_speed(self) -> bool:
        """Whether it measured this computer alone: no other programs, and not how well tokens were guessed."""
        return not self.was_disturbed and not self.drafted


class Run(msgspec.Struct, frozen=True):
    """One load, answer or benchmark. ``at`` is seconds since the epoch; ``fingerprint`` that of the model's header.

    ``flash_attention`` is what the engine was told: "auto" is with it wherever the devices can. ``devices`` are the
    names of those that held layers beside the processor, "" for none; of earlier versions' runs with layers on a GPU
    they are not known.
    """

    at: float
    machine: str
    engine: str
    what: Literal["load", "answer", "bench"]
    model: str
    path: str
    fingerprint: str
    quantization: str
    context: int
    kv_type: str
    gpu_layers: int
    threads: int
    figures: Figures
    flash_attention: FlashAttention = "auto"
    cpu_expert_layers: int = 0
    devices: str = ""


class Ledger:
    """Runs in SQLite, one transaction each: a kill loses at most the run being written. Thread-safe, opened late."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._known: dict[str, tuple[int, tuple[Run, ...]]] = {}  # by machine, with the data's version

    def add(self, run: Run) -> None:
        """Keep a run; StoreError when it cannot be written."""
        told = {name: getattr(run, name) for name in _COLUMNS[:-1]}
        written = {name: encodable(value) if isinstance(value, str) else value for name, value in told.items()}
        values = [*written.values(), msgspec.json.encode(run.figures).decode()]
        marks = ", ".join("?" * len(_COLUMNS))
        with self._open() as connection:
            connection.execute(f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({marks})", values)
            connection.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?", (KEPT_RUNS,))
            known = self._known.get(run.machine)
            self._known.clear()
            if known is not None:  # after each answer: not all is read again
                newest = msgspec.structs.replace(run, **written)
                self._known[run.machine] = known[0], (newest, *known[1])[:KEPT_RUNS]

    def runs(self, machine: str) -> tuple[Run, ...]:
        """The runs on a machine, newest first; the same object until something is written, by whomever.

        A row that cannot be read is left out. StoreError when the ledger cannot be read.
        """
        with self._open("DEFERRED") as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            known = self._known.get(machine)
            if known is not None and known[0] == version:
                return known[1]
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE machine = ? ORDER BY id DESC", (machine,)
            ).fetchall()
            found = _decoded(rows)
            self._known[machine] = (version, found)
            return found

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._known.clear()

    @contextlib.contextmanager
    def _open(self, kind: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """A transaction of its own: all or nothing."""
        with self._lock:
            if self._connection is None:
                self._connection = open_database(self._path, SCHEMA)[0]
            try:
                self._connection.execute(f"BEGIN {kind}")
                with self._connection:  # commits, or rolls back what failed
                    yield self._connection
            except sqlite3.Error as error:
                raise StoreError(
                    tr("The ledger of runs could not be used: {error}", error=error),
                    tr("Check the free space on the disk."),
                    detail=f"{self._path}: {error!r}",
                ) from error


def _decoded(rows: list[tuple[object, ...]]) -> tuple[Run, ...]:
    found = []
    for row in rows:
        with contextlib.suppress(msgspec.MsgspecError):
            document: dict[str, object] = dict(zip(_COLUMNS, row, strict=True))
            document["figures"] = msgspec.json.decode(str(document["figures"]), type=Figures)
            found.append(msgspec.convert(document, Run))
    return tuple(found)
