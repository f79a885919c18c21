"""The pages of the settings, and which of them a failure sends a person to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

SettingsPage = Literal["general", "models", "engine", "hub", "network", "data", "about"]

PAGES: Mapping[SettingsPage, str] = {
    "general": "General",
    "models": "Models",
    "engine": "Engine",
    "hub": "Hub",
    "network": "Network",
    "data": "Data",
    "about": "About Heft",
}

# By the kind of a HeftError. One whose hint depends on more than its kind names its page itself.
PAGE_OF_KIND: Mapping[str, SettingsPage] = {
    "token-missing": "hub",
    "token-wrong": "hub",
    "gated-no-token": "hub",
    "no-keyring": "hub",
    "bad-endpoint": "hub",
    "redirects": "hub",
    "offline-mode": "hub",
    "proxy": "network",
    "not-writable": "models",
    "too-large": "models",
    "disk-full": "data",
    "unwritable": "data",
    "unsupported-cpu": "about",
}
