"""Places in the Hugging Face cache, where several downloads write at once."""

from pathlib import Path

import pytest

from desktop.hub.placement import CachePlaces


def test_two_downloads_of_one_repo_may_end_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace
    others = [CachePlaces(tmp_path, "owner/model")]

    def while_another_ends(fresh: Path, target: Path) -> Path:
        if others:
            others.pop().name_revision("main", "b" * 40)
        return replace(fresh, target)

    monkeypatch.setattr(Path, "replace", while_another_ends)
    places = CachePlaces(tmp_path, "owner/model")
    places.name_revision("main", "a" * 40)
    assert others == []
    assert (places.root / "refs" / "main").read_text() == "a" * 40
    assert [path.name for path in places.root.rglob("*") if path.is_file()] == ["main"]
