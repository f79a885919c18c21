"""Ollama's model store: manifests name the layers, blobs hold them.

Layout (ollama/ollama, ``types/model`` and ``server/manifest.go``): ``manifests/HOST/NAMESPACE/MODEL/TAG`` is a JSON
document with ``layers[{mediaType, digest}]``; digest ``sha256:HEX`` is the file ``blobs/sha256-HEX``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from desktop.core.cancelled import Cancelled, never
from desktop.store.found_file import FoundFile, look_at

MODEL_LAYER = "application/vnd.ollama.image.model"
PROJECTOR_LAYER = "application/vnd.ollama.image.projector"
DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
LARGEST_MANIFEST = 1 << 20  # bytes; real ones have about 1,000

_BLOB = re.compile(r"sha256-[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256[:-](?P<hex>[0-9a-f]{64})")


class _Layer(msgspec.Struct):
    media_type: str = msgspec.field(name="mediaType")
    digest: str


class _Manifest(msgspec.Struct):
    layers: list[_Layer]


def find_ollama(root: Path, cancelled: Cancelled, unreadable: list[Path]) -> Iterator[FoundFile]:
    """The model blobs that manifests below ``root`` name, with Ollama's own names for them."""

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unreadable.append(Path(error.filename))

    manifests = root / "manifests"
    for folder, folders, files in os.walk(manifests, onerror=failed):
        folders.sort()
        for file in sorted(files):
            if cancelled():
                return
            yield from _listed(root, Path(folder) / file)


def blob_names(path: Path) -> list[FoundFile]:
    """What Ollama's manifests call a blob of its store; none for any other file."""
    if path.parent.name != "blobs" or _BLOB.fullmatch(path.name) is None:
        return []
    return [found for found in find_ollama(path.parent.parent, never, []) if found.path == path]


def _listed(root: Path, manifest: Path) -> Iterator[FoundFile]:
    try:
        if manifest.stat().st_size > LARGEST_MANIFEST:
            return
        layers = msgspec.json.decode(manifest.read_bytes(), type=_Manifest).layers
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return
    projectors = tuple(path for path, _ in _blobs(root, layers, PROJECTOR_LAYER))
    for path, digest in _blobs(root, layers, MODEL_LAYER):
        found = look_at(path, "ollama")
        if found is not None:
            name = _name(manifest.relative_to(root / "manifests").parts)
            yield replace(found, digest=digest, name=name, projectors=projectors, listed_at=manifest)


def _blobs(root: Path, layers: list[_Layer], media_type: str) -> Iterator[tuple[Path, str]]:
    for layer in layers:
        # A digest is checked before it becomes part of a path: a manifest may say anything.
        match = _DIGEST.fullmatch(layer.digest)
        if layer.media_type == media_type and match:
            yield root / "blobs" / f"sha256-{match['hex']}", match["hex"]


def _name(parts: tuple[str, ...]) -> str:
    """As ``ollama list`` prints it: host and namespace only when they are not the usual ones."""
    if len(parts) < 2:
        return "/".join(parts)
    *where, tag = parts
    if where and where[0] == DEFAULT_HOST:
        where = where[1:]
        if len(where) > 1 and where[0] == DEFAULT_NAMESPACE:
            where = where[1:]
    return f"{'/'.join(where)}:{tag}"
