"""Heft's own log: one rotating file, no text of any chat and no token in it."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from desktop.core.secrets import TOKEN_VARIABLES, without_tokens

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
    handler.setFormatter(_Careful("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("desktop")
    logger.setLevel(level)
    logger.addHandler(handler)
    return handler


class _Careful(logging.Formatter):
    """An exception of a library may carry the request it was about, headers included."""

    def format(self, record: logging.LogRecord) -> str:
        known = (os.environ.get(name, "") for name in TOKEN_VARIABLES)
        return without_tokens(super().format(record), known)
