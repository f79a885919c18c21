"""What a model's file says of itself, for dialects whose clients ask: its metadata, and what its template knows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import FileFormatError
from desktop.core.gguf import Header, read_header
from desktop.core.gguf.values import Array, Text
from desktop.core.thinking import NO_THINKING, Thinking
from desktop.services.serve.api import ServedModel
from desktop.store.gguf_files import FileSource

_TEMPLATE, _LICENSE = "tokenizer.chat_template", "general.license"
_MAX_TEMPLATE, _MAX_LICENSE = 1 << 20, 1 << 16  # bytes
_THOUGHTS = ("<think>", "[THINK]", "<|channel>thought", "<|channel|>analysis", "reasoning_content")
_MOST_FILES = 64


@dataclass(frozen=True)
class ModelFacts:
    """``metadata`` is without lists and long texts. ``thinks``: its answers may begin with thoughts, whether or not
    ``thinking`` has a switch for them.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    template: str = ""
    license: str = ""
    tools: bool = False
    thinks: bool = False
    thinking: Thinking = NO_THINKING


NOTHING_KNOWN = ModelFacts()


class FactsReader:
    """Reads each file once, until it changes. Thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, int, int], ModelFacts] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, model: ServedModel) -> ModelFacts:
        """What is known; nothing of a file that cannot be read."""
        path = model.ref.path
        if path is None:
            return NOTHING_KNOWN
        try:
            now = path.stat()
            key = (path, now.st_mtime_ns, now.st_size)
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            with FileSource(path) as source:
                found = _facts(read_header(source))
        except (OSError, FileFormatError):
            return NOTHING_KNOWN
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _MOST_FILES:
                self._kept.popitem(last=False)
        return found


def _facts(header: Header) -> ModelFacts:
    from desktop.core.template_thinking import thinking_of  # late: it imports jinja2

    template = header.text(_TEMPLATE, _MAX_TEMPLATE)
    thinking = thinking_of(template)
    known = {
        key: None if isinstance(value.data, Array | Text) else value.data
        for key, value in header.metadata.items()
        if key not in (_TEMPLATE, _LICENSE)
    }
    known.setdefault("general.parameter_count", header.parameters)
    return ModelFacts(
        known,
        template,
        header.text(_LICENSE, _MAX_LICENSE),
        tools="tools" in template,
        thinks=thinking != NO_THINKING or any(mark in template for mark in _THOUGHTS),
        thinking=thinking,
    )
