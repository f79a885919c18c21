"""The catalogues hold what the program says, and each translation has its text's places."""

from __future__ import annotations

import pytest
from catalogue import FOLDER, messages, places, translations, written, wrong

PATHS = sorted(FOLDER.glob("heft_*.ts"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_catalogue_is_as_the_program_is_now(path) -> None:  # type: ignore[no-untyped-def]
    known = messages()
    language = path.stem.removeprefix("heft_")
    assert path.read_text(encoding="utf-8") == written(language, known, translations(path)), (
        "write them anew: python packaging/catalogue.py"
    )
    assert wrong(path, known) == []


def test_texts_are_found_with_both_of_a_choice_and_both_of_a_count() -> None:
    known = messages()
    assert "{n} file" in known and "{n} files" in known and "Copy" in known
    assert known["{n} file"].formatted and not known["Copy"].formatted


def test_places_are_names_with_how_they_are_written() -> None:
    assert places("{a:,} of {b!r}") == {"a:,", "b!r:"}
    with pytest.raises(ValueError):
        places("{a")
