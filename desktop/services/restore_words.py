"""What a restore adds and replaces, as a person reads it: for the command and the settings."""

from __future__ import annotations

import datetime

from desktop.core.words import tr
from desktop.store.restore import Restored


def restored_lines(restored: Restored) -> list[str]:
    """A line for each kind of data; what stays as it is is said, too."""
    lines = [tr("Adds {chats_added}.", chats_added=_count(restored.chats_added, "chat"))]
    if restored.chats_kept == 1:
        lines.append(tr("1 chat is here already and stays as it is."))
    elif restored.chats_kept:
        lines.append(tr("{chats_kept:,} chats are here already and stay as they are.", chats_kept=restored.chats_kept))
    if restored.settings_changed:
        lines.append(tr("Replaces {settings_changed}.", settings_changed=_count(restored.settings_changed, "setting")))
    else:
        lines.append(tr("The settings are the same."))
    lines.append(
        tr(
            "What is remembered of models: adds {models_added:,}, replaces {models_replaced:,}.",
            models_added=restored.models_added,
            models_replaced=restored.models_replaced,
        )
    )
    lines.append(tr("Adds {runs_added}.", runs_added=_count(restored.runs_added, tr("measured run"))))
    return lines


def made_on(restored: Restored) -> str:
    """When the backup was made, and by which version."""
    made = datetime.datetime.fromtimestamp(restored.made)
    return tr(
        "Backup of {day} {strftime}, written by Heft {heft}",
        day=made.day,
        strftime=made.strftime("%b %Y, %H:%M"),
        heft=restored.heft,
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
