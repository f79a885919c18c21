"""System prompts that the user saved under a name."""

from __future__ import annotations

from desktop.core.text import encodable
from desktop.store.options import PROMPTS, SavedPrompt
from desktop.store.settings import SettingsStore

LONGEST_NAME = 80  # characters


def prompt_name(text: str) -> str:
    """A name as it is kept: one line; "" is none."""
    return encodable(" ".join(text.split()))[:LONGEST_NAME].strip()


def saved_prompts(settings: SettingsStore) -> tuple[SavedPrompt, ...]:
    """All of them, by name. Raises StoreError."""
    kept: tuple[SavedPrompt, ...] = settings.get(PROMPTS)
    return tuple(sorted(kept, key=lambda prompt: prompt.name.casefold()))


def save_prompt(settings: SettingsStore, name: str, text: str) -> tuple[SavedPrompt, ...]:
    """Keep a text under a name, in place of one of that name; returns all. Nothing for an empty name. StoreError."""
    kept = prompt_name(name)
    if kept:
        others = [known for known in settings.get(PROMPTS) if known.name != kept]
        settings.set(PROMPTS, (*others, SavedPrompt(kept, encodable(text))))
    return saved_prompts(settings)


def rename_prompt(settings: SettingsStore, name: str, to: str) -> tuple[SavedPrompt, ...]:
    """Another name for a prompt, in place of one that has it; returns all. Raises StoreError."""
    kept = prompt_name(to)
    found = next((known for known in settings.get(PROMPTS) if known.name == name), None)
    if found is not None and kept:
        others = [known for known in settings.get(PROMPTS) if known.name not in (name, kept)]
        settings.set(PROMPTS, (*others, SavedPrompt(kept, found.text)))
    return saved_prompts(settings)


def delete_prompt(settings: SettingsStore, name: str) -> tuple[SavedPrompt, ...]:
    """Forget one; returns those left. Raises StoreError."""
    settings.set(PROMPTS, tuple(known for known in settings.get(PROMPTS) if known.name != name))
    return saved_prompts(settings)
