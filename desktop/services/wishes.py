"""What the user's settings say to those who make services, asked anew each time: a change counts at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from desktop.core.reserves import Reserves
from desktop.services.members import Members
from desktop.store import options

if TYPE_CHECKING:
    from desktop.services.made_once import made_once
    from desktop.store.settings import SettingsStore


class Wishes(Members):
    """Read from the member ``settings``."""

    settings: made_once[SettingsStore]

    def reserves(self) -> Reserves:
        """The memory that the user wants kept free."""
        return Reserves(self.settings.get(options.RAM_RESERVE), self.settings.get(options.GPU_RESERVE))

    def threads(self) -> int:
        """To compute with; 0 is for Heft to decide."""
        return self.settings.get(options.THREADS)

    def idle_seconds(self) -> float:
        """After which a model that nobody uses is let go; 0 for never."""
        return 0.0 if (minutes := self.settings.get(options.IDLE_MINUTES)) == "never" else 60.0 * int(minutes)

    def served_idle_seconds(self) -> float:
        """After which a model that other programs used, and use no more, is let go; 0 for never."""
        minutes = self.settings.get(options.SERVE_IDLE_MINUTES)
        return 0.0 if minutes == "never" else 60.0 * int(minutes)

    def hub_endpoint(self) -> str:
        """The Hub's address where a person named one; "" for huggingface_hub's own, which follows HF_ENDPOINT."""
        return "" if os.environ.get("HF_ENDPOINT") else self.settings.get(options.HUB_ENDPOINT)
