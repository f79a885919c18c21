"""HDF5 files: the attributes of the root group, where Keras keeps its version and the model's configuration.

Format: HDF5 File Format Specification 3.0 (superblock, object headers 1 and 2, attribute messages, global heap).
Attributes in dense storage are not read: Keras files have few.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from desktop.core.errors import FileFormatError
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.keras import MAX_CONFIG, config_facts, config_words
from desktop.core.formats.reading import Forward, read
from desktop.core.formats.summary import Fact, Summary
from desktop.core.gguf.cursor import DAMAGED
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.words import tr

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_MESSAGES = 4096
MAX_BLOCKS = 64
_CONTINUATION, _ATTRIBUTE = 0x10, 0x0C
_FIXED_STRING, _VARIABLE = 3, 9
_KERAS = ("keras_version", "model_config", "backend", "layer_names")


def summarise(source: ByteSource, catalog: Catalog) -> Summary:
    """Keras's own attributes, or that there are none; FileFormatError when the file breaks off."""
    attributes = dict(_File(source).attributes())
    if not any(name in attributes for name in _KERAS):
        names = ", ".join(one_line(name, 40) for name in list(attributes)[:10])
        return catalog.summary("hdf5", facts=(Fact(tr("Attributes"), names),) if names else ())
    config = attributes.get("model_config", b"")
    facts = [
        Fact(label, one_line(attributes[name].decode("utf-8", "replace"), 60))
        for name, label in (("keras_version", "Keras version"), ("backend", "Backend"))
        if attributes.get(name)
    ]
    holds = "model and weights" if "model_config" in attributes else "weights only"
    return catalog.summary(
        "keras-hdf5", **config_words(config), facts=(Fact(tr("Holds"), holds), *facts, *config_facts(config))
    )


class _File:
    def __init__(self, source: ByteSource) -> None:
        self.source = source
        version = read(source, 8, 1, "the superblock's version")[0]
        sizes_at = 13 if version < 2 else 9
        if version > 3:
            raise FileFormatError(
                tr("This is HDF5 superblock version {version}; Heft knows 0 to 3.", version=version), offset=8
            )
        self.offset_bytes, self.length_bytes = read(source, sizes_at, 2, "the sizes of addresses")
        if self.offset_bytes not in (2, 4, 8) or self.length_bytes not in (2, 4, 8):
            raise FileFormatError(tr("The sizes of addresses are not 2, 4 or 8 bytes."), DAMAGED, offset=sizes_at)
        # Behind the base address: free space, end of file, driver, then the root's name and header (version 0 and 1);
        # or extension, end of file, then the root's header (2 and 3).
        base_at = {0: 24, 1: 28}.get(version, 12)
        self.base = self._address(base_at)
        self.root = self._address(base_at + self.offset_bytes * (5 if version < 2 else 3))

    def attributes(self) -> Iterator[tuple[str, bytes]]:
        """Name and value of the root group's attributes that are texts; others have an empty value."""
        for kind, data in self._messages():
            if kind == _ATTRIBUTE and len(data) > 8:
                yield self._attribute(data)

    def _address(self, at: int) -> int:
        return int.from_bytes(read(self.source, at, self.offset_bytes, "an address"), "little")

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        at = self.base + self.root
        modern = read(self.source, at, 4, "the root's object header") == b"OHDR"
        blocks = [self._modern_header(at) if modern else self._old_header(at)]
        left = MAX_MESSAGES
        for count, (start, size, tracked) in enumerate(blocks):
            data = Forward(self.source, start, start + size)
            while data.remaining >= (6 if tracked else 4) + (0 if modern else 4) and left > 0:
                left -= 1
                kind, length = self._message_head(data, modern, tracked)
                if length > data.remaining:
                    break
                content = data.take(length, "a header message")
                if kind == _CONTINUATION and count < MAX_BLOCKS:
                    blocks.append(self._continuation(content, modern, tracked))
                yield kind, content

    def _message_head(self, data: Forward, modern: bool, tracked: bool) -> tuple[int, int]:
        if not modern:
            kind, length = struct.unpack("<HH4x", data.take(8, "a header message"))
            return kind, length
        kind, length = struct.unpack("<BHx", data.take(4, "a header message"))
        data.skip(2 if tracked else 0, "a creation order")
        return kind, length

    def _old_header(self, at: int) -> tuple[int, int, bool]:
        version, size = struct.unpack("<BxxxxxxxI", read(self.source, at, 12, "the root's object header"))
        if version != 1:
            raise FileFormatError(
                tr("The root's object header has version {version}, 1 was expected.", version=version),
                DAMAGED,
                offset=at,
            )
        return at + 16, size, False

    def _modern_header(self, at: int) -> tuple[int, int, bool]:
        flags = read(self.source, at + 5, 1, "the flags of an object header")[0]
        size_at = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(read(self.source, size_at, width, "the size of an object header"), "little")
        return size_at + width, size, bool(flags & 4)

    def _continuation(self, data: bytes, modern: bool, tracked: bool) -> tuple[int, int, bool]:
        start = self.base + int.from_bytes(data[: self.offset_bytes], "little")
        size = int.from_bytes(data[self.offset_bytes : self.offset_bytes + self.length_bytes], "little")
        # A modern block begins with OCHK and ends with a checksum of four bytes.
        return (start + 4, max(0, size - 8), tracked) if modern else (start, size, tracked)

    def _attribute(self, data: bytes) -> tuple[str, bytes]:
        version = data[0]
        name_size, type_size, space_size = struct.unpack_from("<3H", data, 2)
        at = 9 if version == 3 else 8
        pad = 8 if version == 1 else 1
        name = data[at : at + name_size].split(b"\0")[0].decode("utf-8", "replace")
        at += -(-name_size // pad) * pad
        kind = data[at : at + type_size]
        at += -(-type_size // pad) * pad + -(-space_size // pad) * pad
        value = data[at:]
        if len(kind) < 8:
            return name, b""
        if kind[0] & 0x0F == _FIXED_STRING:
            return name, value[: int.from_bytes(kind[4:8], "little")].rstrip(b"\0 ")
        if kind[0] & 0x0F == _VARIABLE and len(value) >= 8 + self.offset_bytes:
            return name, self._heap_text(value)
        return name, b""

    def _heap_text(self, reference: bytes) -> bytes:
        """A variable-length text: its length, the address of a heap collection, and an index in that."""
        length = int.from_bytes(reference[:4], "little")
        address = self.base + int.from_bytes(reference[4 : 4 + self.offset_bytes], "little")
        wanted = int.from_bytes(reference[4 + self.offset_bytes : 8 + self.offset_bytes], "little")
        if length > MAX_CONFIG or read(self.source, address, 4, "a global heap") != b"GCOL":
            return b""
        size = int.from_bytes(read(self.source, address + 8, self.length_bytes, "a heap's size"), "little")
        heap = Forward(self.source, address + 8 + self.length_bytes, address + size)
        for _ in range(MAX_MESSAGES):
            if heap.remaining < 8 + self.length_bytes:
                break
            index = int.from_bytes(heap.take(8, "a heap object")[:2], "little")
            length_here = int.from_bytes(heap.take(self.length_bytes, "a heap object's size"), "little")
            if index == wanted and length <= length_here:
                return heap.take(length, "a text").rstrip(b"\0")
            if index == 0:
                break
            heap.skip(-(-length_here // 8) * 8, "a heap object")
        return b""
