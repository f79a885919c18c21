"""Results of benchmarks as files: written in llama-bench's forms, as text to paste, as a picture; and read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.core import bench_rows
from desktop.core.bench_picture import picture
from desktop.core.bench_rows import BenchRow
from desktop.core.errors import FileFormatError, HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.system.atomic import save_for_user

WRITTEN = (".json", ".csv", ".md", ".svg")
_MOST_BYTES = 64 << 20


def write_results(
    path: Path, rows: Sequence[BenchRow], series: Sequence[tuple[str, Sequence[BenchRow]]], title: str
) -> None:
    """By the name's ending; ``series`` and ``title`` are for the picture. StoreError where it cannot be written."""
    match path.suffix:
        case ".json":
            text = bench_rows.to_json(rows)
        case ".csv":
            text = bench_rows.to_csv(rows)
        case ".svg":
            text = picture(series, title)
        case _:
            text = bench_rows.to_text(rows)
    try:
        save_for_user(path, text.encode())
    except OSError as error:
        raise StoreError(
            tr("{name} could not be written: {strerror}.", name=path.name, strerror=error.strerror or error),
            tr("Look at {parent}.", parent=path.parent),
        ) from error


def read_results(path: Path) -> tuple[BenchRow, ...]:
    """Rows of a file of llama-bench's or Heft's. Raises HeftError: not found, "bad-file"."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FileFormatError(
                tr("{name} is too large for results of a benchmark.", name=path.name), tr("Choose another file.")
            )
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise HeftError(
            tr("{name} cannot be read: {strerror}.", name=path.name, strerror=error.strerror or error),
            tr("Name a file of results."),
            kind=FailureKind.NOT_FOUND,
        ) from error
    except UnicodeDecodeError:
        raise FileFormatError(
            tr("{name} is no text.", name=path.name), tr("Choose a file that llama-bench wrote.")
        ) from None
    try:
        return bench_rows.read_rows(text)
    except FileFormatError as error:
        raise FileFormatError(f"{path.name}: {error.message}", error.hint, detail=error.detail) from None
