"""GGUF headers: a bounded parser over any byte source, with lazy arrays and a list of what is wrong."""

from desktop.core.gguf.header import Header, Tensor
from desktop.core.gguf.reader import read_header
from desktop.core.gguf.source import ByteSource, BytesSource, SubSource
from desktop.core.gguf.values import Array, Text, Value, ValueType

__all__ = [
    "Array",
    "ByteSource",
    "BytesSource",
    "Header",
    "SubSource",
    "Tensor",
    "Text",
    "Value",
    "ValueType",
    "read_header",
]
