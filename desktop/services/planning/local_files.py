"""Files on this computer as plans need them: what their headers say, kept between starts so that a plan costs little.

Reading a header takes tens of milliseconds, most of it for a vocabulary that no plan asks about; a kept one takes one.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from desktop import __version__
from desktop.core import naming
from desktop.core.errors import FileFormatError
from desktop.core.gguf import Header, read_header
from desktop.core.gguf.kind import model_kind
from desktop.core.gguf.together import fingerprint_of, quantization_of
from desktop.core.memory.shape import ModelShape, one_object, shape_of
from desktop.core.memory.weights import Weights, weights_of
from desktop.core.model_fault import Fault, cut_off_fault
from desktop.core.model_kind import ModelKind
from desktop.services.models.shards import fault_at, shards_of
from desktop.store.gguf_files import FileSource, kind_of
from desktop.system.atomic import write_atomically

_FORMAT = f"{__version__}/2"  # raise the number when what is read of a header changes: older ones are read anew
_KEPT = 2000  # files, some 4 kB each


@dataclass(frozen=True)
class LocalModel:
    """What decides the speed of a file on this computer. ``fingerprint`` stays when the file is moved."""

    name: str
    path: Path
    fingerprint: str
    quantization: str
    shape: ModelShape
    weights: Weights


@dataclass(frozen=True)
class LocalFile:
    """A file on this computer: what it is for, the model that it holds where its header describes one, and why the
    engine cannot load it where that is known."""

    kind: ModelKind
    model: LocalModel | None = None
    fault: Fault | None = None


def read_local(path: Path) -> LocalModel | None:
    """A model file with its shards; None when it is no language model that can be read."""
    return read_file(path).model


def read_file(path: Path) -> LocalFile:
    """A file with its shards; of UNKNOWN kind when it cannot be read."""
    headers: list[Header] = []
    kind, fault = ModelKind.UNKNOWN, None
    with contextlib.suppress(OSError):
        fault = fault_at(path)
    for file in shards_of(path):
        try:
            with FileSource(file) as source:
                header = read_header(source)
                if not headers:
                    kind = model_kind(header)
                    shape = shape_of(header)
                headers.append(header)
                fault = fault or cut_off_fault(header)
        except FileFormatError as error:
            return LocalFile(kind if headers else kind_of(path), fault=fault or Fault(error.message, error.hint))
        except OSError:
            return LocalFile(kind if headers else kind_of(path), fault=fault)
    if shape is None:
        return LocalFile(kind, fault=fault)
    first = headers[0]
    model = LocalModel(
        name=first.name or path.stem,
        path=path,
        fingerprint=fingerprint_of(headers),
        quantization=quantization_of(headers),
        shape=shape,
        weights=weights_of(headers, shape),
    )
    return LocalFile(kind, model, fault)


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    size: int
    modified_ns: int
    packed: bytes  # a LocalFile


class _Document(msgspec.Struct, frozen=True):
    format: str
    entries: dict[str, _Entry]


class LocalFiles:
    """Reads files, and remembers what it read until they change. Thread-safe."""

    def __init__(self, kept: Path | None = None) -> None:
        """``kept`` is where it is remembered; None: only the last one is, and for as long as this lives."""
        self._kept = kept
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] | None = None
        self._changed = False
        self._last: tuple[object, LocalFile] | None = None

    def read(self, path: Path) -> LocalFile:
        """A file with its shards. OSError where there is none."""
        now = path.stat()
        key = (path, now.st_mtime_ns, now.st_size)
        last = self._last
        if last is None or last[0] != key:
            last = self._last = (key, self._remembered(path, now.st_size, now.st_mtime_ns))
        return last[1]

    def _remembered(self, path: Path, size: int, modified_ns: int) -> LocalFile:
        if self._kept is None or naming.shard(path.name) is not None:  # other files may have come to it
            return read_file(path)
        with self._lock:
            entry = self._known().get(str(path))
        if entry is not None and (entry.size, entry.modified_ns) == (size, modified_ns):
            with contextlib.suppress(msgspec.MsgspecError, zlib.error):
                return _unpacked(entry.packed)
        found = read_file(path)
        if found.model is not None and found.fault is None:
            with self._lock:
                self._known()[str(path)] = _Entry(size, modified_ns, _packed(found))
                self._changed = True
        return found

    def save(self) -> None:
        """Write down what was read. It is a convenience: a full or read-only disk is no error."""
        with self._lock:
            if self._kept is None or not self._changed or self._entries is None:
                return
            newest = list(self._entries.items())[-_KEPT:]
            entries = {name: entry for name, entry in newest if _plain(name)}
            with contextlib.suppress(OSError):
                write_atomically(self._kept, msgspec.msgpack.encode(_Document(_FORMAT, entries)), durable=False)
                self._changed = False

    close = save

    def _known(self) -> dict[str, _Entry]:
        if self._entries is None:
            self._entries = {}
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                document = msgspec.msgpack.decode(self._kept.read_bytes() if self._kept else b"", type=_Document)
                if document.format == _FORMAT:
                    self._entries = document.entries
        return self._entries


def _packed(file: LocalFile) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(file, enc_hook=str), 1)  # 40 kB of names that repeat themselves


def _unpacked(packed: bytes) -> LocalFile:
    found = msgspec.msgpack.decode(zlib.decompress(packed), type=LocalFile, dec_hook=_path)
    assert found.model is not None
    return replace(found, model=replace(found.model, shape=one_object(found.model.shape)))


def _path(kind: type, value: Any) -> Any:
    if kind is not Path:
        raise NotImplementedError(kind)
    return Path(value)


def _plain(text: str) -> bool:
    """Whether a name is valid Unicode, which one with bytes of another encoding is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
