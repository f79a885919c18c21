"""What every command prints and how: one JSON document, or aligned text; errors with one thing to do."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.units import human_bytes as human_bytes  # every command prints sizes

_SURROGATE = re.compile("[\ud800-\udfff]")


def print_json(document: Any) -> None:
    """The one JSON document of a ``--json`` command, on stdout."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(document, ensure_ascii=not unicode, indent=2)
    # a byte of a file name that is no Unicode: readers of JSON give the same surrogate back
    sys.stdout.write(_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def print_error(error: HeftError, *, as_json: bool) -> None:
    """Report a failure: the contract's error object on stdout, or words on stderr."""
    if as_json:
        print_json({"error": error.as_dict()})
        return
    sys.stderr.write(f"heft: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"      {error.hint}\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Aligned columns; ``right`` names the columns that hold figures."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


class ProgressLine:
    """A progress line on stderr; silent when stderr is not a terminal."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._shown = -1

    def show(self, progress: Progress) -> None:
        """Redraw for a step of some work; one without an end shows nothing yet."""
        if progress.known:
            self.update(progress.fraction, progress.note[:40])

    def update(self, fraction: float, note: str = "") -> None:
        """Redraw at whole percents only."""
        percent = int(max(0.0, min(1.0, fraction)) * 100)
        if not self._live or percent == self._shown:
            return
        self._shown = percent
        filled = percent * 30 // 100
        self._stream.write(f"\r{self._label} [{'#' * filled}{'.' * (30 - filled)}] {percent:3d}% {note}\x1b[K")
        self._stream.flush()

    def close(self) -> None:
        """Wipe the line."""
        if self._live and self._shown >= 0:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = -1
