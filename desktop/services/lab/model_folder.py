"""A folder of safetensors as a model's makers publish it: whether it can be converted, and what that comes to."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from desktop.core.conversion import (
    ConvertType,
    conversion_seconds,
    converted_bytes,
    quantized_bytes,
    quantizing_seconds,
    type_of,
)
from desktop.core.errors import FileFormatError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.formats import FolderFile, recognise_folder
from desktop.core.formats.safetensors import read_content
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.store.format_catalog import format_catalog
from desktop.store.gguf_files import FileSource

CONVERTIBLE = frozenset({"hf-transformers", "fp8"})  # ids of core.formats whose folders the converter takes
_SNAPSHOTS = "snapshots"  # of the Hub's cache: models--OWNER--NAME/snapshots/COMMIT
_MOST_FILES = 2000


@dataclass(frozen=True)
class Outlook:
    """What converting and then quantizing comes to, in bytes and seconds, about; ``read_bytes`` are the weights'."""

    read_bytes: int
    converted_bytes: int
    quantized_bytes: int

    @property
    def disk_bytes(self) -> int:
        """Of both files that are made."""
        return self.converted_bytes + self.quantized_bytes

    @property
    def seconds(self) -> float:
        """Of both steps."""
        converting = conversion_seconds(self.read_bytes, self.converted_bytes)
        return converting + quantizing_seconds(self.converted_bytes, self.quantized_bytes)


@dataclass(frozen=True)
class ModelFolder:
    """``tensors`` are shape and type of each; ``natural`` is the 16-bit type that loses nothing."""

    path: Path
    name: str
    files: tuple[Path, ...]
    tensors: tuple[tuple[tuple[int, ...], str], ...]
    read_bytes: int

    @property
    def natural(self) -> ConvertType:
        return type_of(self.tensors)

    def bytes_in(self, kind: ConvertType) -> int:
        """Of the GGUF in a type, about: the vocabulary is as large as the tokenizer's file."""
        tokenizer = self.path / "tokenizer.json"
        vocabulary = tokenizer.stat().st_size if tokenizer.is_file() else 0
        return converted_bytes(self.tensors, kind) + vocabulary

    @property
    def outlook(self) -> Outlook:
        """Of this folder."""
        weights = sum(math.prod(shape) for shape, _ in self.tensors)
        return Outlook(self.read_bytes, self.bytes_in(self.natural), quantized_bytes(weights))


def outlook_of(weights: int, read_bytes: int = 0) -> Outlook:
    """Of a model of so many ``weights``, in two bytes each where nothing says more."""
    return Outlook(read_bytes or 2 * weights, 2 * weights, quantized_bytes(weights))


def read_folder(path: Path) -> ModelFolder:
    """What a folder holds, or that of one of its files, by the headers of its weights. Raises HeftError where it cannot
    be converted, in words."""
    place = path.expanduser().absolute()
    if place.suffix == ".safetensors" and place.is_file():
        place = place.parent
    if not place.is_dir():
        raise HeftError(
            tr("There is no folder {place}.", place=place),
            tr("Name a folder of safetensors."),
            kind=FailureKind.NOT_FOUND,
        )
    name = folder_name(place)
    try:
        listed = [
            FolderFile(file.name, file.stat().st_size)
            for file in sorted(place.iterdir())[:_MOST_FILES]
            if file.is_file()
        ]
        _must_be_convertible(place, name, listed)
        files = [place / one.name for one in listed if _is_weights(one.name)]
        if not files:
            raise _refused(
                f"{name} has no weights in safetensors files named model….safetensors.",
                "Download the whole folder of the model.",
            )
        tensors = []
        read_bytes = 0
        for file in files:
            with FileSource(file) as source:
                content = read_content(source)
                errors = [finding for finding in content.findings if finding.severity == "error"]
                if errors:
                    raise FileFormatError(f"{file.name}: {errors[0].message}", errors[0].action)
                tensors += [(row.shape, row.dtype) for row in content.tensors]
                read_bytes += source.size
    except OSError as error:
        raise HeftError(
            tr("{name} cannot be read: {strerror}.", name=name, strerror=error.strerror or error),
            tr("Look whether it is still there."),
            kind=FailureKind.NOT_READABLE,
        ) from error  # fmt: skip
    return ModelFolder(place, name, tuple(files), tuple(tensors), read_bytes)


def folder_name(folder: Path) -> str:
    """What the model is called: the folder's name, in the Hub's cache the repo's."""
    if folder.parent.name == _SNAPSHOTS:
        return folder.parents[1].name.rpartition("--")[2]
    return folder.name


def is_snapshot(folder: Path) -> bool:
    """Whether the folder's own name says nothing."""
    return folder.parent.name == _SNAPSHOTS


def _is_weights(name: str) -> bool:
    return name.startswith("model") and name.endswith(".safetensors")


def _must_be_convertible(place: Path, name: str, listed: list[FolderFile]) -> None:
    names = {file.name for file in listed}
    summary = recognise_folder(listed, lambda file: (place / file).read_bytes(), format_catalog())
    if "adapter_config.json" in names:
        raise _refused(f"{name} is an adapter (LoRA), no model.", "Convert the model that it was made for.")
    if "config.json" not in names:
        raise _refused(
            f"{name} has no config.json, which says what kind of model it is.",
            "Name the folder that has it, or download the whole of it.",
        )
    if not any(file.endswith(".safetensors") for file in names):
        raise _refused(
            f"{name} has no safetensors files.",
            "Heft converts these only: other files of weights can run code when they are loaded.",
        )
    if summary.missing:
        missing = ", ".join(one_line(file, 60) for file in summary.missing[:3])
        raise HeftError(
            tr("{name} is not whole: {missing} is missing.", name=name, missing=missing),
            tr("Download the missing files."),
            kind=FailureKind.MISSING_SHARD,
        )
    if summary.id not in CONVERTIBLE:
        raise HeftError(
            tr("{name} is quantized for another program already ({title}).", name=name, title=summary.title),
            tr("Convert the original model that it was made from."),
            kind=FailureKind.OTHER_PROGRAM,
        )
    _must_be_json(place / "config.json", name)


def _must_be_json(file: Path, name: str) -> None:
    try:
        found = json.loads(file.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _refused(f"The config.json of {name} cannot be read.", "Download it again.")


def _refused(words: str, hint: str) -> HeftError:
    return HeftError(words, hint, kind=FailureKind.BAD_FILE)
