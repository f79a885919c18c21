"""Which language the window speaks: read before anything that has words is imported, so apart from the settings."""

from __future__ import annotations

import json
import os
from pathlib import Path

from desktop.core.words import LANGUAGES, VARIABLE, language_of

KEY = "language"  # of the option


def chosen_language(settings: Path, locale: str) -> str:
    """The environment's, else the one that the settings name, else that of the system's ``locale``; a known code."""
    asked = os.environ.get(VARIABLE) or _in(settings)
    return asked if asked in LANGUAGES else language_of(locale)


def _in(settings: Path) -> str:
    try:
        found = json.loads(settings.read_bytes())
    except (OSError, ValueError, RecursionError):  # the settings' own reading tells of it
        return ""
    value = found.get(KEY) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
