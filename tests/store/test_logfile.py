"""The log is one rotating file of the package's own records."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.store import logfile
from desktop.store.logfile import file_handler
from desktop.system.logs import levels_of, logged


@pytest.fixture
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Handler]:
    monkeypatch.setattr(logfile, "LIMIT_BYTES", 2_000)
    made = file_handler(tmp_path / "logs")
    with logged(levels_of(""), [made]):
        yield made


def test_records_of_the_package_are_written_and_others_are_not(handler: logging.Handler, tmp_path: Path) -> None:
    logging.getLogger("desktop.store.logfile").info("started with ü")
    logging.getLogger("desktop.store.logfile").debug("too much")
    logging.getLogger("elsewhere").warning("not ours")
    text = (tmp_path / "logs" / "heft.log").read_text(encoding="utf-8")
    assert "INFO desktop.store.logfile: started with ü" in text
    assert "too much" not in text
    assert "not ours" not in text


def test_it_does_not_grow_without_bound(handler: logging.Handler, tmp_path: Path) -> None:
    for number in range(500):
        logging.getLogger("desktop").info("line %d of many", number)
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["heft.log", "heft.log.1", "heft.log.2"]
    assert sum(file.stat().st_size for file in files) <= 3 * 2_000
    assert "line 499 of many" in files[0].read_text(encoding="utf-8")
