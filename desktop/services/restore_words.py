"""What a restore adds and replaces, as a person reads it: for the command and the settings."""

from __future__ import annotations

import datetime

from desktop.store.restore import Restored


def restored_lines(restored: Restored) -> list[str]:
    """A line for each kind of data; what stays as it is is said, too."""
    lines = [f"Adds {_count(restored.chats_added, 'chat')}."]
    if restored.chats_kept == 1:
        lines.append("1 chat is here already and stays as it is.")
    elif restored.chats_kept:
        lines.append(f"{restored.chats_kept:,} chats are here already and stay as they are.")
    if restored.settings_changed:
        lines.append(f"Replaces {_count(restored.settings_changed, 'setting')}.")
    else:
        lines.append("The settings are the same.")
    lines.append(
        f"What is remembered of models: adds {restored.models_added:,}, replaces {restored.models_replaced:,}."
    )
    lines.append(f"Adds {_count(restored.runs_added, 'measured run')}.")
    return lines


def made_on(restored: Restored) -> str:
    """When the backup was made, and by which version."""
    made = datetime.datetime.fromtimestamp(restored.made)
    return f"Backup of {made.day} {made.strftime('%b %Y, %H:%M')}, written by Heft {restored.heft}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
