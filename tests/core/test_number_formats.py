"""Range and precision computed from the layout, against numpy, the standards' own tables and llama.cpp's constants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desktop.core.number_formats import NumberFormat, describe_support, rules_from_rows
from desktop.machine.tables import Tables

FORMATS = {number.name: number for number in Tables().formats}
SMALL = [number for number in FORMATS.values() if number.bits <= 16]


@pytest.mark.parametrize(("name", "dtype"), [("FP32", np.float32), ("FP16", np.float16)])
def test_limits_are_those_of_ieee_754(name: str, dtype: type[np.floating]) -> None:
    known = np.finfo(dtype)
    number = FORMATS[name]
    assert number.max_value == float(known.max)
    assert number.min_normal == float(known.tiny)
    assert number.min_subnormal == float(known.smallest_subnormal)
    assert number.epsilon == float(known.eps)


# OFP8 specification 1.0 table 2, MX specification 1.0 table 5: maximum, minimum normal, minimum subnormal.
@pytest.mark.parametrize(
    ("name", "largest", "normal", "subnormal"),
    [
        ("FP8 E4M3", 448.0, 2**-6, 2**-9),
        ("FP8 E5M2", 57344.0, 2**-14, 2**-16),
        ("FP4 E2M1", 6.0, 1.0, 0.5),
        ("BF16", 3.3895313892515355e38, 2**-126, 2**-133),
        ("TF32", (2 - 2**-10) * 2.0**127, 2**-126, 2**-136),
    ],
)
def test_limits_are_those_of_the_standards(name: str, largest: float, normal: float, subnormal: float) -> None:
    number = FORMATS[name]
    assert (number.max_value, number.min_normal, number.min_subnormal) == (largest, normal, subnormal)
    assert number.min_value == -largest


@pytest.mark.parametrize("number", SMALL, ids=lambda number: number.name)
def test_limits_agree_with_every_bit_pattern(number: NumberFormat) -> None:
    values = [number.decode(code) for code in range(2**number.bits)]
    finite = [value for value in values if math.isfinite(value)]
    assert max(finite) == number.max_value
    assert min(finite) == number.min_value
    assert min(value for value in finite if value > 0) == number.min_subnormal
    assert min(value for value in finite if value > 1) == 1 + number.epsilon


def test_every_half_precision_pattern_decodes_as_numpy_does() -> None:
    codes = np.arange(2**16, dtype=np.uint16)
    ours = np.array([FORMATS["FP16"].decode(int(code)) for code in codes])
    np.testing.assert_array_equal(ours, codes.view(np.float16).astype(np.float64))


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    codes = np.arange(0, 2**16, 7, dtype=np.uint32)
    codes = codes[codes & 0x7F80 != 0x7F80]  # without infinities and NaN
    ours = np.array([FORMATS["BF16"].decode(int(code)) for code in codes])
    np.testing.assert_array_equal(ours, (codes << 16).view(np.float32).astype(np.float64))


def test_e4m3_has_one_nan_per_sign_and_no_infinity() -> None:
    values = [FORMATS["FP8 E4M3"].decode(code) for code in range(256)]
    assert [code for code, value in enumerate(values) if math.isnan(value)] == [0x7F, 0xFF]
    assert not any(math.isinf(value) for value in values)


def test_e2m1_is_llama_cpps_table() -> None:
    # ggml/src/ggml-common.h kvalues_fp4 holds the values doubled.
    doubled = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]
    assert [2 * FORMATS["FP4 E2M1"].decode(code) for code in range(16)] == doubled


def test_integers_are_twos_complement() -> None:
    assert [FORMATS["INT4"].decode(code) for code in (0, 7, 8, 15)] == [0, 7, -8, -1]
    assert (FORMATS["INT8"].min_value, FORMATS["INT8"].max_value) == (-128, 127)


def test_decode_refuses_a_pattern_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="not a 4-bit pattern"):
        FORMATS["INT4"].decode(16)


# ggml/include/ggml.h and ggml-common.h: block bytes x 8 / weights.
@pytest.mark.parametrize(
    ("name", "bits"),
    [("FP32", 32), ("TF32", 19), ("FP16", 16), ("INT8", 8.5), ("INT4", 4.5), ("MXFP4", 4.25), ("NVFP4", 4.5)],
)
def test_bits_per_weight_count_the_block_scale(name: str, bits: float) -> None:
    assert FORMATS[name].bits_per_weight == bits


def test_digits_follow_from_the_mantissa() -> None:
    assert FORMATS["FP32"].decimal_digits == pytest.approx(7.22, abs=0.01)
    assert FORMATS["BF16"].decimal_digits == pytest.approx(2.41, abs=0.01)


@pytest.mark.parametrize("number", FORMATS.values(), ids=lambda number: number.name)
def test_parts_add_up(number: NumberFormat) -> None:
    assert sum(part.bits for part in number.parts if part.name != "scale") == number.bits
    assert next(part.name for part in number.parts) == "sign"


ROW = {
    "device": "cpu",
    "traits": "",
    "formats": "BF16",
    "support": "converted",
    "engine": "converted",
    "note": "Loads, but is computed in F32 here.",
    "source": "a test",
}
BF16_RULES = rules_from_rows(
    [{**ROW, "traits": "AVX512_BF16", "support": "native", "engine": "native", "note": "Dot products."}, ROW]
)


def describe(traits: set[str], engine: set[str] | None) -> tuple[str, str, str]:
    (row,) = describe_support(
        [FORMATS["BF16"]],
        BF16_RULES,
        device="CPU",
        kind="cpu",
        traits=frozenset(traits),
        engine_traits=None if engine is None else frozenset(engine),
    )
    return row.support, row.engine, row.note


def test_first_rule_whose_trait_is_there_counts() -> None:
    assert describe({"AVX512_BF16"}, None) == ("native", "native", "Dot products.")
    assert describe({"AVX2"}, None) == ("converted", "converted", "Loads, but is computed in F32 here.")


def test_engine_that_was_compiled_without_the_feature_is_told() -> None:
    support, engine, note = describe({"AVX512_BF16"}, {"AVX2"})
    assert (support, engine) == ("native", "converted")
    assert note.startswith("Loads, but is computed in F32 here.")
    assert "AVX512_BF16, but the installed engine was compiled without it" in note


def test_engine_never_uses_what_the_processor_lacks() -> None:
    assert describe({"AVX2"}, {"AVX512_BF16"})[:2] == ("converted", "converted")


def test_uncovered_device_is_an_error_not_a_guess() -> None:
    with pytest.raises(LookupError, match="no rule for BF16 on toaster"):
        describe_support([FORMATS["BF16"]], BF16_RULES, device="x", kind="toaster", traits=frozenset())


def test_unknown_support_word_is_refused() -> None:
    with pytest.raises(ValueError, match="'maybe' is none of"):
        rules_from_rows([{**ROW, "support": "maybe"}])
