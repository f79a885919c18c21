"""Where a program of this user keeps what it can make again. ``HEFT_HOME`` moves Heft's own there."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP_NAME = "heft"


def cache_folder() -> Path:
    """Heft's cache: below ``HEFT_HOME`` when set, else in the platform's folder of caches. It may not be there yet."""
    home = os.environ.get("HEFT_HOME")
    if home:
        return Path(home).expanduser() / "cache"
    return Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False))
