"""How a model is asked: kept under all its names, checked against its template, read from its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import forge

from desktop.core.answer_settings import NOTHING_ASKED, AnswerSettings
from desktop.core.errors import StoreError, UsageError
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.services.models.answer_settings import AnswerSettingsService, Asking
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths

SWITCH = "{% if enable_thinking %}{{ messages[0].content }}{% endif %}"
LEVELS = "{{ reasoning_effort }}{{ messages[0].content }}"


@pytest.fixture
def store(paths: Paths) -> LoadSettingsStore:
    return LoadSettingsStore(paths.load_settings)


@pytest.fixture
def service(store: LoadSettingsStore) -> AnswerSettingsService:
    return AnswerSettingsService(store, lambda path: "hf:org/repo/m.gguf" if path.stem == "m" else "")


def model(path: Path, template: str) -> ModelRef:
    entries = {"general.architecture": "llama", "tokenizer.chat_template": template}
    return local_ref(forge.write(path, {key: forge.Value(8, text) for key, text in entries.items()}, []))


def test_settings_are_kept_beside_those_of_the_load_under_all_names(
    service: AnswerSettingsService, store: LoadSettingsStore, tmp_path: Path
) -> None:
    ref = model(tmp_path / "m.gguf", SWITCH)
    store.set(ref.identity, LoadSettings(context=2048))
    service.remember(ref, AnswerSettings(thinking=False))
    assert service.of(ref) == service.of(ModelRef("m", "hf:org/repo/m.gguf")) == AnswerSettings(thinking=False)
    assert store.get(ref.identity) == LoadSettings(context=2048)
    service.remember(ref, NOTHING_ASKED)
    assert service.of(ref).unset and store.get(ref.identity) == LoadSettings(context=2048)


def test_the_template_in_use_says_what_can_be_set(service: AnswerSettingsService, tmp_path: Path) -> None:
    ref = model(tmp_path / "one.gguf", SWITCH)
    assert service.asking(ref) == Asking(NOTHING_ASKED, True, ())
    with pytest.raises(UsageError, match="knows no effort 'low'") as caught:
        service.remember(ref, AnswerSettings(effort="low"))
    assert caught.value.hint == "It has no levels: leave it to the model."
    service.remember(ref, AnswerSettings(LEVELS, effort="low"))
    with pytest.raises(UsageError, match="no switch for thinking") as caught:
        service.remember(ref, AnswerSettings(LEVELS, thinking=True))
    assert caught.value.hint == "It has levels of effort: low, medium, high."
    service.remember(ref, AnswerSettings(None, effort="low"))  # what was set before is no mistake
    assert service.for_answer(ref) == NOTHING_ASKED
    assert service.asking(ref).settings.effort == "low"


def test_another_file_in_the_same_place_is_read_anew(service: AnswerSettingsService, tmp_path: Path) -> None:
    assert service.asking(model(tmp_path / "one.gguf", SWITCH)).thinking
    assert service.asking(model(tmp_path / "one.gguf", LEVELS)).efforts == ("low", "medium", "high")
    (tmp_path / "one.gguf").write_bytes(b"no model")
    assert service.asking(local_ref(tmp_path / "one.gguf")) == Asking()
    assert service.asking(local_ref(tmp_path / "gone.gguf")) == Asking()
    assert service.asking(ModelRef("remote", "hf:org/other/x.gguf")) == Asking()


def test_what_cannot_be_written_is_told(service: AnswerSettingsService, paths: Paths, tmp_path: Path) -> None:
    paths.load_settings.mkdir(parents=True)
    with pytest.raises(StoreError, match="could not remember how this model is asked"):
        service.remember(model(tmp_path / "one.gguf", SWITCH), AnswerSettings(thinking=True))
