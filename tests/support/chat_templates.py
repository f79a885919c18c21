"""Chat templates that llama.cpp published, and what a prompt made by one is read as."""

from __future__ import annotations

import os
from pathlib import Path


def template_files() -> list[Path]:
    """Every template of the test data (packaging/test.sh); none where there is no test data."""
    default = Path.home() / ".cache" / "heft" / "test-data" / "models"
    return sorted((Path(os.environ.get("HEFT_TEST_MODELS") or default) / "templates").glob("*.jinja"))
