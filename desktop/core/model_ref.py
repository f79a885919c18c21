"""Which model is meant: its files, and a name that stays the same wherever it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.endpoint_model import EndpointModel, endpoint_model
from desktop.core.hub_address import PREFIX

_CACHED = "models--"  # huggingface_hub's cache: models--OWNER--NAME/snapshots/COMMIT/FILE


@dataclass(frozen=True)
class ModelRef:
    """One model that can be loaded, or could be once it is downloaded.

    ``identity`` names it across restarts and downloads: ``hf:OWNER/REPO/FILE``, an absolute path, or
    ``endpoint:NAME/MODEL`` for one of another server; what is remembered of a model is kept under it. ``files`` are
    those on this computer, the one to load first; none before a download, and none of another server's.
    """

    name: str
    identity: str
    files: tuple[Path, ...] = ()

    @property
    def path(self) -> Path | None:
        """The file that the engine loads; None where it is not on this computer."""
        return self.files[0] if self.files else None

    @property
    def elsewhere(self) -> EndpointModel | None:
        """The model of another server that this is; None for one that is loaded here."""
        return endpoint_model(self.identity)


def identities(ref: ModelRef, origin: Callable[[Path], str]) -> tuple[str, ...]:
    """A model's names: its own, and that on the Hub of one that was downloaded to a place of its own (``origin``)."""
    found = origin(ref.path) if ref.path is not None else ""
    return (ref.identity, found) if found and found != ref.identity else (ref.identity,)


def hub_identity(repo: str, path: str) -> str:
    """The identity of a file of a repo, the same for every revision."""
    return f"{PREFIX}{repo}/{path}"


def identity_of(path: Path) -> str:
    """The identity of a file on this computer: the Hub's where it lies in the Hugging Face cache, else its path."""
    absolute = path.expanduser().absolute()
    parts = absolute.parts
    for at, part in enumerate(parts):
        if part.startswith(_CACHED) and len(parts) > at + 3 and parts[at + 1] == "snapshots":
            return hub_identity(part.removeprefix(_CACHED).replace("--", "/", 1), "/".join(parts[at + 3 :]))
    return str(absolute)


def local_ref(path: Path, name: str = "", files: tuple[Path, ...] = ()) -> ModelRef:
    """A model file of this computer; ``files`` are all of a split one."""
    absolute = path.expanduser().absolute()
    return ModelRef(name or path.stem, identity_of(absolute), files or (absolute,))
