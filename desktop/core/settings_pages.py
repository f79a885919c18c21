"""The pages of the settings; ``desktop.core.failures`` says which of them a failure sends a person to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

SettingsPage = Literal[
    "general", "models", "engine", "serve", "endpoints", "workers", "tools", "hub", "network", "data", "about"
]

PAGES: Mapping[SettingsPage, str] = {
    "general": "General",
    "models": "Models",
    "engine": "Engine",
    "serve": "Serve",
    "endpoints": "Other servers",
    "workers": "Other computers",
    "tools": "Tools",
    "hub": "Hub",
    "network": "Network",
    "data": "Data",
    "about": "About Heft",
}
