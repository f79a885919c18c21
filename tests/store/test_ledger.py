"""The ledger keeps runs through kills, other programs, damage and time."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from desktop.core.errors import StoreError
from desktop.store import ledger as module
from desktop.store.ledger import Figures, Ledger, Run
from desktop.store.ledger_schema import SCHEMA

RUN = Run(
    1e9, "here", "0.3", "answer", "Model", "/m.gguf", "f1", "Q4_K_M", 4096, "f16", 0, 2,
    Figures(predicted_decode=10.0, measured_decode=9.5, predicted_memory={"weights": 5}),
)  # fmt: skip
WRITER = """
import sys
from pathlib import Path
from desktop.store.ledger import Figures, Ledger, Run
ledger = Ledger(Path(sys.argv[1]))
number = 0
while True:
    ledger.add(Run(1.0, "here", "", "bench", str(number), "", "", "", 0, "f16", 0, 1, Figures()))
    number += 1
    print(number, flush=True)
"""


def numbered(number: int, machine: str = "here") -> Run:
    return msgspec.structs.replace(RUN, model=str(number), machine=machine)


def test_runs_come_back_as_written_newest_first_for_their_machine(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "made" / "ledger.sqlite3")
    for run in (RUN, numbered(2), numbered(3, "elsewhere")):
        ledger.add(run)
    ledger.close()
    assert Ledger(tmp_path / "made" / "ledger.sqlite3").runs("here") == (numbered(2), RUN)


def test_a_ledger_of_an_earlier_heft_is_read(tmp_path: Path) -> None:
    """Its runs were left to the engine's choice of attention, and say nothing of experts."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{SCHEMA.migrations[0]} PRAGMA user_version = 1;")
        values = (1e9, "here", "0.3", "answer", "Model", "/m.gguf", "f1", "Q4_K_M", 4096, "f16", 0, 2, '{"tokens":9}')
        old.execute(f"INSERT INTO runs VALUES (1, {', '.join('?' * len(values))})", values)
        old.commit()
    ledger = Ledger(path)
    (run,) = ledger.runs("here")
    assert (run.model, run.figures.tokens, run.flash_attention, run.cpu_expert_layers) == ("Model", 9, "auto", 0)
    unfused = msgspec.structs.replace(RUN, flash_attention="off", cpu_expert_layers=7)
    ledger.add(unfused)
    ledger.close()
    assert Ledger(path).runs("here") == (unfused, run)


def test_old_runs_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_RUNS", 10)
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    for number in range(25):
        ledger.add(numbered(number))
    assert [run.model for run in ledger.runs("here")] == [str(number) for number in range(24, 14, -1)]
    ledger.close()


def test_two_programs_write_at_once(tmp_path: Path) -> None:
    ledgers = [Ledger(tmp_path / "ledger.sqlite3") for _ in range(2)]
    threads = [
        threading.Thread(target=lambda each=each: [each.add(numbered(number)) for number in range(20)])
        for each in ledgers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledgers[0].runs("here")) == 40
    for each in ledgers:
        each.close()


def test_a_killed_writer_loses_at_most_the_run_it_was_writing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    root = Path(module.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as writer:
        assert writer.stdout is not None
        told = 0
        while told < 20:
            told = int(writer.stdout.readline())
        writer.kill()
    ledger = Ledger(path)
    kept = [int(run.model) for run in reversed(ledger.runs("here"))]
    ledger.close()
    assert kept == list(range(len(kept))) and len(kept) >= told


def test_a_row_nobody_can_read_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    ledger.add(RUN)
    ledger.add(numbered(2))
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        connection.execute("UPDATE runs SET figures = 'x' WHERE model = '2'")
    connection.close()
    again = Ledger(tmp_path / "ledger.sqlite3")
    assert again.runs("here") == (RUN,)
    again.close()


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no database" * 1000)
    ledger = Ledger(path)
    ledger.add(RUN)
    assert ledger.runs("here") == (RUN,)
    ledger.close()
    assert [found.read_bytes()[:11] for found in tmp_path.glob("*.broken-*")] == [b"no database"]


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer version"):
        Ledger(path).add(RUN)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="could not open the ledger"):
        Ledger(tmp_path / "file" / "ledger.sqlite3").add(RUN)


def test_what_was_read_grows_with_what_is_written_and_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_RUNS", 3)
    ledger, other = (Ledger(tmp_path / "ledger.sqlite3") for _ in range(2))
    assert ledger.runs("here") == ()
    for number in range(5):
        ledger.add(numbered(number))
        assert ledger.runs("here") == other.runs("here")
    assert [run.model for run in ledger.runs("here")] == ["4", "3", "2"]
    other.add(numbered(5))
    assert ledger.runs("here")[0].model == "5"
    ledger.close()
    other.close()
