"""The sources of llama.cpp's web page, out of the engine's archive."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from build_web_page import licences_of, unpack


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


def test_each_package_that_the_page_is_made_of_is_named_with_its_licence(tmp_path: Path) -> None:
    def package(place: str, name: str, text: str, file: str = "LICENSE") -> None:
        folder = tmp_path / place
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"name": name, "version": "1.2.3"}))
        if text:
            (folder / file).write_text(text)

    package("svelte", "svelte", "MIT, by Svelte", "LICENSE.md")
    package("@scope/one", "@scope/one", "Apache 2")
    package("@scope/one/node_modules/two", "two", "Apache 2", "licence")
    package("silent", "silent", "")
    text = licences_of(tmp_path)
    assert "svelte 1.2.3\n\nMIT, by Svelte" in text
    assert "@scope/one 1.2.3, two 1.2.3\n\nApache 2" in text and text.count("Apache 2") == 1
    assert "silent" not in text
