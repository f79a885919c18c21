"""The opcodes of a pickle, one after the other, from the opcode table of the standard library; nothing is executed.

Long contents are skipped without reading them, so that a pickle of gigabytes costs what its opcodes cost.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from desktop.core.errors import FileFormatError
from desktop.core.formats.reading import Forward
from desktop.core.gguf.cursor import DAMAGED
from desktop.core.gguf.source import ByteSource
from desktop.core.words import tr

MAX_TEXT = 160  # characters of a text that are kept: enough for every name
MAX_LINE = 1 << 20  # bytes of an argument that ends with a line break
OPCODES = {known.name: known for known in pickletools.opcodes}
_BY_CODE = {ord(known.code): known for known in pickletools.opcodes}
_DECIMAL = re.compile(r"-?[0-9]{1,19}L?")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[0-7]{1,3}|.)")
_LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_TEXTS = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"})
_LINES = frozenset({"STRING", "UNICODE", "PERSID"})
_NUMBERS = frozenset(
    {"BININT", "BININT1", "BININT2", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "PROTO", "EXT1", "EXT2", "EXT4"}
)
_DECIMALS = frozenset({"INT", "LONG", "PUT", "GET"})
_SIGNED = frozenset({"BININT", "EXT4", "LONG1"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One opcode: its name, its argument where the scan needs it (a text of at most MAX_TEXT characters), its byte."""

    name: str
    argument: str | int | tuple[str, str] | None
    position: int


class OperationReader:
    """Reads the operations of one pickle; ``position`` is the byte behind the last one."""

    def __init__(self, source: ByteSource, start: int = 0) -> None:
        self._bytes = Forward(source, start)

    @property
    def position(self) -> int:
        return self._bytes.position

    def operations(self) -> Iterator[Operation]:
        """Up to and with STOP; FileFormatError where the pickle breaks off or an opcode is unknown."""
        take = self._bytes.take
        while True:
            at = self._bytes.position
            code = take(1, "an opcode")[0]
            known = _BY_CODE.get(code)
            if known is None:
                raise FileFormatError(
                    tr("There is no pickle opcode {code:#04x} (byte {at:,}).", code=code, at=at), DAMAGED, offset=at
                )
            yield Operation(known.name, self._argument(known), at)
            if known.name == "STOP":
                return

    def _argument(self, known: pickletools.OpcodeInfo) -> str | int | tuple[str, str] | None:
        if known.arg is None:
            return None
        name, width, what = known.name, known.arg.n, f"the argument of {known.name}"
        if name in ("GLOBAL", "INST"):
            return self._line(), self._line()
        if width == pickletools.UP_TO_NEWLINE:
            return _line_value(name, self._line())
        if width >= 0:
            return _number(name, self._bytes.take(width, what))
        length = int.from_bytes(self._bytes.take(_LENGTH_BYTES[width], what), "little")
        if name == "LONG1":
            return int.from_bytes(self._bytes.take(length, what), "little", signed=True)
        kept = self._bytes.take(min(length, MAX_TEXT * 4, self._bytes.remaining), what) if name in _TEXTS else b""
        self._bytes.skip(length - len(kept), what)
        return kept.decode("utf-8", "replace")[:MAX_TEXT] if name in _TEXTS else None

    def _line(self) -> str:
        start, step = self._bytes.position, 256
        while True:
            count = min(step, self._bytes.end - start)
            self._bytes.position = start
            line, found, _ = self._bytes.take(count, "a line").partition(b"\n")
            if found:
                self._bytes.position = start + len(line) + 1
                return line[: MAX_TEXT * 4].decode("utf-8", "replace")[:MAX_TEXT]
            if count < step or step >= MAX_LINE:
                raise FileFormatError(
                    tr("A line at byte {start:,} of a pickle does not end.", start=start), DAMAGED, offset=start
                )
            step *= 4


def _number(name: str, data: bytes) -> int | None:
    return int.from_bytes(data, "little", signed=name in _SIGNED) if name in _NUMBERS else None


def _line_value(name: str, line: str) -> str | int | None:
    if name in _DECIMALS:
        return int(line.rstrip("L")) if _DECIMAL.fullmatch(line) else None
    if name not in _LINES:
        return None
    # Both texts of protocol 0 carry escapes, so that \x6fs is os.
    return _ESCAPE.sub(_unescaped, line.strip("'\"") if name == "STRING" else line)


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1]
    if code[0] in "xu" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8) & 0xFF) if code[0] in "01234567" else code
