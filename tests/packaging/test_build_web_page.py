"""The sources of llama.cpp's web page, out of the engine's archive."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from build_web_page import unpack


def archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            made.addfile(member, io.BytesIO(b"x"))
    return path


def test_only_the_page_is_unpacked(tmp_path: Path) -> None:
    page = "engine-1/vendor/llama.cpp/tools/ui/"
    sources = archive(tmp_path / "a.tar.gz", f"{page}package.json", f"{page}src/app.html", "engine-1/setup.py")
    found = unpack(sources, tmp_path / "page")
    assert sorted(path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()) == [
        "package.json",
        "src/app.html",
    ]


def test_an_archive_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tools/ui"):
        unpack(archive(tmp_path / "a.tar.gz", "engine-1/setup.py"), tmp_path / "page")


def test_a_name_that_leads_out_is_refused(tmp_path: Path) -> None:
    evil = archive(tmp_path / "a.tar.gz", "engine-1/vendor/llama.cpp/tools/ui/../../../evil")
    with pytest.raises(tarfile.FilterError):
        unpack(evil, tmp_path / "page")
