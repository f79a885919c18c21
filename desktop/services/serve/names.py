"""The library's models under the names that clients use: readable, unique, and the same after a restart.

A name is short as long as nothing else could be meant (``qwen3-8b``); where several models share it, the quantization
is part of it (``qwen3-8b-q4_k_m``). Who was first keeps the short one, so that a download takes no client's model away.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from desktop.core import naming
from desktop.core.hub_address import PREFIX
from desktop.core.model_kind import ModelKind
from desktop.services.planning.projectors import best_of
from desktop.services.serve.api import ServedModel
from desktop.store.library import LibraryModel

SERVED_KINDS = (ModelKind.CHAT, ModelKind.BASE, ModelKind.UNKNOWN, ModelKind.EMBEDDING, ModelKind.RERANKER)
_LATEST = ":latest"  # what Ollama takes a name without a tag for
_STARTER = "starter"
_HOST = "hf.co/"  # Ollama's names of what it fetched from the Hub
_OTHER = re.compile(r"[^a-z0-9._]+")
_LONGEST = 80  # characters; a name is typed and read
_DIGEST = 6  # characters of an identity's hash, where nothing else tells two models apart


def can_be_served(model: LibraryModel) -> bool:
    """Whether the engine can load it for one of the purposes that clients have."""
    return model.kind in SERVED_KINDS and model.fault is None and not model.problem


def served_models(models: Sequence[LibraryModel], given: Mapping[str, str] | None = None) -> tuple[ServedModel, ...]:
    """Those that can be served, by name. ``given`` are the names that models had before, by their identity."""
    served = sorted(filter(can_be_served, models), key=lambda model: model.id)
    names = _names(served, given or {})
    aliases = _aliases(served, names)
    made = (_served(model, name, also) for model, name, also in zip(served, names, aliases, strict=True))
    return tuple(sorted(made, key=lambda model: model.name))


class Names:
    """Which model a client's name means: its name or an alias in full, in any letter case, and never a guess."""

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = tuple(models)
        self._found = {key(called): model for model in models for called in (*model.aliases, model.name)}

    def models(self) -> tuple[ServedModel, ...]:
        """All of them."""
        return self._models

    def find(self, name: str) -> ServedModel | None:
        """The model; None where no model is called so."""
        wanted = key(name)
        return self._found.get(wanted) or self._found.get(wanted.removesuffix(_LATEST))


def key(name: str) -> str:
    """What two names that mean the same have in common."""
    return name.strip().casefold()


def _names(models: Sequence[LibraryModel], given: Mapping[str, str]) -> list[str]:
    """One for each: the one it had, else the shortest that is free and that no other model has an equal claim to."""
    kept = Counter(given[model.ref.identity] for model in models if model.ref.identity in given)
    taken = {name for name, count in kept.items() if count == 1}
    claims = Counter(short for model in models for short in set(_candidates(model)))
    found = []
    for model in models:
        before = given.get(model.ref.identity, "")
        if before not in taken:
            wished = tuple(_candidates(model))
            free = (name for name in wished if name not in taken and claims[name] == 1)
            before = next(free, f"{wished[-1]}-{_digest(model)}")
            taken.add(before)
        found.append(before)
    return found


def _candidates(model: LibraryModel) -> Iterator[str]:
    """From short to long; the last one has all that is known."""
    base, quantization = _parts(model)
    yield base
    if quantization:
        yield f"{base}-{quantization}"
    repo = _repo(model) or model.apart
    for more in (repo.partition("/")[0], repo):
        whole = "-".join(filter(None, (base, quantization, _slug(more))))
        yield whole[:_LONGEST].strip("-._")


def _parts(model: LibraryModel) -> tuple[str, str]:
    """The short name and the quantization."""
    called, _, tag = PurePath(model.name).name.removesuffix(_LATEST).partition(":")
    label = naming.label(tag) or naming.label(called) or model.quantization
    base = _slug(naming.base_name(f"{called}.gguf")) or _slug(called) or "model"
    base = re.sub(r"[-._]gguf$", "", base)
    if tag and not naming.label(tag):  # Ollama's tags are sizes, mostly
        base = f"{base}-{_slug(tag)}"
    return base[:_LONGEST].strip("-._"), _slug(label)


def _slug(text: str) -> str:
    return _OTHER.sub("-", text.casefold()).strip("-._")


def _digest(model: LibraryModel) -> str:
    return hashlib.sha256(model.ref.identity.encode("utf-8", "replace")).hexdigest()[:_DIGEST]


def _repo(model: LibraryModel) -> str:
    """OWNER/REPO of a file that lies in the Hub's cache."""
    identity = model.ref.identity
    return "/".join(identity.removeprefix(PREFIX).split("/")[:2]) if identity.startswith(PREFIX) else ""


def _aliases(models: Sequence[LibraryModel], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Further names of each, without those that two have, or that are another one's name."""
    wished = [tuple(dict.fromkeys(_wished(model, name))) for model, name in zip(models, names, strict=True)]
    own = {key(name) for name in names}
    claims = Counter(claim for alias in wished for claim in {key(called) for called in alias})
    found = []
    for alias in wished:
        seen: dict[str, str] = {}
        for called in alias:
            if claims[key(called)] == 1 and key(called) not in own:
                seen.setdefault(key(called), called)
        found.append(tuple(seen.values()))
    return found


def _wished(model: LibraryModel, name: str) -> Iterator[str]:
    base, quantization = _parts(model)
    yield from (base, f"{base}-{quantization}" if quantization else base)
    if quantization:
        yield from (f"{base}:{quantization}", f"{name}:{quantization}")
    yield from (naming.stem(model.path.name), model.path.name, model.title, model.name)
    yield from (called.removesuffix(_LATEST) for called in model.names)
    if repo := _repo(model):
        yield from (repo, _HOST + repo, model.ref.identity, model.ref.identity.removeprefix(PREFIX))
        if quantization:
            yield from (f"{repo}:{quantization}", f"{_HOST}{repo}:{quantization}")
    if model.source == _STARTER:
        yield _STARTER


def _served(model: LibraryModel, name: str, aliases: tuple[str, ...]) -> ServedModel:
    projector = best_of(model.mmproj) if model.kind.writes_text else None
    return ServedModel(
        name=name,
        ref=model.ref,
        kind=model.kind,
        aliases=aliases,
        quantization=model.quantization,
        architecture=model.architecture,
        parameters=model.parameters,
        size_bytes=model.size_bytes,
        context_length=model.context_length or 0,
        modified=int(model.modified),
        media=projector.media if projector is not None else (),
    )
