"""Which model a start loads."""

from __future__ import annotations

import logging
from collections.abc import Callable

from desktop.core.endpoint_model import PREFIX
from desktop.core.errors import HeftError
from desktop.core.model_ref import ModelRef
from desktop.services.models.library import LibraryService

COMFORTABLE_SHARE = 0.5  # of the available memory: a larger model is not loaded unasked at the start

_log = logging.getLogger(__name__)


def first_model(library: LibraryService, elsewhere: Callable[[str], ModelRef], last: str) -> ModelRef:
    """The model of the last time (a path, another server's model, or "") when it is still there and fits comfortably,
    else the starter model. ``elsewhere`` knows the models of other servers; none of those is asked here.

    Raises NotFoundError when there is not even a starter model.
    """
    import psutil

    if last:
        try:
            if last.startswith(PREFIX):
                return elsewhere(last)
            model = library.resolve(last)
        except HeftError as error:
            _log.info("the last model cannot be loaded again: %s", error.message)
        else:
            if model.size_bytes <= COMFORTABLE_SHARE * psutil.virtual_memory().available:
                return model.ref
    return library.resolve("starter").ref
