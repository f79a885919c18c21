"""Sampling presets: those that come with Heft, with their sources, and those the user saved."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.words import tr
from desktop.store.options import PRESETS, Preset
from desktop.store.settings import SettingsStore
from desktop.system.packaged import read_text


@dataclass(frozen=True)
class ListedPreset:
    """A preset as the chat offers it. ``reason`` says when to take it, ``source`` where its numbers come from."""

    preset: Preset
    reason: str
    source: str
    own: bool


def built_in_presets() -> tuple[ListedPreset, ...]:
    """The presets of resources/data/presets.toml; the first is the default."""
    import tomllib  # only when the presets are asked for

    document = tomllib.loads(read_text("data", "presets.toml"))
    return tuple(
        ListedPreset(Preset(row["name"], sampling=row["sampling"]), row["reason"], row["source"], own=False)
        for row in document["preset"]
    )


def own_preset(preset: Preset) -> ListedPreset:
    """One the user saved."""
    return ListedPreset(preset, tr("Saved by you."), tr("your settings"), own=True)


def all_presets(settings: SettingsStore) -> tuple[ListedPreset, ...]:
    """Built-in ones first, then the user's. Raises StoreError when the settings cannot be read."""
    own = settings.get(PRESETS)
    return (*built_in_presets(), *map(own_preset, own))


def save_preset(settings: SettingsStore, preset: Preset) -> tuple[ListedPreset, ...]:
    """Keep a preset under its name, in place of an own one of that name; returns all. Raises StoreError."""
    others = tuple(known for known in settings.get(PRESETS) if known.name != preset.name)
    settings.set(PRESETS, (*others, preset))
    return all_presets(settings)


def delete_preset(settings: SettingsStore, name: str) -> tuple[ListedPreset, ...]:
    """Forget one of the user's presets; returns those left. Raises StoreError."""
    settings.set(PRESETS, tuple(known for known in settings.get(PRESETS) if known.name != name))
    return all_presets(settings)
