"""How a model is sampled: the defaults of its file and of its repository, and over them what was set."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from desktop.core.errors import FileFormatError
from desktop.core.sampling_defaults import (
    NO_DEFAULTS,
    SamplingDefaults,
    header_sampling,
    resolved,
)
from desktop.core.sampling_fields import SamplingValues
from desktop.engine.api import Sampling

FindDefaults = Callable[[Path | None], SamplingDefaults]


class SamplingService:
    """Knows each model's defaults. Thread-safe; a question may read a file's header."""

    def __init__(self, recommended: Callable[[Path], SamplingValues]) -> None:
        """``recommended`` is what the repository says that a file was downloaded from; {} where it says nothing."""
        self._recommended = recommended
        self._lock = threading.Lock()
        self._last: tuple[object, SamplingValues] | None = None

    def defaults(self, path: Path | None) -> SamplingDefaults:
        """Those of a model file, the first of a split one; none without a model, or where it cannot be read."""
        if path is None:
            return NO_DEFAULTS
        return SamplingDefaults(self._of_header(path), self._recommended(path))

    def _of_header(self, path: Path) -> SamplingValues:
        """What the header says, kept until another file is asked for or it changes."""
        from desktop.core.gguf import read_header  # the window starts without them
        from desktop.store.gguf_files import FileSource

        with self._lock, suppress(OSError, FileFormatError):
            now = path.stat()
            key = (path, now.st_mtime_ns, now.st_size)
            if self._last is None or self._last[0] != key:
                with FileSource(path) as source:
                    self._last = (key, header_sampling(read_header(source).metadata))
            return self._last[1]
        return {}


def no_defaults(_path: Path | None) -> SamplingDefaults:
    """Of a model nothing is known."""
    return NO_DEFAULTS


def sampling_of(defaults: SamplingDefaults, chosen: SamplingValues) -> Sampling:
    """What the engine is asked for: what was set, over the model's defaults, over Heft's."""
    found = resolved(defaults, chosen)
    return msgspec.convert({name: sourced.value for name, sourced in found.items()}, Sampling)


def sampling_document(defaults: SamplingDefaults, chosen: SamplingValues) -> dict[str, dict[str, object]]:
    """Every value with where it comes from, as the commands tell it; None for what another server decides."""
    found = resolved(defaults, chosen).items()
    return {
        name: {"value": None if sourced.source == "server" else sourced.value, "source": sourced.source}
        for name, sourced in found
    }
