"""Heft's own log: one rotating file, no text of any chat in it."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

LIMIT_BYTES = 1_000_000
KEPT = 2


def log_to_file(folder: Path, level: int = logging.INFO) -> logging.Handler:
    """Write the log of the package to ``folder``/heft.log; returns the handler, to be removed at the end.

    Raises OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        folder / "heft.log", maxBytes=LIMIT_BYTES, backupCount=KEPT, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("desktop")
    logger.setLevel(level)
    logger.addHandler(handler)
    return handler
