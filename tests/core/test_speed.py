"""Rates from work and speed: sums of times, slower memories, bands, and what earlier runs teach."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from desktop.core.speed import (
    AttentionSample,
    AttentionSpeed,
    AttentionWork,
    DeviceSpeed,
    DeviceWork,
    Rate,
    SpeedSample,
    TokenWork,
    TypeSpeed,
    TypeWork,
    predict,
    predict_decode,
    predict_prompt,
)
from desktop.core.speed.learning import Correction, Experience, apply, correction, errors
from desktop.core.speed.predict import attention_speed, type_speed

GIGA = 1e9
QUICK = DeviceSpeed(
    "calibrated",
    {"Q4_K": TypeSpeed((SpeedSample(1e8, 1 / 50e9), SpeedSample(4e8, 1 / 40e9)), 1e-11, 0.1)},
    {"f16": AttentionSpeed(decode=5e-11, prompt=2e-11)},
)
SLOW = msgspec.structs.replace(QUICK, types={"Q4_K": TypeSpeed((SpeedSample(1e8, 1 / 4e9),), 1e-10, 0.1)})


def work(gigabytes: float = 1.0, **changes: object) -> TokenWork:
    size = gigabytes * GIGA
    plain = TokenWork("cpu", {"Q4_K": TypeWork(size, 2 * size)}, round(size), 16)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_time_is_bytes_through_bandwidth() -> None:
    rate = predict_decode([DeviceWork(work(), QUICK)], 0)
    assert rate.expected == pytest.approx(40)
    assert rate.low < rate.expected < rate.high
    assert rate.low == pytest.approx(40 / 1.1) and rate.high == pytest.approx(40 / 0.9)


def test_a_small_model_is_read_faster_than_a_large_one() -> None:
    speed = QUICK.types["Q4_K"]
    assert speed.seconds_per_byte(5e7) == 1 / 50e9
    assert speed.seconds_per_byte(2e8) == pytest.approx((1 / 50e9 + 1 / 40e9) / 2)
    assert speed.seconds_per_byte(1e12) == 1 / 40e9


def test_the_slower_memory_dominates() -> None:
    together = predict_decode([DeviceWork(work(0.9), QUICK), DeviceWork(work(0.1), SLOW)], 0).expected
    assert together == pytest.approx(1 / (0.9 / 40 + 0.1 / 4))


def test_a_longer_context_is_slower_and_a_window_ends_that() -> None:
    whole = work(attention=(AttentionWork(0, 65536, 65536),))
    windowed = work(attention=(AttentionWork(1024, 65536, 65536),))
    rates = [predict_decode([DeviceWork(whole, QUICK)], context).expected for context in (0, 1024, 4096)]
    assert rates[0] > rates[1] > rates[2]
    assert predict_decode([DeviceWork(windowed, QUICK)], 4096).expected == pytest.approx(rates[1])


def test_what_is_beside_the_matrices_counts() -> None:
    costly = msgspec.structs.replace(QUICK, layer_seconds=1e-3, token_seconds=2e-3, vocabulary_seconds=1e-8)
    rate = predict_decode([DeviceWork(work(vocabulary=100_000), costly)], 0)
    assert 1 / rate.expected == pytest.approx(1 / 40 + 0.016 + 0.002 + 0.001)
    wide = msgspec.structs.replace(costly, width_seconds=1e-6)
    rate = predict_decode([DeviceWork(work(vocabulary=100_000, embedding=2000), wide)], 0)
    assert 1 / rate.expected == pytest.approx(1 / 40 + 16 * (0.001 + 0.002) + 0.002 + 0.001)


def test_a_prompt_is_counted_in_multiplications() -> None:
    plain = predict_prompt([DeviceWork(work(), QUICK)], 512).expected
    assert plain == pytest.approx(1 / (2 * GIGA * 1e-11))
    once = work(types={"Q4_K": TypeWork(GIGA, 2 * GIGA, once=GIGA)})
    assert predict_prompt([DeviceWork(once, QUICK)], 512).expected == pytest.approx(plain * 2, rel=0.01)


def test_a_type_nobody_measured_follows_its_neighbour_with_a_wide_band() -> None:
    guessed = type_speed(QUICK, "Q5_K")
    assert guessed.points == QUICK.types["Q4_K"].points
    assert guessed.uncertainty > QUICK.types["Q4_K"].uncertainty


def test_one_device_from_a_table_makes_it_a_guess() -> None:
    table = msgspec.structs.replace(QUICK, method="table")
    assert predict([DeviceWork(work(), QUICK)], 100).method == "calibrated"
    assert predict([DeviceWork(work(), QUICK), DeviceWork(work(), table)], 100).method == "table"


def test_without_work_there_is_no_speed() -> None:
    with pytest.raises(ValueError, match="without work"):
        predict_decode([], 100)


def runs(ratio: float, count: int, *, same: bool = False, kind: str = "Q4_K") -> list[Experience]:
    return [Experience(100.0, 100.0 * ratio, same, kind)] * count


def test_without_runs_nothing_is_corrected() -> None:
    assert correction([]) == Correction()
    assert apply(Rate(9, 10, 11), Correction()) == Rate(9, 10, 11)


def test_few_runs_of_other_models_correct_a_little_many_nearly_all() -> None:
    few, many = correction(runs(0.8, 1)), correction(runs(0.8, 50))
    assert 0.8 < many.factor < few.factor < 1.0
    assert many.factor == pytest.approx(0.8, abs=0.02)
    assert few.band is not None and many.band is not None and many.band < few.band


def test_the_model_itself_counts_at_once() -> None:
    found = correction(runs(1.5, 20) + runs(0.7, 2, same=True))
    assert found.same_model and found.runs == 2
    assert found.factor == pytest.approx(0.7)
    assert correction(runs(0.5, 1, same=True)).factor == pytest.approx(0.5)  # what was measured is shown, not the guess


def test_one_odd_run_spoils_nothing() -> None:
    assert correction(runs(1.0, 8) + runs(0.1, 1)).factor == pytest.approx(1.0)


def test_runs_of_the_same_type_are_preferred() -> None:
    assert correction(runs(0.5, 30, kind="Q3_K") + runs(1.0, 10), "Q4_K").factor == pytest.approx(1.0)


def test_learning_narrows_the_band_and_never_widens_it() -> None:
    shown = apply(Rate(50, 100, 200), correction(runs(1.0, 40, same=True)))
    assert 90 < shown.low < 100 < shown.high < 110
    assert apply(Rate(99, 100, 101), correction(runs(1.0, 1))) == Rate(99, 100, 101)


def test_errors_leave_out_what_was_not_measured() -> None:
    assert errors([(110, 100), (0, 5), (5, 0), (95, 100)]) == pytest.approx([0.05, 0.1])


# -- attention as it was measured ------------------------------------------------------------------

F16 = AttentionSpeed(
    samples=(
        AttentionSample(64, 1000, 1e-10, 3e-11), AttentionSample(64, 2000, 1.5e-10, 3e-11),
        AttentionSample(128, 1000, 2e-10, 5e-11), AttentionSample(128, 2000, 3e-10, 5e-11),
    )
)  # fmt: skip
Q8_0 = AttentionSpeed(samples=tuple(msgspec.structs.replace(one, decode=one.decode * 5) for one in F16.samples))
MEASURED = DeviceSpeed(
    "calibrated", {"Q8_0": TypeSpeed((SpeedSample(1e9, 1e-11),), 1e-12, 0.05)}, {"f16": F16, "q8_0": Q8_0}
)


def test_attention_goes_through_what_was_measured_and_on_as_steeply() -> None:
    assert F16.writing(64, 1000) == pytest.approx(1e-7)
    assert F16.writing(64, 2000) == pytest.approx(3e-7)
    assert F16.writing(64, 500) == pytest.approx(0.5e-7)
    assert F16.writing(64, 1500) == pytest.approx(2e-7)
    assert F16.writing(64, 4000) == pytest.approx(7e-7)
    assert F16.writing(128, 1000) == F16.writing(256, 1000) == pytest.approx(2e-7)
    assert F16.writing(32, 1000) == F16.writing(64, 1000)
    assert F16.writing(64, 1000) < F16.writing(96, 1000) < F16.writing(128, 1000)
    assert F16.reading(96) == pytest.approx(3e-11 + 2e-11 * 0.585, rel=0.01)


def test_heads_that_share_their_keys_with_fewer_others_take_longer() -> None:
    alone = tuple(
        msgspec.structs.replace(one, decode=one.decode * 3, prompt=one.prompt * 1.3, group=1)
        for one in F16.samples
        if one.head == 128
    )
    measured = AttentionSpeed(samples=(*F16.samples, *alone))
    assert measured.writing(128, 1500, 4) == F16.writing(128, 1500)
    assert measured.writing(128, 1500, 1) == pytest.approx(3 * F16.writing(128, 1500))
    assert measured.writing(64, 1500, 1) == pytest.approx(3 * F16.writing(64, 1500))
    between = [measured.writing(128, 1500, group) for group in (1, 2, 4, 8, 64)]
    assert between == sorted(between, reverse=True) and between[-1] >= F16.writing(128, 1500) / 2
    assert measured.reading(128, 1) == pytest.approx(1.3 * F16.reading(128))
    assert F16.writing(128, 1500, 1) == F16.writing(128, 1500)  # where only one size of groups was measured


def test_types_of_a_cache_that_were_not_measured_are_as_their_relatives() -> None:
    assert attention_speed(MEASURED, ("bf16", "bf16")) is F16
    assert attention_speed(MEASURED, ("q4_0", "q5_1")) is Q8_0
    assert attention_speed(MEASURED, ("q8_0", "f16")) is Q8_0 and attention_speed(MEASURED, ("f16", "q8_0")) is Q8_0


def test_without_flash_attention_its_own_measurement_counts() -> None:
    plain = AttentionSpeed(1e-9)
    speed = msgspec.structs.replace(MEASURED, unfused={"f16": plain})
    assert attention_speed(speed, ("f16", "f16"), fused=False) is plain
    assert attention_speed(speed, ("f16", "f16")) is F16
    assert attention_speed(MEASURED, ("f16", "f16"), fused=False) is F16
