"""What the GGUF files of a repo or folder are to each other: models, and the companions that are used with one.

A projector lets a model see or hear, a draft guesses ahead for it, an importance matrix was used to make it. A name
alone does not settle that (``X-MTP-Q4_K_M`` is a model with layers of its own for guessing, ``MTP/X-Q8_0-MTP`` is not
one), so folder, neighbours and sizes count too. What was read of a header goes before all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TypeVar

from desktop.core import naming
from desktop.core.naming import Role

P = TypeVar("P", bound=PurePath)

_FOLDERS: Mapping[str, Role] = {
    "mmproj": "mmproj", "imatrix": "imatrix", "mtp": "draft", "draft": "draft", "drafts": "draft", "eagle3": "draft",
    "dflash": "draft", "dspark": "draft", "assistant": "draft",
}  # fmt: skip
_HOLDERS = frozenset((*_FOLDERS, "vision", "projector", "projectors"))  # folders that a companion may lie in
# Words that drafts have in their names and models too: a draft is then known by being smaller than its model.
_MAYBE = frozenset(("mtp", "nextn", "assistant", "eagle"))
_PREFIXES = ("mtp", "eagle3", "dflash", "dspark")  # llama.cpp's (common/download.cpp)
_DRAFT_WORDS = _MAYBE | frozenset(("draft", "drafter", "eagle3", "dflash", "dspark"))
# Shares of its model's weights. MTP heads have up to a third, where they bring embeddings of their own.
_SMALLER, _AS_LARGE = 0.5, 0.8
_TELLS_NOTHING = 1 << 20  # bytes of a model below which sizes are not compared: a vocabulary alone takes more
_MATRIX_SHARE = 0.2  # of its model's bytes; an importance matrix has some hundredths
_GENERIC = frozenset(("", "model", "ggml", "gguf", "vision", "audio", "projector", "encoder", "clip"))
_SIZE = re.compile(r"[ea]?\d+(?:\.\d+)?[bm]")
# Words that name a family, by what they share: two that share nothing are not made for each other.
_FAMILIES: Mapping[str, str] = {
    "pixtral": "mistral", "ministral": "mistral", "mixtral": "mistral", "devstral": "mistral", "magistral": "mistral",
    "voxtral": "mistral", "mistral": "mistral", "medgemma": "gemma", "gemma": "gemma", "qwen": "qwen", "qwq": "qwen",
    "llama": "llama", "vicuna": "llama", "phi": "phi", "minicpm": "minicpm", "smolvlm": "smollm", "smollm": "smollm",
    "internvl": "internvl", "glm": "glm", "deepseek": "deepseek", "kimi": "kimi", "granite": "granite", "lfm": "lfm",
    "moondream": "moondream", "ultravox": "ultravox", "nemotron": "nemotron", "gpt-oss": "gpt-oss", "olmo": "olmo",
    "molmo": "olmo", "falcon": "falcon", "exaone": "exaone", "hunyuan": "hunyuan", "ernie": "ernie",
}  # fmt: skip
_FAMILY = re.compile(rf"(?:^|[^a-z])({'|'.join(map(re.escape, _FAMILIES))})(?=[^a-z]|vl|$)")


def roles_of(sizes: Mapping[P, int], told: Mapping[P, Role] | None = None) -> dict[P, Role]:
    """The role of each GGUF file of a repo or folder. ``sizes`` are bytes, 0 where they are not known; ``told`` is
    what headers said of some of them."""
    told = told or {}
    found: dict[P, Role] = {path: told.get(path) or naming.role(path.name) for path in sizes}
    sets = [paths for paths, _ in naming.join_shards(sorted(sizes))]
    asked = [paths for paths in sets if not any(path in told for path in paths)]
    for paths in asked:
        by_folder = _FOLDERS.get(paths[0].parent.name.lower())
        if by_folder in ("mmproj", "imatrix") and found[paths[0]] == "model":
            found |= dict.fromkeys(paths, by_folder)
    models = [paths for paths in sets if found[paths[0]] == "model" and not _in_draft_folder(paths[0])]
    changed: dict[P, Role] = {}
    for paths in asked:
        role, others = found[paths[0]], [other for other in models if other is not paths]
        if role == "model" and _maybe_draft(paths[0]) and _is_draft(paths, others, sizes):
            changed |= dict.fromkeys(paths, "draft")
        elif role in ("draft", "imatrix") and _too_large(role, paths, others, sizes):
            changed |= dict.fromkeys(paths, "model")
    found |= changed
    if "model" not in found.values():  # a repo of drafts: they are what it offers
        found |= {path: "model" for path, role in found.items() if role == "draft"}
    return found


def companions_for(model: PurePath, companions: Sequence[P], *, several: bool) -> tuple[P, ...]:
    """The companions that belong to a model: in its folder or the one above, and of its name.

    ``several``: other models lie there too (:func:`several_models`). Then a companion's name has to begin with the
    model's or the other way round, and one of the same name goes before such a one. Where the model is alone, all that
    do not contradict it are taken.
    """
    near = [path for path in companions if home_of(path) in (model.parent, model.parent.parent)]
    if not near:
        return ()
    own = _model_name(model)
    named = {path: _companion_name(path.name) for path in near}
    same = [path for path in near if own and named[path] == own]
    alike = same or [path for path in near if _one_begins(named[path], own)]
    if several:
        return tuple(alike)
    if not alike:
        alike = [path for path in near if named[path] and not contradict(model.name, path.name)]
    return tuple(path for path in near if path in alike or not named[path])


def several_models(files: Iterable[PurePath]) -> bool:
    """Whether model files are of several models by their names; "x" and "x-qat" count as one."""
    names = sorted({name for path in files if (name := _model_name(path))}, key=len)
    return any(not name.startswith(names[0]) for name in names)


def contradict(model: str, companion: str) -> bool:
    """Whether two names, of files or out of headers, are of different models: of families that have nothing in common,
    or of one family and different sizes."""
    ours, theirs = families(model), families(companion)
    if not ours or not theirs:
        return False
    if not ours & theirs:
        return True
    sizes, others = (_sizes(name) for name in (model, companion))
    return bool(sizes and others and not sizes & others)


def families(name: str) -> frozenset[str]:
    """The families that a name speaks of."""
    return frozenset(_FAMILIES[word] for word in _FAMILY.findall(name.lower()))


def _in_draft_folder(path: PurePath) -> bool:
    return _FOLDERS.get(path.parent.name.lower()) == "draft"


def _maybe_draft(path: PurePath) -> bool:
    return _in_draft_folder(path) or not _MAYBE.isdisjoint(naming.words(path.name))


def _is_draft(paths: Sequence[P], models: Sequence[Sequence[P]], sizes: Mapping[P, int]) -> bool:
    """Whether what may be a draft is one of a model beside it: much smaller, where sizes tell."""
    own, in_folder = _companion_name(paths[0].name), _in_draft_folder(paths[0])
    of_name = [other for other in models if own and _companion_name(other[0].name) == own]
    if not (of_name or (in_folder and models)):
        return False
    weights = max(_weights(other, sizes, least=True) for other in of_name or models)
    by_name = naming.words(paths[0].name)[-1] in _MAYBE
    if max(sum(sizes[path] for path in other) for other in of_name or models) < _TELLS_NOTHING:
        return in_folder or by_name
    share = _weights(paths, sizes, least=False) / weights
    return share < (_AS_LARGE if in_folder and by_name else _SMALLER)


def _too_large(role: Role, paths: Sequence[P], models: Sequence[Sequence[P]], sizes: Mapping[P, int]) -> bool:
    """Whether what calls itself a draft or an importance matrix is a model by its size: "dspark" and "imatrix" may also
    say how it was quantized. What begins with such a word never is, as llama.cpp has it."""
    largest = max((sum(sizes[path] for path in other) for other in models), default=0)
    if largest < _TELLS_NOTHING:
        return False
    if role == "imatrix":
        return bool(naming.label(paths[0].name)) and sum(sizes[path] for path in paths) > _MATRIX_SHARE * largest
    if naming.words(paths[0].name)[0] in _PREFIXES or _in_draft_folder(paths[0]):
        return False
    weights = max(_weights(other, sizes, least=True) for other in models)
    return _weights(paths, sizes, least=False) >= _AS_LARGE * weights


def _weights(paths: Sequence[P], sizes: Mapping[P, int], *, least: bool) -> float:
    """Roughly how many weights files hold, by their sizes and label; without one the ``least`` or the most."""
    digits = re.search(r"\d+", naming.label(paths[0].name) or naming.label(f"{paths[0].parent.name}.gguf"))
    bits = float(digits[0]) + 0.5 if digits else 16.0 if least else 4.5
    return sum(sizes[path] for path in paths) * 8 / bits


def home_of(companion: P) -> P:
    """The folder a companion belongs to: a folder named after what it holds is one within it."""
    return companion.parent.parent if companion.parent.name.lower() in _HOLDERS else companion.parent


def _companion_name(name: str) -> str:
    """The model's name in that of a companion, in small letters and without separators; "" where it has none."""
    text = re.sub(r"(?i)mmproj", " ", naming.base_name(name))
    words = [word for word in re.split(r"[-._ ]+", text.lower()) if word and word not in _DRAFT_WORDS]
    telling = [word for word in words if word not in _GENERIC and not _SIZE.fullmatch(word)]
    return "".join(words) if telling else ""


def _model_name(model: PurePath) -> str:
    """A model's name in the same writing; "" for a file that is named after its quantization alone."""
    base = naming.base_name(model.name)
    return "" if base == naming.label(model.name) else re.sub(r"[-._ ]+", "", base.lower())


def _one_begins(one: str, other: str) -> bool:
    return bool(one and other) and (one.startswith(other) or other.startswith(one))


def _sizes(name: str) -> frozenset[str]:
    return frozenset(word for word in naming.words(name) if _SIZE.fullmatch(word))
