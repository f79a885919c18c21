"""What every page and command says of the size of one file, the starter model's; and a repo that has it."""

from __future__ import annotations

from pathlib import Path

from support.hub_server import Repo
from support.hub_server_content import FileContent

PARAMETERS, BITS_PER_WEIGHT = 134_515_008, 5.744
PARAMETERS_SAID, BITS_SAID = "135 M", "5.74 bits per weight"
REPO, FILE = "me/SmolLM2-GGUF", "SmolLM2-Q4_1.gguf"


def repo_of_starter(starter_model: Path) -> Repo:
    """A repo of which the Hub says another number of parameters than its file has."""
    told = {"total": 256_000_000, "architecture": "llama", "context_length": 8192}
    return Repo(REPO, {FILE: FileContent(starter_model)}, {"tags": ["gguf"], "gguf": told, "trendingScore": 99})
