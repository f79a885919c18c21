"""Saved system prompts: kept by name, over a restart, each once."""

from __future__ import annotations

from desktop.services.chat.prompts import delete_prompt, rename_prompt, save_prompt, saved_prompts
from desktop.store.options import SavedPrompt
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


def test_prompts_are_saved_changed_renamed_and_deleted(paths: Paths) -> None:
    settings = SettingsStore(paths.settings)
    assert saved_prompts(settings) == ()
    save_prompt(settings, "  zoo \n keeper ", "You keep a zoo. 🦁")
    save_prompt(settings, "Brief", "Be brief.")
    assert saved_prompts(SettingsStore(paths.settings)) == (
        SavedPrompt("Brief", "Be brief."),
        SavedPrompt("zoo keeper", "You keep a zoo. 🦁"),
    )
    assert save_prompt(settings, "Brief", "Shorter.")[0] == SavedPrompt("Brief", "Shorter.")
    assert [prompt.name for prompt in rename_prompt(settings, "zoo keeper", "Brief")] == ["Brief"]
    assert saved_prompts(settings)[0].text == "You keep a zoo. 🦁"
    assert rename_prompt(settings, "nothing", "x") == rename_prompt(settings, "Brief", "  ") == saved_prompts(settings)
    assert save_prompt(settings, " ", "no name") == saved_prompts(settings)
    assert delete_prompt(settings, "Brief") == ()
