"""The methods that are explained are those of the catalog of formats, with what runs them."""

from __future__ import annotations

from desktop.core.quantization_methods import ACTIVATIONS, AFTER, MARK_WORDS, METHODS
from desktop.store.format_catalog import format_catalog


def test_each_method_has_a_picture_and_what_runs_it() -> None:
    assert set(METHODS) == {"gptq", "awq", "exl2", "bitsandbytes"}
    for id, method in METHODS.items():
        assert format_catalog().entries[id].runs_on
        assert len(method.columns) == 12 and {one.mark for one in method.columns} <= set(MARK_WORDS)
        assert all(2 <= one.bits <= 16 for one in method.columns)
    assert {one.bits for one in METHODS["exl2"].columns} == {2, 3, 4, 5, 6, 8}


def test_training_and_calibration_are_explained() -> None:
    assert "PTQ" in AFTER and "QAT" in AFTER and "dynamically" in ACTIVATIONS and "Statically" in ACTIVATIONS
