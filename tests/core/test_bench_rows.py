"""Results of benchmarks in llama-bench's forms: written, read again, and read from what the program itself wrote."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from desktop.core.bench_picture import picture, row_words
from desktop.core.bench_rows import BenchRow, document, read_rows, to_csv, to_json, to_text
from desktop.core.errors import FileFormatError

ROWS = (
    BenchRow(
        build_commit="b1", cpu_info='A "CPU", 2 cores', backends="CPU", model_filename="m.gguf",
        model_type="llama 1B Q4_K", model_size=1 << 30, model_n_params=1_230_000_000, n_threads=2, n_prompt=512,
        test_time="2026-11-28T12:00:00Z", samples_ns=(2_000_000_000, 2_560_000_000, 2_048_000_000),
    ),
    BenchRow(backends="CPU", n_threads=2, type_k="q8_0", type_v="q8_0", n_gen=128, n_depth=4096, samples_ns=(10**10,)),
)  # fmt: skip

# two rows as llama-bench of another build prints them (-o json and -o csv, shortened)
THEIR_JSON = """[{"build_commit": "5143fa895", "build_number": 6408, "cpu_info": "M2", "gpu_info": "Apple M2",
 "backends": "Metal,BLAS", "model_filename": "q.gguf", "model_type": "qwen2 7B Q4_0", "model_size": 4425123328,
 "model_n_params": 7615616512, "n_batch": 2048, "n_ubatch": 512, "n_threads": 8, "cpu_mask": "0x0",
 "type_k": "f16", "type_v": "f16", "n_gpu_layers": 99, "flash_attn": 0, "devices": "auto", "n_prompt": 512, "n_gen": 0,
 "n_depth": 0, "test_time": "2025-01-01T00:00:00Z", "avg_ns": 500000000, "stddev_ns": 1000, "avg_ts": 1024.0,
 "stddev_ts": 0.1, "samples_ns": [ 499000000, 501000000 ], "samples_ts": [ 1026.05, 1021.96 ]}]"""
THEIR_CSV = (
    "build_commit,model_type,n_threads,type_k,type_v,n_prompt,n_gen,avg_ns,stddev_ns,avg_ts\n"
    '"5143fa895","qwen2 7B Q4_0","8","f16","f16","0","128","8000000000","1000","16.0"\n'
)


def test_the_median_and_the_spread_are_those_of_the_repetitions() -> None:
    row = ROWS[0]
    assert row.median == 250.0 and row.spread == (200.0, 256.0) and row.test == "pp512"
    found = document(row)
    assert found["avg_ns"] == round((2.0 + 2.56 + 2.048) / 3 * 1e9) and found["samples_ts"] == [256.0, 200.0, 250.0]
    assert found["stddev_ns"] > 0 and found["avg_ts"] == pytest.approx((256 + 200 + 250) / 3)
    assert ROWS[1].test == "tg128 @ d4096"


def test_json_and_csv_are_read_again() -> None:
    again = read_rows(to_json(ROWS))
    assert [row.samples_ns for row in again] == [row.samples_ns for row in ROWS]
    assert again[0].cpu_info == 'A "CPU", 2 cores' and again[1].type_k == "q8_0"
    assert read_rows("\n".join(json.dumps(document(row)) for row in ROWS))[1].median == ROWS[1].median
    flat = read_rows(to_csv(ROWS))
    assert flat[0].cpu_info == 'A "CPU", 2 cores' and flat[0].samples_ns == ()
    assert flat[0].median == pytest.approx(512e9 / ((2.0 + 2.56 + 2.048) / 3 * 1e9))


def test_other_peoples_files_are_read() -> None:
    (row,) = read_rows(THEIR_JSON)
    assert (row.gpu_info, row.n_gpu_layers, row.test) == ("Apple M2", 99, "pp512")
    assert row.median == pytest.approx(1024.0, rel=1e-3)
    (row,) = read_rows("\ufeff" + THEIR_CSV)
    assert (row.test, row.median, row.n_threads) == ("tg128", 16.0, 8)


@pytest.mark.parametrize("text", ["", "{", "[1]", "a,b\n1,2\n", '[{"n_prompt": "x"}]', "[{}]", "null", '{"a": 1}'])
def test_what_holds_no_results_is_refused(text: str) -> None:
    with pytest.raises(FileFormatError):
        read_rows(text)


def test_the_text_to_paste_has_the_columns_that_differ() -> None:
    lines = to_text(ROWS).splitlines()
    assert lines[0].startswith("| model | size | params | backend | threads | type_k | type_v | test |")
    assert "| pp512 | 250.00 | 200.00–256.00 |" in lines[2] and "1.00 GiB" in lines[2] and lines[-1] == "build: b1"
    assert "type_k" not in to_text(ROWS[:1])


def test_the_picture_shows_each_row_and_is_well_formed() -> None:
    svg = picture([("mine <1>", ROWS), ("theirs", read_rows(THEIR_JSON))], "A & B")
    root = ElementTree.fromstring(svg)
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "A & B" in words and "mine <1>" in words and row_words(ROWS[1]) in words and "250.0" in words
    bars = [element for element in root.iter() if element.tag.endswith("rect") and element.get("rx") == "2"]
    assert len(bars) == 3
    assert row_words(ROWS[1]) == "tg128 @ d4096 · 2 threads · q8_0"
