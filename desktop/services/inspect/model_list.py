"""The models among the files of a folder or repo, each with what opens it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from desktop.core import naming
from desktop.core.companions import roles_of
from desktop.core.formats import FolderFile
from desktop.core.variants import Variant, variants_of
from desktop.services.inspect.inspected import ModelEntry

_FORMATS = {
    ".llamafile": "llamafile",
    ".safetensors": "safetensors",
    ".bin": "PyTorch",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".ckpt": "PyTorch",
    ".pkl": "pickle",
    ".onnx": "ONNX",
    ".h5": "HDF5",
    ".keras": "Keras",
    ".engine": "TensorRT",
    ".plan": "TensorRT",
    ".pb": "TensorFlow",
    ".tflite": "TFLite",
}
_ROLES: dict[naming.Role, str] = {
    "mmproj": "Projector: lets the model see.",
    "draft": "Draft model: speeds another one up.",
    "imatrix": "Importance matrix: for making quants.",
}


@dataclass(frozen=True)
class _RepoFile:
    """A file as ``core.variants`` wants it."""

    path: str
    size_bytes: int
    sha256: str = ""


def list_models(files: Sequence[FolderFile], source_of: Callable[[str], str]) -> tuple[ModelEntry, ...]:
    """GGUF models (smallest first), what goes with them, then files of other formats by name.

    ``source_of`` makes what opens a file from its path. Shards are one entry; the first of them opens it.
    """
    variants = variants_of(_RepoFile(file.name, file.size) for file in files)
    found = [_of_variant(variant, source_of) for variant in variants]
    listed = {file.path for variant in variants for file in variant.files}
    gguf = {PurePosixPath(file.name): file.size for file in files if naming.is_model_file(file.name.rpartition("/")[2])}
    roles = roles_of(gguf)
    for file in sorted(files, key=lambda file: file.name):
        path = PurePosixPath(file.name)
        if file.name in listed:
            continue
        if naming.is_model_file(path.name):
            note = _ROLES.get(roles[path], "")
            label = naming.label(path.name)
            found.append(ModelEntry(source_of(file.name), file.name, "GGUF", label, file.size, note=note))
        elif path.suffix.lower() in _FORMATS:
            kind = _FORMATS[path.suffix.lower()]
            found.append(ModelEntry(source_of(file.name), file.name, kind, "", file.size))
    return tuple(found)


def _of_variant(variant: Variant, source_of: Callable[[str], str]) -> ModelEntry:
    first = variant.first_file.path
    note = "Parts of one file: they have to be joined." if variant.concatenated else variant.note
    quantization = naming.label(PurePosixPath(first).name) or variant.quantization
    return ModelEntry(
        source_of(first), first, "GGUF", quantization, variant.size_bytes,
        files=len(variant.files), note=note, variant=variant,
    )  # fmt: skip
