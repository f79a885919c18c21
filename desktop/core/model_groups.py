"""Which variants of a repo are of one model: a repo may hold a 0.6B and a 14B, or a base model and its instruct tuning.

A file's header decides, by how the model is built and what it is called. Before a header is read, the file's path and
size say which other files it is probably one model with. Losses are comparable only within one model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import median
from typing import Literal

from desktop.core import naming
from desktop.core.gguf import Header
from desktop.core.memory.shape import ModelShape
from desktop.core.naming_parts import NameReader
from desktop.core.units import human_bytes
from desktop.core.variants import Variant

Use = Literal["chat", "other", "unsaid"]

_USES: dict[Use, tuple[str, ...]] = {
    "other": ("base", "embedding", "reranker", "guard", "adapter", "draft"),
    "chat": ("instruct", "it", "chat"),
}
_TELLING = ("family", "version", "size", "active", "tuning", "date", "context")
_HOW_IT_WAS_MADE = ("qat", "mtp", "ud", "gguf", "ggml", "model", "main", "imx")  # says nothing of which model it is
_QUANTIZED = re.compile(r"(?:i?q|tq|fp?|bf|int)\d+\w*|\d+bits?")  # labels that llama.cpp does not know: q4, fp8
_SEPARATORS = re.compile(r"[-_ ]+")
_APART = 4.0  # sizes that are so many times apart at their bits per weight are not of one model
_LONGEST_TITLE = 60
_LONGEST_NAME = 200  # characters of a name that are looked at: a header may hold a book
_USUAL_BITS = 8.0  # of a file whose name has no label


@dataclass(frozen=True)
class Identity:
    """What a header says of the model a file holds; its quantizations agree in all of it. Names are as written there,
    "" where it does not say (GGUF ``general.*``)."""

    architecture: str
    layers: int
    embedding: int
    heads: int
    feed_forward: int
    experts: int
    name: str = ""
    basename: str = ""
    size_label: str = ""
    finetune: str = ""
    version: str = ""

    @property
    def structure(self) -> tuple[str, int, int, int, int, int]:
        """How it is built."""
        return self.architecture, self.layers, self.embedding, self.heads, self.feed_forward, self.experts


def identity_of(header: Header, shape: ModelShape) -> Identity:
    """The identity in a header, of which the first 64 KB are enough."""
    return Identity(
        architecture=header.architecture,
        layers=shape.layer_count,
        embedding=shape.embedding,
        heads=max((layer.heads for layer in shape.layers), default=0),
        feed_forward=max((layer.feed_forward for layer in shape.layers), default=0),
        experts=shape.experts,
        name=header.name[:_LONGEST_NAME],
        basename=header.string("general.basename")[:_LONGEST_NAME],
        size_label=header.string("general.size_label")[:_LONGEST_NAME],
        finetune=header.string("general.finetune")[:_LONGEST_NAME],
        version=header.string("general.version")[:_LONGEST_NAME],
    )


@dataclass(frozen=True)
class NameWords:
    """The words of a name: those that are known to tell models apart, by kind and meaning, and those nobody knows."""

    telling: frozenset[tuple[str, str]] = frozenset()
    other: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.telling or self.other)

    def of(self, *kinds: str) -> frozenset[str]:
        """The words of some kinds: what they mean, so that "inst" is "instruct"."""
        return frozenset(word for kind, word in self.telling if kind in kinds)


@dataclass(frozen=True)
class Grouped:
    """One model of a repo: its variants by number, and the identity read from one of them, None before any was."""

    variants: tuple[int, ...]
    identity: Identity | None = None


class ModelGrouper:
    """Groups the variants of one repo; what names mean is worked out once."""

    def __init__(
        self, variants: Sequence[Variant], names: NameReader, bits_of: Callable[[str], float | None] = lambda _: None
    ) -> None:
        """``bits_of`` gives the bits per weight of a quantization label, None where nobody knows."""
        self.variants = tuple(variants)
        self._reader = names
        self._bits_of = bits_of
        self._known: dict[str, NameWords] = {}
        self._paths = [self._path_words(variant) for variant in self.variants]
        self.clusters = self._by_name()

    def words(self, name: str) -> NameWords:
        """The words of a name of a model, a repo or a file."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._read(name)
        return found

    def use_of(self, title: str) -> Use:
        """What a model of this name is for, as far as the name tells."""
        tuning = self.words(title).of("tuning")
        for use, names in _USES.items():
            if tuning & frozenset[str]().union(*(self.words(name).of("tuning") for name in names)):
                return use
        return "unsaid"

    def parameters_by_size(self, index: int) -> float:
        """Roughly the weights of a variant, by its size and label."""
        variant = self.variants[index]
        return variant.size_bytes * 8 / (self._bits_of(variant.quantization) or _USUAL_BITS)

    def groups(self, identities: Sequence[Identity | None], given_up: Collection[int] = ()) -> tuple[Grouped, ...]:
        """The models, in the order of their smallest variants. ``identities`` are of the headers read so far;
        ``given_up`` variants have none that could be read.

        What was not read goes to the model of its cluster that it resembles in size, what was given up to one whose
        files are named like it: a cut file has no size to go by. The rest of a cluster is a group of its own.
        """
        found = self._read_groups(identities)
        sizes = [median(self.parameters_by_size(i) for i in members) for members in found]
        near: dict[int, list[int]] = {cluster: [] for cluster in self.clusters}
        named: dict[NameWords, list[int]] = {words: [] for words in self._paths}
        for number, members in enumerate(found):
            for i in members:
                near[self.clusters[i]].append(number)
                named[self._paths[i]].append(number)
        pending: dict[int, list[int]] = {}
        unread = [index for index, identity in enumerate(identities) if identity is None]
        for index in sorted(unread, key=lambda i: (i in given_up, i)):
            cluster, words = self.clusters[index], self._paths[index]
            homes = named[words] if index in given_up else near[cluster]
            if homes:
                found[min(homes, key=lambda number: self._distance(index, sizes[number]))].append(index)
                continue
            if index in given_up:
                cluster = next((key for key, own in pending.items() if self._paths[own[0]] == words), cluster)
            pending.setdefault(cluster, []).append(index)
        made = [Grouped(tuple(sorted(members)), identities[members[0]]) for members in found]
        made += [Grouped(tuple(sorted(members))) for members in pending.values()]
        return tuple(sorted(made, key=lambda group: group.variants[0]))

    def titles(self, groups: Sequence[Grouped]) -> tuple[str, ...]:
        """What each model is called: as its header says, or its files' names where these say more; no two alike."""
        found = [self._title(group) for group in groups]
        for better in (self._path_title, self._sized_title):
            counts = Counter(title.lower() for title in found)
            pairs = zip(groups, found, strict=True)
            found = [better(group) if counts[title.lower()] > 1 else title for group, title in pairs]
        counts = Counter(title.lower() for title in found)
        return tuple(
            f"{title} ({number})" if counts[title.lower()] > 1 else title for number, title in enumerate(found, 1)
        )

    def _title(self, group: Grouped) -> str:
        from_path = self._path_title(group)
        if group.identity is None:
            return from_path
        from_header, path = self._header_title(group.identity), self._paths[group.variants[0]]
        kinds = ("size", "tuning", "version", "date", "context")
        tells = self.words(from_header).of(*kinds) >= path.of(*kinds)
        return from_header if from_header and (tells or not path) else from_path

    def _header_title(self, identity: Identity) -> str:
        """In the order of llama.cpp's naming convention: base name, size, tuning, version."""
        if not identity.basename:
            return _readable(identity.name)
        title = identity.basename
        for more in (identity.size_label, identity.finetune, identity.version):
            said = f" {_plain(title)} "
            title = title if not more or f" {_plain(more)} " in said else f"{title} {more}"
        return _readable(title)

    def _path_title(self, group: Grouped) -> str:
        path = PurePosixPath(self.variants[group.variants[0]].first_file.path)
        own = naming.base_name(path.name)
        folders = [part for part in path.parts[:-1] if not naming.label(f"{part}.gguf")]
        said = self.words(own)
        missing = [part for part in folders if not said or self.words(part).telling - said.telling]
        if not said and not missing:
            return naming.stem(path.name)
        return _readable(" ".join([*missing, own] if said else missing))

    def _sized_title(self, group: Grouped) -> str:
        smallest = self.variants[group.variants[0]]
        return f"{self._path_title(group)} ({human_bytes(smallest.size_bytes)} and up)"

    # -- by header -------------------------------------------------------------------------------

    def _read_groups(self, identities: Sequence[Identity | None]) -> list[list[int]]:
        """What was read, by model."""
        found: list[list[int]] = []
        homes: dict[tuple[Identity, NameWords], int] = {}
        for index, identity in enumerate(identities):
            if identity is None:
                continue
            signature = identity, self._paths[index]
            home = homes.get(signature)
            if home is None:
                alike = (number for other, number in homes.items() if self._one_model(signature, other))
                home = next(alike, len(found))
                if home == len(found):
                    found.append([])
                homes[signature] = home
            found[home].append(index)
        return found

    def _one_model(self, one: tuple[Identity, NameWords], other: tuple[Identity, NameWords]) -> bool:
        """Whether two read files are of one model: built alike, and neither their paths nor their headers contradict.

        A word nobody knows tells files apart only where their headers are named differently too: converters and
        uploaders write what they like.
        """
        (a, path_a), (b, path_b) = one, other
        if a.structure != b.structure:
            return False
        if path_a and path_b and path_a.telling != path_b.telling:
            return False
        if any(x and y and _plain(x) != _plain(y) for x, y in ((a.finetune, b.finetune), (a.version, b.version))):
            return False
        name_a, name_b = self.words(a.name), self.words(b.name)
        for kind in ("tuning", "date"):
            if name_a.of(kind) and name_b.of(kind) and name_a.of(kind) != name_b.of(kind):
                return False
        if path_a and path_a == path_b:
            return True
        if a.name and b.name:
            return name_a == name_b
        return path_a.other <= path_b.other or path_b.other <= path_a.other

    # -- by name and size ------------------------------------------------------------------------

    def _by_name(self) -> tuple[int, ...]:
        """A number per variant, the same for those that are probably of one model."""
        alike: dict[NameWords, list[int]] = {}
        for index, words in enumerate(self._paths):
            alike.setdefault(words, []).append(index)
        numbers = [0] * len(self.variants)
        count = 0
        for members in alike.values():
            for part in self._by_size(members):
                for index in part:
                    numbers[index] = count
                count += 1
        return tuple(numbers)

    def _by_size(self, members: Sequence[int]) -> list[list[int]]:
        """Those of one name, apart where their sizes cannot be those of one model. What is incomplete or has no label
        is put beside what it is nearest to."""
        sized = [i for i in members if self._bits_of(self.variants[i].quantization) and self._whole(i)]
        sized.sort(key=self.parameters_by_size)
        parts: list[list[int]] = []
        for index in sized:
            if parts and self.parameters_by_size(index) <= _APART * self.parameters_by_size(parts[-1][-1]):
                parts[-1].append(index)
            else:
                parts.append([index])
        left = [i for i in members if i not in sized]
        if not parts:
            return [left]
        for index in left:
            min(parts, key=lambda part: self._distance(index, self.parameters_by_size(part[0]))).append(index)
        return parts

    def _whole(self, index: int) -> bool:
        return not self.variants[index].missing_shards and self.variants[index].size_bytes > 0

    def _distance(self, index: int, parameters: float) -> float:
        return abs(math.log(max(1.0, self.parameters_by_size(index)) / max(1.0, parameters)))

    # -- words -----------------------------------------------------------------------------------

    def _path_words(self, variant: Variant) -> NameWords:
        """Of the file's name and of the folders above it; folders named after a quantization say nothing."""
        path = PurePosixPath(variant.first_file.path)
        own = self.words(naming.base_name(path.name))
        folders = [self.words(part) for part in path.parts[:-1] if not naming.label(f"{part}.gguf")]
        telling = own.telling.union(*(words.telling for words in folders))
        other = own.other if own else frozenset[str]().union(*(words.other for words in folders))
        return NameWords(telling, other)

    def _read(self, name: str) -> NameWords:
        telling: set[tuple[str, str]] = set()
        other: set[str] = set()
        for part in self._reader.explain(name.replace("/", " ")):
            if part.kind in _TELLING and part.text.lower() not in _HOW_IT_WAS_MADE:
                meaning = part.words if part.kind in ("family", "tuning") else part.text.lower().lstrip("v")
                telling.add((part.kind, meaning))
            elif part.kind == "name":
                other.update(word for word in _SEPARATORS.split(part.text.lower()) if not _noise(word))
        longer = {word for word in other if len(word) > 1}  # of "Foo-Q4_K_P" a P is left over
        return NameWords(frozenset(telling), frozenset(longer if longer or telling else other))


def _noise(word: str) -> bool:
    return not word or word in _HOW_IT_WAS_MADE or _QUANTIZED.fullmatch(word) is not None


def _readable(name: str) -> str:
    """A name as people write it: without the separators of file names, and of a length that can be shown."""
    text = _SEPARATORS.sub(" ", name.replace("/", " ")).strip()
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _plain(text: str) -> str:
    return _SEPARATORS.sub(" ", text).strip().lower()
