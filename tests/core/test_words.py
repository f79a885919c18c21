"""The words of the window in another language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core import words
from desktop.core.findings import Finding
from desktop.core.words import counted, language, language_of, parsed, tr
from desktop.store.language import chosen_language

CATALOGUE = """<?xml version="1.0" encoding="utf-8"?><TS version="2.1" language="de"><context><name>heft</name>
<message><source>Copy</source><translation>Kopieren</translation></message>
<message><source>{used:,} of {total}</source><translation>von {total} {used:,}</translation></message>
<message><source>{name} is here</source><translation>{nome} ist da</translation></message>
<message><source>Cut</source><translation type="unfinished"></translation></message>
<message><source>Gone</source><translation type="vanished">Weg</translation></message>
<message><source>{n} file</source><translation>{n} Datei</translation></message>
<message><source>{n} files</source><translation>{n} Dateien</translation></message>
</context></TS>"""


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = parsed(CATALOGUE.encode())
    monkeypatch.setenv("HEFT_LANGUAGE", "de")
    monkeypatch.setattr(words, "_catalogue", lambda code: found if code == "de" else {})
    yield


def test_english_is_what_stands_in_the_code() -> None:
    assert tr("Copy {x}") == "Copy {x}" and tr("Copy {x:,}", x=1234) == "Copy 1,234"
    assert (counted(1, "file"), counted(2, "file"), counted(1234, "file")) == ("1 file", "2 files", "1,234 files")
    assert counted("one", "file", one=True) == "one file"


@pytest.mark.usefixtures("german")
def test_a_text_is_translated_with_its_values_in_the_languages_order() -> None:
    assert tr("Copy") == "Kopieren"
    assert tr("{used:,} of {total}", used=1234, total=5) == "von 5 1,234"
    assert (counted(1, "file"), counted(0, "file")) == ("1 Datei", "0 Dateien")


@pytest.mark.usefixtures("german")
def test_what_is_missing_unfinished_or_wrong_is_english() -> None:
    assert (tr("Paste"), tr("Cut"), tr("Gone")) == ("Paste", "Cut", "Gone")
    assert tr("{name} is here", name="A") == "A is here", "a translation with another place"


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        ("de_AT.UTF-8", "de"),
        ("de", "de"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("zh-Hans-CN", "zh_CN"),
        ("fr_FR", "en"),
        ("C", "en"),
        ("", "en"),
    ],
)
def test_the_systems_language_where_there_is_a_catalogue_of_it(locale: str, code: str) -> None:
    assert language_of(locale) == code


@pytest.mark.parametrize(
    ("file", "environment", "code"),
    [
        ('{"language": "zh_CN"}', "", "zh_CN"),
        ('{"language": "system"}', "", "de"),
        ('{"language": "xx"}', "", "de"),
        ('{"language": 5}', "", "de"),
        ("[1]", "", "de"),
        ("{", "", "de"),
        ("", "", "de"),
        ('{"language": "zh_CN"}', "en", "en"),
    ],
)
def test_the_settings_name_it_and_the_environment_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, environment: str, code: str
) -> None:
    settings = tmp_path / "settings.json"
    if file:
        settings.write_text(file)
    monkeypatch.setenv("HEFT_LANGUAGE", environment)
    assert chosen_language(settings, "de_DE") == code


def test_a_byte_that_a_translated_finding_names_is_not_told_twice() -> None:
    named = Finding("error", "Bei Byte 1,234 bricht die Datei ab.", offset=1234)
    assert named.placed == named.message
    assert replace(named, message="Die Datei bricht ab.").placed == "Die Datei bricht ab. (byte 1,234)"


def test_an_unknown_language_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEFT_LANGUAGE", "xx")
    assert language() == "en" and tr("Copy") == "Copy"
