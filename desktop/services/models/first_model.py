"""Which model a start loads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.endpoint_model import PREFIX
from desktop.core.errors import HeftError
from desktop.core.model_ref import ModelRef
from desktop.core.words import tr
from desktop.services.models.library import LibraryService

COMFORTABLE_SHARE = 0.5  # of the available memory: a larger model is not loaded unasked at the start

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class First:
    """The model to begin with; ``missed`` is why another server's model of the last time is not it."""

    ref: ModelRef
    missed: HeftError | None = None


def first_model(library: LibraryService, answering: Callable[[str], ModelRef], last: str) -> First:
    """The model of the last time (a path, another server's model, or "") when it is still there and fits comfortably,
    else the starter model. ``answering`` asks another server for its model, and raises HeftError where it does not
    answer with it now.

    Raises NotFoundError when there is not even a starter model.
    """
    import psutil

    missed: HeftError | None = None
    if last.startswith(PREFIX):
        try:
            return First(answering(last))
        except HeftError as error:
            missed = HeftError(
                tr("{message} The starter model is loaded in its place.", message=error.message),
                error.hint,
                detail=error.detail,
                kind=error.kind,
                settings_page=error.settings_page,
            )
    elif last:
        try:
            model = library.resolve(last)
            if model.size_bytes <= COMFORTABLE_SHARE * psutil.virtual_memory().available:
                return First(model.ref)
        except HeftError as error:
            _log.info("the last model cannot be loaded again: %s", error.message)
    return First(library.resolve("starter").ref, missed)
