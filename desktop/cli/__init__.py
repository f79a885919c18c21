"""Floor 5: the headless twin. Every pane of the window has a command here, with ``--json``."""

from desktop.cli.main import main

__all__ = ["main"]
