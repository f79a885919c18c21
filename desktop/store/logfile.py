"""Heft's own log: one rotating file, no text of any chat and no token in it."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from desktop.system.logs import CarefulFormatter

LIMIT_BYTES = 1_000_000
KEPT = 2


def file_handler(folder: Path) -> logging.Handler:
    """Writes ``folder``/heft.log. Raises OSError when the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(folder / "heft.log", maxBytes=LIMIT_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
    handler.setFormatter(CarefulFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk, or another Heft that has just turned the page: the record is lost, and no work with it."""
