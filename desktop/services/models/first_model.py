"""Which model a start loads."""

from __future__ import annotations

import logging

from desktop.core.errors import HeftError
from desktop.services.models.library import LibraryModel, LibraryService

COMFORTABLE_SHARE = 0.5  # of the available memory: a larger model is not loaded unasked at the start

_log = logging.getLogger(__name__)


def first_model(library: LibraryService, last: str) -> LibraryModel:
    """The model of the last time (a path, or "") when it is still there and fits comfortably, else the starter model.

    Raises NotFoundError when there is not even a starter model.
    """
    import psutil

    if last:
        try:
            model = library.resolve(last)
        except HeftError as error:
            _log.info("the last model cannot be loaded again: %s", error.message)
        else:
            if model.size_bytes <= COMFORTABLE_SHARE * psutil.virtual_memory().available:
                return model
    return library.resolve("starter")
