"""A repo's files as variants: what a person chooses between.

Shards are one variant, projectors and draft models belong to variants, importance matrices and other files are
left out. All of it rests on names, which are labels: what a file is comes from its header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Protocol

from desktop.core import naming
from desktop.core.other_types import cannot_load, program_of_label
from desktop.core.quality import Kind, plain_name

_LEGACY = ("Q4_0", "Q4_1", "Q5_0", "Q5_1")
_REARRANGED = ("Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8")
_QAT = re.compile(r"(?i)(^|[-._ ])qat($|[-._ ])")


class RepoFile(Protocol):
    """What is needed to know of a file of a repo; ``sha256`` is "" when the Hub does not tell."""

    @property
    def path(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True)
class Variant:
    """One thing to download and run.

    ``name`` is the label as the uploader wrote it (``UD-Q4_K_XL``), made unique within the repo where it has to be;
    ``label`` the same without what makes it unique; ``quantization`` the label in llama.cpp's writing, "" when the name
    has none. ``files`` are in shard order. ``download_bytes`` counts ``files`` and the smallest projector; draft models
    are extra. ``missing_shards`` is not 0 when the set is incomplete. ``concatenated`` parts have to be joined before
    they are a GGUF file.
    """

    name: str
    quantization: str
    files: tuple[RepoFile, ...]
    mmproj: tuple[RepoFile, ...] = ()
    draft: tuple[RepoFile, ...] = ()
    kind: Kind = "plain"
    legacy: bool = False
    note: str = ""
    model: str = ""
    label: str = ""
    missing_shards: int = 0
    concatenated: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes of the model's own files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def unreadable(self) -> bool:
        """Whether llama.cpp cannot load its tensor types: they were removed, or are another program's."""
        return self.quantization in _REARRANGED or bool(self.other_program)

    @property
    def other_program(self) -> str:
        """The program whose own quantization this is by its name; "" for llama.cpp's."""
        return program_of_label(self.quantization)

    def with_quantization(self, quantization: str, note: str = "") -> Variant:
        """The same variant in the quantization that its header tells; ``note`` goes before its own."""
        if quantization == self.quantization and not note:
            return self
        legacy = quantization in (*_LEGACY, *_REARRANGED) and self.kind != "qat"
        return replace(self, quantization=quantization, legacy=legacy, note=note or self.note)

    @property
    def projector(self) -> RepoFile | None:
        """The projector to take: the smallest, since their types differ little in quality."""
        return min(self.mmproj, key=lambda file: file.size_bytes, default=None)

    @property
    def download_bytes(self) -> int:
        return self.size_bytes + (self.projector.size_bytes if self.projector else 0)

    @property
    def first_file(self) -> RepoFile:
        """The file that holds the metadata."""
        return self.files[0]


def variants_of(files: Iterable[RepoFile]) -> tuple[Variant, ...]:
    """The variants among a repo's files, smallest first."""
    by_path = {PurePosixPath(file.path): file for file in files if naming.is_model_file(PurePosixPath(file.path).name)}
    roles: dict[naming.Role, list[PurePosixPath]] = {"model": [], "mmproj": [], "imatrix": [], "draft": []}
    for path in by_path:
        roles[_role(path)].append(path)
    models = naming.join_shards(sorted(roles["model"]))
    names = {naming.base_name(paths[0].name).lower() for paths, _ in models}
    drafts = [paths for paths, _ in naming.join_shards(sorted(roles["draft"]))]
    found = []
    for paths, missing in models:
        projectors = naming.projectors_for(paths[0], roles["mmproj"], len(names))
        beside = [draft for draft in drafts if draft[0].parent in (paths[0].parent, paths[0].parent.parent)]
        found.append(
            _variant(
                tuple(by_path[path] for path in paths),
                tuple(by_path[path] for path in projectors),
                tuple(by_path[path] for draft in beside for path in draft),
                missing,
            )
        )
    return tuple(sorted(_unique(found), key=lambda variant: (variant.size_bytes, variant.name)))


def variant_at(variants: Sequence[Variant], file: str, label: str = "") -> int:
    """The variant that a file or folder of its repo belongs to, or that a label names; -1 for none."""
    for index, variant in enumerate(variants):
        paths = [entry.path for entry in (*variant.files, *variant.mmproj)]
        if file and (file in paths or any(path.startswith(f"{file.rstrip('/')}/") for path in paths)):
            return index
        if label and label.casefold() in (variant.name.casefold(), variant.quantization.casefold()):
            return index
    return -1


def kind_of(path: str) -> Kind:
    """How the file was quantized, as far as its path tells."""
    name = PurePosixPath(path).name
    label = naming.label(name).upper()
    if _QAT.search(naming.base_name(name)):
        return "qat"
    if label.startswith("UD-"):
        return "dynamic"
    if label.startswith("I1-") or re.search(r"(?i)(^|[-._])(imat|imatrix)([-._]|$)", name):
        return "imatrix"
    return "plain"


def _role(path: PurePosixPath) -> naming.Role:
    own = naming.role(path.name)
    if own == "model" and path.parent.name.lower() in ("mmproj", "imatrix"):
        return "mmproj" if path.parent.name.lower() == "mmproj" else "imatrix"
    return own


def _variant(
    files: tuple[RepoFile, ...], mmproj: tuple[RepoFile, ...], draft: tuple[RepoFile, ...], missing: int
) -> Variant:
    path = PurePosixPath(files[0].path)
    label = naming.label(path.name) or naming.label(f"{path.parent.name}.gguf")
    quantization = plain_name(label)
    kind = kind_of(files[0].path)
    found = naming.shard(path.name)
    return Variant(
        name=label or naming.stem(path.name),
        quantization=quantization,
        files=files,
        mmproj=mmproj,
        draft=draft,
        kind=kind,
        legacy=quantization in (*_LEGACY, *_REARRANGED) and kind != "qat",
        note=_note(kind, quantization, missing),
        model=naming.base_name(path.name),
        label=label or naming.stem(path.name),
        missing_shards=missing,
        concatenated=found is not None and found.concatenated,
    )


def _note(kind: Kind, quantization: str, missing: int) -> str:
    """What a person should know before choosing it; one sentence, or none."""
    if missing:
        return f"{missing} of its files {'is' if missing == 1 else 'are'} missing from the repo."
    if program := program_of_label(quantization):
        return cannot_load(quantization, program)
    if quantization in _REARRANGED:
        return "An old arrangement for ARM processors that llama.cpp no longer reads."
    match kind:
        case "dynamic":
            return "Dynamic: its maker gave each layer bits of its own."
        case "imatrix":
            return "Made with an importance matrix."
        case "qat":
            return "Of a model trained to be quantized (QAT), which loses less."
    return "An older format; newer ones lose less at its size." if quantization in _LEGACY else ""


def _unique(variants: Sequence[Variant]) -> list[Variant]:
    """Give those that share a label the names of their models too, and then of their folders."""

    def renamed(rows: Sequence[Variant], more: Sequence[str]) -> list[Variant]:
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.name] = counts.get(row.name, 0) + 1
        return [
            replace(row, name=f"{extra} {row.name}") if counts[row.name] > 1 and extra and extra != row.name else row
            for row, extra in zip(rows, more, strict=True)
        ]

    by_model = renamed(variants, [variant.model for variant in variants])
    folders = [str(PurePosixPath(variant.first_file.path).parent) for variant in variants]
    return renamed(by_model, folders)
