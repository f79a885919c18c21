"""A repo's files as variants: what a person chooses between.

Shards are one variant, projectors and draft models are companions of variants, importance matrices and other files
are left out. All of it rests on names and sizes, which are labels: what a file is comes from its header, and where that
was read it decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, Protocol

from desktop.core import naming
from desktop.core.companions import companions_for, roles_of, several_models
from desktop.core.other_types import cannot_load, program_of_label
from desktop.core.quality import Kind, plain_name
from desktop.core.words import tr

CompanionKind = Literal["projector", "draft"]

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
class Companion:
    """What is used with a variant, and is downloaded only where it is wanted; ``files`` are all its shards."""

    kind: CompanionKind
    files: tuple[RepoFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class Variant:
    """One thing to download and run.

    ``name`` is the label as the uploader wrote it (``UD-Q4_K_XL``), made unique within the repo where it has to be;
    ``label`` the same without what makes it unique; ``quantization`` the label in llama.cpp's writing, "" when the name
    has none. ``files`` are in shard order. ``missing_shards`` is not 0 when the set is incomplete. ``concatenated``
    parts have to be joined before they are a GGUF file.
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
    def draft_files(self) -> tuple[RepoFile, ...]:
        """The draft to take, all its shards: of the variant's own label, else the nearest in bits, as llama.cpp takes
        it (common/download.cpp)."""
        by_path = {PurePosixPath(file.path): file for file in self.draft}
        sets = [paths for paths, _ in naming.join_shards(by_path)]
        own = _bits(self.quantization)

        def distance(paths: Sequence[PurePosixPath]) -> tuple[bool, int, int]:
            label = naming.label(paths[0].name)
            size = sum(by_path[path].size_bytes for path in paths)
            return plain_name(label) != self.quantization, abs(_bits(label) - own), size

        return tuple(by_path[path] for path in min(sets, key=distance, default=()))

    @property
    def companions(self) -> tuple[Companion, ...]:
        """What may come along with it."""
        projector = (self.projector,) if self.projector else ()
        found = (Companion("projector", projector), Companion("draft", self.draft_files))
        return tuple(companion for companion in found if companion.files)

    def files_to_fetch(self, along: Collection[CompanionKind] = ()) -> tuple[RepoFile, ...]:
        """The files of a download: its own, and those of the companions that are wanted ``along``."""
        return (*self.files, *(file for one in self.companions if one.kind in along for file in one.files))

    @property
    def first_file(self) -> RepoFile:
        """The file that holds the metadata."""
        return self.files[0]


def variants_of(files: Iterable[RepoFile], told: Mapping[str, naming.Role] | None = None) -> tuple[Variant, ...]:
    """The variants among a repo's files, smallest first. ``told`` is what headers said of files, by path."""
    by_path = {PurePosixPath(file.path): file for file in files if naming.is_model_file(PurePosixPath(file.path).name)}
    roles = roles_of(
        {path: file.size_bytes for path, file in by_path.items()},
        {PurePosixPath(path): role for path, role in (told or {}).items()},
    )
    of_role = {role: [path for path in sorted(by_path) if roles[path] == role] for role in set(roles.values())}
    models = naming.join_shards(of_role.get("model", []))
    projectors = [path for path in by_path if roles[path] == "mmproj"]  # in the repo's order
    several = several_models(paths[0] for paths, _ in models)
    found = []
    for paths, missing in models:
        found.append(
            _variant(
                tuple(by_path[path] for path in paths),
                tuple(by_path[path] for path in companions_for(paths[0], projectors, several=several)),
                tuple(by_path[path] for path in companions_for(paths[0], of_role.get("draft", []), several=several)),
                missing,
            )
        )
    return tuple(sorted(_unique(found), key=lambda variant: (variant.size_bytes, variant.name)))


def named_variants(variants: Sequence[Variant], text: str) -> tuple[Variant, ...]:
    """The variants that a person means by ``text``, wherever it is written: by name, by what the uploader calls it, by
    model and label, by its quantization. What fits more exactly goes before the rest; several are left where the text
    fits them alike, none where it fits nothing."""
    wanted = _spelt(text)
    plain = plain_name(text)
    prefixed = text.upper().startswith(("UD-", "I1-"))
    ways: tuple[Callable[[Variant], bool], ...] = (
        lambda variant: _spelt(variant.name) == wanted,
        lambda variant: _spelt(variant.label) == wanted,
        lambda variant: _spelt(naming.stem(PurePosixPath(variant.first_file.path).name)) == wanted,
        lambda variant: _spelt(f"{variant.model} {variant.label}") == wanted,
        lambda variant: not prefixed and bool(variant.quantization) and variant.quantization == plain,
    )
    for fits in ways:
        found = tuple(variant for variant in variants if fits(variant))
        if found:
            return found
    return ()


def variant_at(variants: Sequence[Variant], file: str, label: str = "") -> int:
    """The variant that a file or folder of its repo belongs to, or that a label names; -1 for none."""
    for index, variant in enumerate(variants):
        paths = [entry.path for entry in (*variant.files, *variant.mmproj, *variant.draft)]
        if file and (file in paths or any(path.startswith(f"{file.rstrip('/')}/") for path in paths)):
            return index
    named = named_variants(variants, label) if label else ()
    return variants.index(named[0]) if named else -1


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


def _bits(label: str) -> int:
    digits = re.search(r"\d+", label)
    return int(digits[0]) if digits else 0


def _spelt(text: str) -> str:
    """A name as it is compared: a person may write "x Q4_0", "X-Q4_0" or "x.q4_0"."""
    return re.sub(r"[-./ ]+", " ", text.strip().casefold())


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
        return tr(
            "{missing} of its files is missing from the repo."
            if missing == 1
            else "{missing} of its files are missing from the repo.",
            missing=missing,
        )
    if program := program_of_label(quantization):
        return cannot_load(quantization, program)
    if quantization in _REARRANGED:
        return tr("An old arrangement for ARM processors that llama.cpp no longer reads.")
    match kind:
        case "dynamic":
            return tr("Dynamic: its maker gave each layer bits of its own.")
        case "imatrix":
            return tr("Made with an importance matrix.")
        case "qat":
            return tr("Of a model trained to be quantized (QAT), which loses less.")
    return tr("An older format; newer ones lose less at its size.") if quantization in _LEGACY else ""


def _unique(variants: Sequence[Variant]) -> list[Variant]:
    """Give those that share a label the names of their models too, and then of their folders."""

    def renamed(rows: Sequence[Variant], more: Sequence[str]) -> list[Variant]:
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.name.casefold()] = counts.get(row.name.casefold(), 0) + 1
        return [
            replace(row, name=f"{extra} {row.name}")
            if counts[row.name.casefold()] > 1 and extra and extra != row.name
            else row
            for row, extra in zip(rows, more, strict=True)
        ]

    by_model = renamed(variants, [variant.model for variant in variants])
    folders = [PurePosixPath(variant.first_file.path).parent for variant in variants]
    by_folder = renamed(by_model, [str(folder) if folder.name else "" for folder in folders])
    return renamed(by_folder, [PurePosixPath(variant.first_file.path).name for variant in variants])
