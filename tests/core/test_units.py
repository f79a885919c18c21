"""Figures are written in one way, and read in every way that people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import desktop
from desktop.core.units import byte_count, decimal, human_bytes, human_count, human_decimal, human_parameters, whole


def test_written_in_one_way() -> None:
    assert human_count(16384) == "16,384"
    assert human_decimal(1234.5, 2) == "1,234.50"
    assert human_bytes(98_400_000) == "98.4 MB"
    assert (human_parameters(135_000_000), human_parameters(1234)) == ("135 M", "1,234")


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.3", 0.3), ("0,3", 0.3), (" 0,30 ", 0.3), (".5", 0.5), (",5", 0.5), ("2", 2.0), ("1,234.5", 1234.5),
     ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1'234.5", 1234.5), ("1,234,567", 1234567.0), ("-0,25", -0.25)],
)  # fmt: skip
def test_decimals_are_read_with_a_point_or_a_comma(text: str, value: float) -> None:
    assert decimal(text) == value


@pytest.mark.parametrize("text", ["", "x", "1.2,3.4", "1,2,3", "nan", "inf", "1..2", "12,34.5"])
def test_what_is_no_decimal(text: str) -> None:
    with pytest.raises(ValueError):
        decimal(text)


@pytest.mark.parametrize("text", ["16384", "16,384", "16.384", "16 384", "16'384", " 16\u202f384 ", "16_384"])
def test_thousands_are_read_however_they_are_marked(text: str) -> None:
    assert whole(text) == 16384


@pytest.mark.parametrize("text", ["", "1.5", "16,38", "1,638,4", "four"])
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError):
        whole(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("1GB", 10**9), ("1.5 GB", 15 * 10**8), ("1,5 gb", 15 * 10**8), ("600 MB", 6 * 10**8), ("2 GiB", 2 << 30),
     ("1000000", 10**6), ("1,000,000 B", 10**6), ("0", 0), ("8k", 8000)],
)  # fmt: skip
def test_sizes(text: str, count: int) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize("text", ["", "GB", "1.5", "much", "1 XB", "-"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError):
        byte_count(text)


def test_nothing_formats_numbers_by_the_language_of_the_system() -> None:
    """Qt's own number fields do, and so do Python's locale and Qt's."""
    by_language = re.compile(r"\b(?:Q(?:Double)?SpinBox|QLocale|QDoubleValidator|QIntValidator)\b|:n}|^import locale")
    root = Path(desktop.__file__).parent
    found = {path.name for path in root.rglob("*.py") if by_language.search(path.read_text(encoding="utf-8"))}
    # the last but one asks for the paper's size, the last for the system's language
    assert found == {"number_fields.py", "tokens_field.py", "pdf_export.py", "start.py"}
