"""Models of the same name: what tells each from the others, in one word, the same wherever models are listed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from desktop.core.hub_address import PREFIX
from desktop.core.text import visible_in_place
from desktop.store.library import LibraryModel


def told_apart(models: Iterable[LibraryModel]) -> tuple[LibraryModel, ...]:
    """The models in their order; those that share a name say by ``apart`` which of them they are."""
    found = list(models)
    same: defaultdict[str, list[int]] = defaultdict(list)
    for at, model in enumerate(found):
        same[model.name.casefold()].append(at)
    for places in same.values():
        if len(places) > 1:
            for at, word in zip(places, _words([found[at] for at in places]), strict=True):
                found[at] = replace(found[at], apart=visible_in_place(word))
    return tuple(found)


def _words(models: Sequence[LibraryModel]) -> list[str]:
    """A word for each: the nearest of its places that no other has, else its folder, else all of its path."""
    places = [_places(model) for model in models]
    having = Counter(place for theirs in places for place in {place.casefold() for place in theirs})
    chosen = [next((place for place in mine if having[place.casefold()] == 1), mine[0]) for mine in places]
    if len({word.casefold() for word in chosen}) < len(chosen):
        return [str(model.path) for model in models]
    return chosen


def _revision(path: Path) -> list[str]:
    """The revision of a file in the Hub's cache, as the Hub's pages shorten it."""
    parts = path.absolute().parts
    return [f"revision {parts[parts.index('snapshots') + 1][:7]}"] if "snapshots" in parts[:-2] else []


def _places(model: LibraryModel) -> list[str]:
    """Where a model lies, nearest first: folders up to the root; in the Hub's cache the repo and its owner."""
    identity = model.ref.identity
    if identity.startswith(PREFIX):
        owner, repo, *_ = identity.removeprefix(PREFIX).split("/")
        return [repo, owner, *_revision(model.path)]
    folders = [folder.name for folder in model.path.parents if folder.name] or [str(model.path.parent)]
    return ["in pieces", *folders] if model.fault is not None and model.fault.joins else folders
