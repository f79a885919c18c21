"""A model of the Hub as its makers published it, to be converted here: which of its files, and where they go."""

from __future__ import annotations

import re
from pathlib import Path

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.placement import inside
from desktop.hub.records import RepoFiles, RepoSummary
from desktop.services.lab.model_folder import Outlook, outlook_of
from desktop.store.paths import Paths

_WEIGHTS = re.compile(r"model[^/]*\.safetensors")
_BESIDE = re.compile(r"[^/]+\.(json|txt|jinja|model)|README\.md")  # configuration, tokenizer, chat template, card
_WEIGHT_BYTES = 2  # of a weight in F16 or BF16, as nearly all are published
FORMAT = "safetensors"  # the Hub's word for repos that may be converted


def original_folder(paths: Paths, repo: str) -> Path:
    """Where the files of a repo go. Raises HubError for a name that leads elsewhere."""
    return paths.data / "originals" / inside(repo)


def original_files(repo: RepoFiles) -> tuple[list[str], int]:
    """The files that the converter reads, and the bytes of the weights. Raises HeftError where there are none."""
    weights = [file for file in repo.files if _WEIGHTS.fullmatch(file.path)]
    beside = [file.path for file in repo.files if _BESIDE.fullmatch(file.path)]
    if not weights or "config.json" not in beside:
        raise HeftError(
            tr("{id} has no safetensors with a config.json that could be converted.", id=repo.id),
            tr("Look for a GGUF version of it: heft search"),
            kind=FailureKind.BAD_FILE,
        )
    return [*beside, *(file.path for file in weights)], sum(file.size_bytes for file in weights)


def outlook_of_repo(repo: RepoSummary) -> Outlook | None:
    """What converting a repo takes, by the number of its weights; None where it is none to convert, or nobody says."""
    if not repo.formats or repo.formats[0] != FORMAT or not repo.parameters:
        return None
    return outlook_of(repo.parameters, repo.parameters * _WEIGHT_BYTES)
