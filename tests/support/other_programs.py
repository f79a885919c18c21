"""Other people's programs, each installed in a folder of its own, run against a door."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.lending import KEY

from desktop.services.serve.door.door import Door

PROGRAMS = Path(__file__).parents[1] / "clients" / "programs"
_SECONDS = 240


@dataclass(frozen=True)
class Package:
    """One that is installed in a folder of its own."""

    folder: Path
    home: Path

    def python(self, program: str, door: Door, model: str) -> dict[str, Any]:
        """What a program of this folder prints."""
        return self._printed([sys.executable, str(PROGRAMS / program)], door, model)

    def node(self, program: str, door: Door, model: str) -> dict[str, Any]:
        """The same with Node.js, whose modules are looked for beside the program."""
        place = self.folder / program
        shutil.copy(PROGRAMS / program, place)
        return self._printed(["node", str(place)], door, model)

    def run(
        self, command: list[str], folder: Path, environment: Mapping[str, str], seconds: float = _SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """A command in a folder, with a home of its own."""
        found = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb", "LANG": "C.UTF-8", **environment}
        return subprocess.run(
            command, cwd=folder, env=found, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL
        )

    def _printed(self, command: list[str], door: Door, model: str) -> dict[str, Any]:
        told = {"HEFT_URL": door.address, "HEFT_KEY": KEY, "HEFT_MODEL": model, "PYTHONPATH": str(self.folder)}
        done = self.run(command, self.home, told)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
