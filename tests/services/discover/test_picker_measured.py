"""What was measured here of a very file goes before what was published of its type, and decides the recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.hub_server import HubServer
from support.published import profile
from support.remote_models import QWEN3_8B, VARIANTS, repo

from desktop.core.choice import ReasonKind
from desktop.core.load_settings import LoadSettings
from desktop.core.loss_statistics import Distance, Figure
from desktop.core.quality import MeasuredHere
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_records import Controls, View
from desktop.services.discover.picker_words import loss, loss_details
from desktop.services.discover.reason_words import paragraph
from desktop.services.discover.tables import DataTables
from desktop.services.lab.measured import measured_here
from desktop.store.measurements import Measurement, MeasurementStore

NAME = "Qwen/Qwen3-8B-GGUF"
CONTROLS = Controls(LoadSettings(8192))


def measurement(digest: str, kld: float, tokens: int = 8000, **more: object) -> Measurement:
    none = Figure(1.0, 0.1)
    far = Distance(Figure(kld, kld / 20), kld * 9, none, none, none, none)
    fields: dict[str, object] = {
        "model": digest, "name": "m", "quantization": "Q4_K_M", "size_bytes": 1, "text": "t", "text_name": "prose",
        "context": 512, "chunks": 30, "tokens": tokens, "perplexity": none, "distance": far, "reference": "r",
        "reference_name": "Qwen3-8B-F16", "at": 1.0,
    }  # fmt: skip
    return Measurement(**{**fields, **more})  # type: ignore[arg-type]


@pytest.fixture
def view(hub: HubServer, tmp_path: Path, vocab_dir: Path) -> Sequence[View]:
    """The repo before anything was measured, and after its recommended variant was found to be bad."""
    hub.add(repo(NAME, QWEN3_8B, VARIANTS, vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9))
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    store = MeasurementStore(tmp_path / "measurements.json")
    picker = PickerService(
        HubSearch(client, tmp_path / "answers"), HeaderReader(client, tmp_path / "headers"), DataTables(),
        lambda: profile("rtx-4060-8gb"), measured=lambda digests: measured_here(store, digests),
    )  # fmt: skip
    opened = picker.open(NAME)
    opened.read_first()
    before = opened.view(CONTROLS)
    assert before.recommended is not None
    digest = before.recommended.variant.files[0].sha256
    assert digest
    store.add(measurement(digest, 0.31))
    return before, opened.view(CONTROLS)


def test_a_bad_file_of_a_good_type_is_not_recommended_any_more(view: Sequence[View]) -> None:
    before, after = view
    assert before.recommended is not None and after.recommended is not None
    assert after.recommended.variant.name != before.recommended.variant.name
    row = next(row for row in after.rows if row.variant.name == before.recommended.variant.name)
    assert row.option.quality.here == MeasuredHere(0.31, 0.0155, "prose", "Qwen3-8B-F16", 8000)
    assert loss(row.option.quality) == ("large · KLD 0.31 measured here", "bad")
    lines = loss_details(row.option.quality).splitlines()
    assert lines[0] == "Measured here on prose: mean KL divergence 0.31 ± 0.015 from Qwen3-8B-F16, 8,000 tokens"
    assert len(lines) > 3  # what was published stays below it


def test_a_recommendation_that_rests_on_it_says_so(view: Sequence[View], tmp_path: Path, hub: HubServer) -> None:
    before, _ = view
    assert before.recommended is not None
    assert ReasonKind.MEASURED_HERE not in [reason.kind for reason in before.recommendation.reasons]
    client = HubClient(endpoint=hub.endpoint, token=lambda: None, connect_seconds=30.0, read_seconds=30.0)
    good = MeasuredHere(0.0012, 0.0001, "prose", "Qwen3-8B-F16", 8000)
    digest = before.recommended.variant.files[0].sha256
    picker = PickerService(
        HubSearch(client, tmp_path / "answers"), HeaderReader(client, tmp_path / "headers"), DataTables(),
        lambda: profile("rtx-4060-8gb"), measured=lambda digests: good if list(digests) == [digest] else None,
    )  # fmt: skip
    opened = picker.open(NAME)
    opened.read_first()
    after = opened.view(CONTROLS)
    assert after.recommended is not None and after.recommended.variant.name == before.recommended.variant.name
    assert ReasonKind.MEASURED_HERE in [reason.kind for reason in after.recommendation.reasons]
    words = paragraph(after.recommendation)
    assert "Its loss was measured here on prose: mean KL divergence 0.001 from Qwen3-8B-F16." in words


def test_the_store_keeps_the_telling_one_of_each_model(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path / "measurements.json")
    assert store.of(["a"]) is None and store.all() == ()
    store.add(measurement("a", 0.2, tokens=500, chunks=2))
    store.add(measurement("a", 0.1, tokens=9000))
    store.add(measurement("a", 0.3, tokens=99_000, chunks=99, distance=None))  # a perplexity alone is no loss
    store.add(measurement("b", 0.5))
    found = MeasurementStore(tmp_path / "measurements.json").of(["a"])
    assert found is not None and found.distance is not None and found.distance.kld.value == 0.1
    store.add(measurement("a", 0.11, tokens=9000, at=2.0))  # measured again
    assert len(store.all()) == 4
    assert measured_here(store, ["a"]) is not None and measured_here(store, ["", "a"]) is None
    (tmp_path / "measurements.json").write_text("{")
    assert MeasurementStore(tmp_path / "measurements.json").all() == ()
