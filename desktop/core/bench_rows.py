"""Results of a speed benchmark in llama-bench's own forms: JSON, JSON Lines, CSV, and the table that people paste.

Source: llama.cpp ``tools/llama-bench/llama-bench.cpp`` (test::get_fields, json_printer, jsonl_printer, csv_printer,
markdown_printer). A row is read from any build's file: fields that are not there have their defaults, others are left
out.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Sequence
from typing import Any

import msgspec

from desktop.core.errors import FileFormatError
from desktop.core.words import tr

_ANOTHER = "Choose a file that 'llama-bench -o json', '-o jsonl' or '-o csv' wrote, or 'heft bench --export'."


class BenchRow(msgspec.Struct, frozen=True):
    """One test of one setting. ``samples_ns`` are the repetitions; times of a CSV file are known by their mean only.

    ``test_time`` is UTC (RFC 3339), ``model_size`` bytes; the names are llama-bench's.
    """

    build_commit: str = ""
    build_number: int = 0
    cpu_info: str = ""
    gpu_info: str = ""
    backends: str = ""
    model_filename: str = ""
    model_type: str = ""
    model_size: int = 0
    model_n_params: int = 0
    n_batch: int = 2048
    n_ubatch: int = 512
    n_threads: int = 0
    type_k: str = "f16"
    type_v: str = "f16"
    n_gpu_layers: int = 0
    n_cpu_moe: int = 0
    flash_attn: int = -1
    devices: str = "auto"
    n_prompt: int = 0
    n_gen: int = 0
    n_depth: int = 0
    test_time: str = ""
    samples_ns: tuple[int, ...] = ()
    avg_ns: int = 0
    stddev_ns: int = 0

    @property
    def test(self) -> str:
        """As llama-bench's table names it: ``pp512``, ``tg128 @ d4096``."""
        name = f"pp{self.n_prompt}+tg{self.n_gen}" if self.n_prompt and self.n_gen else ""
        name = name or (f"pp{self.n_prompt}" if self.n_prompt else f"tg{self.n_gen}")
        return f"{name} @ d{self.n_depth}" if self.n_depth else name

    @property
    def rates(self) -> tuple[float, ...]:
        """Tokens per second of each repetition; of the mean where nothing else is known."""
        tokens = self.n_prompt + self.n_gen
        times = self.samples_ns or ((self.avg_ns,) if self.avg_ns else ())
        return tuple(1e9 * tokens / time for time in times if time > 0)

    @property
    def median(self) -> float:
        """Tokens per second; 0 without any repetition."""
        return statistics.median(self.rates) if self.rates else 0.0

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest."""
        return (min(self.rates), max(self.rates)) if self.rates else (0.0, 0.0)


def document(row: BenchRow) -> dict[str, Any]:
    """A row as llama-bench's JSON has it."""
    rates = row.rates
    mean_ns = round(statistics.fmean(row.samples_ns)) if row.samples_ns else row.avg_ns
    deviation = statistics.stdev(row.samples_ns) if len(row.samples_ns) > 1 else row.stddev_ns
    found = msgspec.to_builtins(row)
    samples = found.pop("samples_ns")
    return {
        **found,
        "avg_ns": mean_ns,
        "stddev_ns": round(deviation),
        "avg_ts": statistics.fmean(rates) if rates else 0.0,
        "stddev_ts": statistics.stdev(rates) if len(rates) > 1 else 0.0,
        "samples_ns": list(samples),
        "samples_ts": list(rates),
    }


def to_json(rows: Sequence[BenchRow]) -> str:
    """An array of objects."""
    return json.dumps([document(row) for row in rows], indent=2) + "\n"


def to_csv(rows: Sequence[BenchRow]) -> str:
    """A line of names, then all values in quotes; without the repetitions, as llama-bench has it."""
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        values = {name: value for name, value in document(row).items() if not name.startswith("samples_")}
        if writer is None:
            names = list(values)
            out.write(",".join(names) + "\n")
            writer = csv.DictWriter(out, names, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(values)
    return out.getvalue()


def to_text(rows: Sequence[BenchRow]) -> str:
    """A Markdown table to paste: the columns that differ, medians with lowest and highest."""
    told = _told_columns(rows)
    head = ["model", "size", "params", "backend", *(name for name, _ in told), "test", "t/s (median)", "lowest–highest"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * (len(head) - 2) + " ---: | ---: |"]
    for row in rows:
        low, high = row.spread
        model = row.model_type or row.model_filename.rsplit("/", 1)[-1]
        size = f"{row.model_size / (1 << 30):.2f} GiB" if row.model_size else ""
        params = f"{row.model_n_params / 1e9:.2f} B" if row.model_n_params else ""
        cells = [model, size, params, row.backends, *(str(getattr(row, field)) for _, field in told), row.test,
                 f"{row.median:.2f}", f"{low:.2f}–{high:.2f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    builds = sorted({row.build_commit for row in rows if row.build_commit})
    return "\n".join(lines) + ("\n\nbuild: " + ", ".join(builds) if builds else "") + "\n"


_COLUMNS = (
    ("threads", "n_threads"), ("n_batch", "n_batch"), ("n_ubatch", "n_ubatch"), ("type_k", "type_k"),
    ("type_v", "type_v"), ("fa", "flash_attn"), ("ngl", "n_gpu_layers"), ("n_cpu_moe", "n_cpu_moe"),
    ("devices", "devices"),
)  # fmt: skip


def _told_columns(rows: Sequence[BenchRow]) -> list[tuple[str, str]]:
    """Threads always, the others where they are not all alike."""
    return [
        (name, field)
        for name, field in _COLUMNS
        if field == "n_threads" or len({getattr(row, field) for row in rows}) > 1
    ]


def read_rows(text: str) -> tuple[BenchRow, ...]:
    """Rows of a JSON, JSON Lines or CSV file. FileFormatError for anything else."""
    stripped = text.lstrip("\ufeff \n\r\t")
    try:
        if stripped.startswith("["):
            records = json.loads(stripped)
        elif stripped.startswith("{"):
            records = [json.loads(line) for line in stripped.splitlines() if line.strip()]
        else:
            records = list(csv.DictReader(io.StringIO(stripped)))
        rows = tuple(_row(record) for record in records)
    except (ValueError, TypeError, AttributeError, msgspec.ValidationError, csv.Error) as error:
        raise FileFormatError(tr("This file holds no results of llama-bench."), _ANOTHER, detail=str(error)) from None
    rows = tuple(row for row in rows if row.n_prompt + row.n_gen > 0 and row.rates)
    if not rows:
        raise FileFormatError(tr("This file holds no results of llama-bench."), _ANOTHER)
    return rows


def _row(record: dict[str, Any]) -> BenchRow:
    known = {name: value for name, value in record.items() if name in BenchRow.__struct_fields__ and value is not None}
    return msgspec.convert(known, BenchRow, strict=False)
