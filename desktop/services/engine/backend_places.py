"""Where the engine's processes find further backends: said once, at the start, to all processes that follow."""

from __future__ import annotations

import os
from pathlib import Path

from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.store.paths import default_paths
from desktop.store.starter import find_starter


def offer_backends() -> None:
    """Name Heft's folder of backends, and the model they are tried with, in the environment of later children.

    A folder that the user named there already stays.
    """
    if FOLDER_VARIABLE not in os.environ:
        os.environ[FOLDER_VARIABLE] = str(default_paths().backends)
        os.environ[TRIAL_MODEL_VARIABLE] = str(find_starter() or "")


def backend_folder() -> Path:
    """Where the user's further backends are."""
    return Path(os.environ.get(FOLDER_VARIABLE) or default_paths().backends)
