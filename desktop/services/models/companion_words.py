"""What is said of a variant's companions: names, what they are for, and what a download with them is called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from types import MappingProxyType

from desktop.core.text import visible_in_place
from desktop.core.units import human_bytes
from desktop.core.variants import Companion, CompanionKind, Variant
from desktop.core.words import tr

NAMES = MappingProxyType[CompanionKind, str]({"projector": tr("projector"), "draft": tr("draft model")})
USES = MappingProxyType[CompanionKind, str](
    {
        "projector": tr("It lets the model see pictures, or hear; it is loaded with the model."),
        "draft": tr("It guesses ahead, which can make answers faster."),
    }
)


def file_name(companion: Companion) -> str:
    """``mmproj-F16.gguf``"""
    more = tr(" and {files} more", files=len(companion.files) - 1) if len(companion.files) > 1 else ""
    return visible_in_place(PurePosixPath(companion.files[0].path).name) + more


def file_words(companion: Companion) -> str:
    """``mmproj-F16.gguf, 858.0 MB``"""
    return f"{file_name(companion)}, {human_bytes(companion.size_bytes)}"


def companion_words(companion: Companion) -> str:
    """``projector mmproj-F16.gguf, 858.0 MB``"""
    return f"{NAMES[companion.kind]} {file_words(companion)}"


def download_name(repo: str, variant: Variant, along: Iterable[CompanionKind] = ()) -> str:
    """What the list of downloads calls a variant with those of its companions that come along."""
    names = [NAMES[companion.kind] for companion in variant.companions if companion.kind in along]
    return (
        tr("{repo} {name} with {names}", repo=repo, name=variant.name, names=tr(" and ").join(names))
        if names
        else f"{repo} {variant.name}"
    )


def companion_name(repo: str, variant: Variant, kind: CompanionKind) -> str:
    """What the list of downloads calls a companion that is fetched by itself."""
    return f"{repo} {variant.name}: {NAMES[kind]}"
