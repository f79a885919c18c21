"""What is remembered of each model, how it is loaded and talked to: one small JSON file, by the model's identity."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from desktop.core.answer_settings import AnswerSettings
from desktop.core.errors import StoreError
from desktop.core.load_settings import LoadSettings
from desktop.core.text import encodable
from desktop.core.words import tr
from desktop.system.atomic import write_atomically

T = TypeVar("T")
_VERSION = 1


class Remembered(msgspec.Struct):
    """What the file holds, by the models' identities."""

    version: int = _VERSION
    models: dict[str, LoadSettings] = {}
    answers: dict[str, AnswerSettings] = {}

    @classmethod
    def decode(cls, raw: bytes) -> Remembered:
        """The content of the file; ValueError where it cannot be understood."""
        document = msgspec.json.decode(raw, type=cls)
        if document.version != _VERSION:
            raise ValueError(f"version {document.version}")
        return document

    def encode(self) -> bytes:
        """As it is written."""
        return msgspec.json.format(msgspec.json.encode(self))


class LoadSettingsStore:
    """Thread-safe. A file that cannot be understood counts as empty: what was remembered is a convenience."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, identity: str) -> LoadSettings:
        """What was set for a model (:class:`desktop.core.model_ref.ModelRef`); nothing set for one never seen."""
        with self._lock:
            return self._read().models.get(encodable(identity), LoadSettings())

    def set(self, identity: str, settings: LoadSettings) -> None:
        """Remember settings, or forget the model's where all is unset. StoreError when they cannot be written."""

        def change(document: Remembered) -> None:
            _put(document.models, identity, settings, unset=settings.unset)

        self._change(change, "how this model is loaded")

    def answers(self, identity: str) -> AnswerSettings:
        """How a model is asked; nothing set for one never seen."""
        with self._lock:
            return self._read().answers.get(encodable(identity), AnswerSettings())

    def set_answers(self, identity: str, settings: AnswerSettings) -> None:
        """As :meth:`set`, of how the model is asked."""

        def change(document: Remembered) -> None:
            _put(document.answers, identity, settings, unset=settings.unset)

        self._change(change, "how this model is asked")

    def _change(self, change: Callable[[Remembered], None], what: str) -> None:
        with self._lock:
            document = self._read()
            change(document)
            try:
                write_atomically(self._path, document.encode())
            except OSError as error:
                raise StoreError(
                    tr("Heft could not remember {what}: {strerror}", what=what, strerror=error.strerror or error),
                    tr("Check the free space and the permissions of {parent}.", parent=self._path.parent),
                    detail=f"{self._path}: {error}",
                ) from error

    def _read(self) -> Remembered:
        try:
            return Remembered.decode(self._path.read_bytes())
        except (OSError, ValueError):
            return Remembered()


def _put(kept: dict[str, T], identity: str, settings: T, *, unset: bool) -> None:
    key = encodable(identity)
    if unset:
        kept.pop(key, None)
    else:
        kept[key] = settings
