"""The pages of the settings; ``desktop.core.failures`` says which of them a failure sends a person to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from desktop.core.words import tr

SettingsPage = Literal[
    "general", "models", "engine", "serve", "endpoints", "workers", "tools", "hub", "network", "data", "about"
]

PAGES: Mapping[SettingsPage, str] = {
    "general": tr("General"),
    "models": tr("Models"),
    "engine": tr("Engine"),
    "serve": tr("Serve"),
    "endpoints": tr("Other servers"),
    "workers": tr("Other computers"),
    "tools": tr("Tools"),
    "hub": tr("Hub"),
    "network": tr("Network"),
    "data": tr("Data"),
    "about": tr("About Heft"),
}
