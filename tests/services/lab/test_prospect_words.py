"""What is said of a variant's loss before it is made: what was measured here, what holds of what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g
from support.measurements import measurement
from support.scripted_lab import ScriptedQuantizer

from desktop.core.quantize_recipe import TARGETS, Recipe
from desktop.core.quants import WeightShare, stood_in_for
from desktop.engine.tools.quantizer import Quantized
from desktop.services.discover.tables import DataTables
from desktop.services.jobs import JobService
from desktop.services.lab import quantizing
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.quantizing import QuantizingService, requantizing_words
from desktop.services.lab.words import loss_words, mainly_words
from desktop.services.models.library import LibraryService
from desktop.store.measurements import MeasurementStore
from desktop.store.paths import Paths


@pytest.fixture
def kept(paths: Paths) -> MeasurementStore:
    return MeasurementStore(paths.measurements)


@pytest.fixture
def service(
    paths: Paths, library: LibraryService, kept: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> QuantizingService:
    monkeypatch.setattr(quantizing, "Tool", ScriptedQuantizer)
    hashes = FileHashes(paths.cache / "hashes.json")

    def nothing() -> Any:
        raise AssertionError("nothing is weighed here")

    return QuantizingService(paths, JobService(), library, nothing, lambda: DataTables().quality, hashes, kept)


def said(service: QuantizingService, source: Path, recipe: Recipe) -> str:
    return loss_words(service.prospect(str(source), recipe, weigh=False))


def test_what_was_measured_here_goes_first_and_names_its_text(
    service: QuantizingService, kept: MeasurementStore, source: Path
) -> None:
    assert said(service, source, Recipe("Q2_K")).startswith("large: mean KL divergence 0.1")
    kept.add(measurement("tiny-Q2_K", "prose", 0.5, at=2.0))
    kept.add(measurement("tiny-Q2_K", "prose", 0.4, at=3.0, tokens=100, chunks=1))
    kept.add(measurement("other-Q2_K", "prose", 0.7, at=4.0))
    kept.add(measurement("tiny-Q3_K", "prose", 0.7, at=5.0, quantization="Q3_K_M"))
    words = said(service, source, Recipe("Q2_K"))
    assert words.startswith("Measured here on prose: mean KL divergence 0.5 ± 0.01 (tiny-Q2_K against tiny-F16). ")
    assert ". Large: mean KL divergence 0.1" in words
    assert words.endswith("in published measurements of other models") and "0.7" not in words and "0.4 ±" not in words
    assert "Measured here" not in said(service, source, Recipe("Q2_K", pure=True))


def test_a_measurement_against_this_very_file_counts_whatever_its_name(
    service: QuantizingService, kept: MeasurementStore, source: Path, paths: Paths
) -> None:
    digest = FileHashes(paths.cache / "hashes.json").of(source)
    kept.add(measurement("renamed", "prose", 0.5, reference=digest))
    assert said(service, source, Recipe("Q2_K")).startswith("Measured here on prose")


def test_a_text_no_model_knows_goes_last_and_says_so(
    service: QuantizingService, kept: MeasurementStore, source: Path
) -> None:
    kept.add(measurement("tiny-Q2_K", "nonsense", 2.5, at=9.0, known=4000.0))
    kept.add(measurement("tiny-Q2_K", "prose", 0.5, at=1.0))
    words = said(service, source, Recipe("Q2_K"))
    assert words.index("on prose") < words.index("on nonsense") and words.count("figures on it say little") == 1


def test_rows_that_allow_no_such_type_are_not_promised_its_loss(
    service: QuantizingService, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ScriptedQuantizer.call

    def fallen_back(self: ScriptedQuantizer, request: Any, **others: Any) -> Any:
        found = plain(self, request, **others)
        assert isinstance(found, Quantized)
        return Quantized({name: "Q4_0" if kind == "Q2_K" else kind for name, kind in found.types.items()}, False, 0.0)

    monkeypatch.setattr(ScriptedQuantizer, "call", fallen_back)
    prospect = service.prospect(str(source), Recipe("Q2_K"), weigh=False)
    assert mainly_words(prospect).startswith("Most of it will be Q4_0, not Q2_K")
    assert loss_words(prospect) == "What was published of Q2_K does not hold for it."
    assert prospect.quality.kld_high is None


@pytest.mark.parametrize(
    ("name", "types", "mainly"),
    [("Q2_K", {"Q2_K": 5, "Q3_K": 4}, ""), ("Q2_K", {"Q2_K": 1, "Q4_0": 5}, "Q4_0"), ("Q4_K_M", {"Q5_0": 5}, "Q5_0"),
     ("IQ3_XS", {"IQ3_XXS": 6, "IQ3_S": 4}, ""), ("F16", {"F16": 5}, "")],
)  # fmt: skip
def test_mixes_are_what_they_are_called(name: str, types: dict[str, int], mainly: str) -> None:
    shares = [WeightShare("layer", kind, True, count) for kind, count in types.items()]
    assert stood_in_for(TARGETS[name], shares) == mainly


def test_f16_of_a_quantized_file_loses_nothing_more_and_gains_nothing(
    service: QuantizingService, tmp_path: Path
) -> None:
    source = g.model(kind=3, file_type=3).write(tmp_path / "m-Q4_1.gguf")
    prospect = service.prospect(str(source), Recipe("F16"), weigh=False)
    assert loss_words(prospect).startswith("none against m-Q4_1; that file's own loss stays (Q4_1: ")
    assert "none measurable" not in loss_words(prospect)
    assert "loses more" not in requantizing_words(prospect) and "no better" in requantizing_words(prospect)
