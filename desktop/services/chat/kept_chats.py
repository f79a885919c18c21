"""The chats of earlier sessions, opened whatever became of their file: damaged, left half written, or not writable."""

from __future__ import annotations

from collections.abc import Callable

from desktop.core.errors import HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths


def open_chats(paths: Paths, tell: Callable[[HeftError], None]) -> ChatStore:
    """The chat store; what a killed process left half written is marked so. ``tell`` hears what was mended.

    Chats are kept in memory where nothing may be written. Raises StoreError where it cannot be opened at all.
    """
    try:
        chats = ChatStore(paths.chats)
    except StoreError as error:
        if error.kind != FailureKind.UNWRITABLE:
            raise
        tell(_nothing_kept(paths, error))
        chats = ChatStore(paths.chats, in_memory=True)
    if chats.set_aside is not None:
        words = f"Your chats could not be read and were set aside as {chats.set_aside.name}; a new file was begun."
        tell(StoreError(words, tr("The old file is kept in Heft's data folder.")))
    chats.recover()
    return chats


def _nothing_kept(paths: Paths, error: StoreError) -> StoreError:
    return StoreError(
        tr("Heft may not write to its folder: chats and settings last until you quit."),
        tr("Make {data} writable, or start Heft with HEFT_HOME set to another folder.", data=paths.data),
        detail=error.detail,
        kind=error.kind,
    )
