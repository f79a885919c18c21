"""Quality: the tables are complete, bands come from measurements only, and what nobody measured stays unmeasured."""

from __future__ import annotations

import pytest
from support.published import quality_table, rows

from desktop.core import quants
from desktop.core.quality import label_of, measurements_from_rows, plain_name
from desktop.services.discover.tables import DataTables

TABLE = quality_table()
SMALL, MIDDLE, LARGE = 8_000_000_000, 24_000_000_000, 70_000_000_000


def test_every_row_is_complete_and_names_its_source() -> None:
    measured = measurements_from_rows(rows("quality"))
    assert len(measured) > 130
    assert all(row.source and row.model and row.dataset and row.value > 0 and row.parameters > 1e9 for row in measured)
    ladder = {step.name for step in TABLE.steps}
    assert {row.quantization for row in measured} <= ladder
    assert all(step.source and step.words for step in TABLE.steps)
    assert {step.like for step in TABLE.steps} - {""} <= {row.quantization for row in measured}


def test_every_file_type_of_llama_cpp_has_a_rung() -> None:
    known = {step.name for step in TABLE.steps}
    assert {kind.label for kind in quants.FILE_TYPES.values()} - {"Q1_0", "Q2_0"} <= known


def test_a_row_without_source_is_refused() -> None:
    row = {**rows("quality")[0], "source": ""}
    with pytest.raises(ValueError, match="source"):
        measurements_from_rows([row])


@pytest.mark.parametrize(
    ("quantization", "parameters", "label", "kld"),
    [
        ("Q8_0", SMALL, "none measurable", (0.000369, 0.001355)),
        ("Q6_K", SMALL, "negligible", (0.002098, 0.005452)),
        ("Q5_K_M", SMALL, "very small", (0.010762, 0.010762)),
        ("Q4_K_M", SMALL, "small", (0.012686, 0.031273)),
        ("Q4_0", SMALL, "noticeable", (0.07194, 0.07194)),
        ("Q3_K_M", SMALL, "noticeable", (0.084358, 0.101913)),
        ("Q2_K", SMALL, "large", (0.108903, 0.445132)),
        ("Q4_K_M", LARGE, "small", (None, None)),
        ("IQ3_XS", LARGE, "noticeable", (0.138693, 0.138693)),
        ("F16", SMALL, "none measurable", (0.0, 0.0)),
        ("TQ1_0", SMALL, "not measured", (None, None)),
    ],
)
def test_bands(quantization: str, parameters: int, label: str, kld: tuple[float | None, float | None]) -> None:
    found = TABLE.quality_of(quantization, "plain", parameters)
    assert (found.label, (found.kld_low, found.kld_high)) == (label, kld)


def test_large_models_have_their_own_measurement_and_middle_ones_both() -> None:
    large, middle = TABLE.quality_of("Q4_K_M", "plain", LARGE), TABLE.quality_of("Q4_K_M", "plain", MIDDLE)
    assert (large.perplexity_low, large.perplexity_high) == (4.83, 4.83)
    assert "Llama-3-70B" in large.source and "8B" not in large.source
    assert (middle.perplexity_low, middle.perplexity_high) == (1.42, 4.83)
    assert middle.severity_low is not None and middle.severity_high is not None
    assert middle.severity_low < middle.severity_high
    assert any("smaller ones lose more" in note for note in TABLE.quality_of("Q4_K_M", "plain", 135_000_000).notes)
    assert any("7-8 B" in note for note in TABLE.quality_of("IQ3_XS", "plain", LARGE).notes)


def test_an_importance_matrix_narrows_the_band() -> None:
    with_matrix = TABLE.quality_of("i1-Q3_K_M", "imatrix", SMALL)
    assert (with_matrix.kld_low, with_matrix.kld_high) == (0.084358, 0.084358)
    assert TABLE.quality_of("i1-Q8_0", "imatrix", SMALL).notes == ("Measured without an importance matrix.",)


def test_dynamic_and_qat_are_not_confused_with_plain() -> None:
    dynamic = TABLE.quality_of("UD-Q4_K_XL", "dynamic", SMALL)
    assert (dynamic.label, dynamic.kld_high, dynamic.like, dynamic.like_label) == (
        "not measured",
        None,
        "Q4_K_M",
        "small",
    )
    assert dynamic.severity_high == TABLE.quality_of("Q4_K_M", "plain", SMALL).severity_high
    trained = TABLE.quality_of("Q4_0", "qat", SMALL)
    assert trained.label == "not measured" and not trained.legacy
    assert TABLE.quality_of("Q4_0", "plain", SMALL).legacy
    assert "QAT" in trained.notes[0]


def test_both_measures_give_the_same_label_where_both_were_taken() -> None:
    """The ends of the labels for KL divergence and for perplexity were chosen to agree on Llama-3-8B."""
    from desktop.core.quality import _KLD_ENDS, _PERPLEXITY_ENDS, _severity

    on_llama = [row for row in measurements_from_rows(rows("quality")) if row.model == "Llama-3-8B"]
    for row in on_llama:
        if row.measure == "kld_mean":
            pair = next(
                other
                for other in on_llama
                if other.measure == "perplexity_percent"
                and (other.quantization, other.imatrix) == (row.quantization, row.imatrix)
            )
            by_kld, by_perplexity = _severity(row.value, _KLD_ENDS), _severity(pair.value, _PERPLEXITY_ENDS)
            assert abs(by_kld - by_perplexity) < 0.6, row


def test_names_and_labels() -> None:
    assert [plain_name(name) for name in ("UD-Q4_K_XL", "i1-IQ3_XXS", "fp16", "q4_K", "bf16")] == [
        "Q4_K_XL",
        "IQ3_XXS",
        "F16",
        "Q4_K_M",
        "BF16",
    ]
    assert [label_of(value) for value in (0.0, 1.0, 3.99, 5.99, 6.0)] == [
        "none measurable",
        "negligible",
        "small",
        "large",
        "large",
    ]


def test_devices_have_memory_bandwidth_and_source() -> None:
    devices = DataTables().devices
    assert len({device.title for device in devices}) == len(devices) > 80
    assert all(device.memory_bytes >= 8 << 30 and device.bandwidth_bytes_per_second > 5e10 for device in devices)
    listed = {row["names"].split("|")[0] for row in rows("bandwidth") if row["kind"] != "ram"}
    named = {device.name for device in devices}
    assert listed - named <= {"GeForce RTX 4070 SUPER", "GeForce RTX 4080 SUPER"}


def test_profiles_are_machines_and_say_what_they_assume() -> None:
    profiles = DataTables().profiles
    assert set(profiles) == {"laptop-8gb", "apple-m1-16gb", "rtx-4060-8gb", "rtx-4090", "two-rtx-3090"}
    assert all(machine.notes and machine.memory.bandwidth_bytes_per_second for machine in profiles.values())
    assert len(profiles["two-rtx-3090"].gpus) == 2 and not profiles["laptop-8gb"].gpus
    assert profiles["apple-m1-16gb"].gpus[0].shared_memory
