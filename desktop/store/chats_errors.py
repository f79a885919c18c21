"""What goes wrong with the chat database, in words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from desktop.core.errors import NotFoundError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.store.database import is_damage, kind_of


def no_chat() -> NotFoundError:
    """The chat is not there, or was deleted."""
    return NotFoundError(tr("This chat is not there any more."), tr("Choose another one from the list."))


def no_message() -> NotFoundError:
    """The message is not there."""
    return NotFoundError(tr("This message is not there any more."), tr("Open the chat again."))


def failure(path: Path, verb: str, error: sqlite3.Error) -> StoreError:
    """The database at ``path`` could not be read or written (``verb``)."""
    if is_damage(error):
        hint = f"Quit Heft and restore {path} from a backup, or move it aside."
        detail = f"{path}: {error}"
        return StoreError(tr("The chat database is damaged."), hint, detail=detail, kind=FailureKind.DAMAGED)
    return StoreError(
        tr("Heft could not {verb} its chats: {error}", verb=verb, error=error),
        tr("Check the free space and the permissions of {parent}.", parent=path.parent),
        detail=f"{path}: {error!r}",
        kind=kind_of(error),
    )
