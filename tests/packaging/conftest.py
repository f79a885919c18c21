"""Modules of packaging/ are scripts beside each other; the last place on the path lets tests import them by name."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "packaging"))
