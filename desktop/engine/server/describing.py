"""Asking what the engine is: bounded in time, and coming to an answer whatever further backends do at its start.

A start that crashes or hangs makes all further backends be tried again, which leaves out the one that fails now (after
an update of a driver, say). Where each works alone and the engine still does not start, none of them is used.
"""

from __future__ import annotations

import os

from desktop.core.errors import HeftError
from desktop.engine.api import Hello
from desktop.engine.backend_trial import TRIAL_SECONDS
from desktop.engine.backends import engine_package
from desktop.engine.further_backends import FOLDER_VARIABLE, blame, doubt, doubted, libraries, untried
from desktop.engine.helper_process import Tool
from desktop.engine.tools.description import Describe

PLAIN_SECONDS = 30.0  # of a description without trials
_QUESTIONS = 8  # of a trial, on two devices


def most_seconds() -> float:
    """How long :func:`describe` may take, all its attempts together."""
    here = len(libraries(_folder(), engine_package()))
    return PLAIN_SECONDS if not here else 3 * PLAIN_SECONDS + 2 * here * _QUESTIONS * TRIAL_SECONDS


def describe(description: Tool[Hello]) -> Hello:
    """What the engine is. Raises HeftError."""
    folder = _folder()
    if not libraries(folder, engine_package()):
        return description.call(Describe())
    for attempt in range(3):
        if attempt == 2:
            blame(folder, engine_package())
        seconds = PLAIN_SECONDS + (TRIAL_SECONDS if untried(folder, engine_package()) else 0.0)
        try:
            return description.call(Describe(TRIAL_SECONDS), deadline_seconds=seconds, renewed=True)
        except HeftError:
            if attempt == 2 or not doubted(folder):
                raise
    raise AssertionError  # the last attempt raised


def suspected() -> bool:
    """An engine died: the next start tries all further backends again. Whether there are any that it used."""
    folder = _folder()
    if not libraries(folder, engine_package()):
        return False
    doubt(folder)
    return True


def _folder() -> str:
    return os.environ.get(FOLDER_VARIABLE, "")
