"""llama.cpp's converter out of the engine's archive, and its place beside the engine."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import freeze
import pytest

from desktop.engine.builder.converter import REQUIREMENTS, SCRIPT, gather, gathered_from

ROOT = "engine-1/vendor/llama.cpp/"


def archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            made.addfile(member, io.BytesIO(b"x"))
    return path


def test_only_the_converter_is_unpacked_and_once(tmp_path: Path) -> None:
    wanted = (SCRIPT, "conversion/base.py", "gguf-py/gguf/constants.py", REQUIREMENTS, "LICENSE")
    others = ("convert_lora_to_gguf.py", "src/llama.cpp", "gguf-py/gguf/scripts/gguf_dump.py", "conversion/a/b.py")
    sources = archive(tmp_path / "a.tar.gz", *(f"{ROOT}{name}" for name in (*wanted, *others)), "engine-1/setup.py")
    folder = gather(sources, tmp_path / "lib" / "converter")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*wanted, "from.txt"} and gathered_from(folder) == "a.tar.gz"
    assert [path.name for path in folder.parent.iterdir()] == ["converter"]
    before = (folder / SCRIPT).stat().st_ino
    assert gather(sources, folder) == folder and (folder / SCRIPT).stat().st_ino == before
    newer = archive(tmp_path / "b.tar.gz", f"{ROOT}{SCRIPT}")
    gather(newer, folder)
    assert gathered_from(folder) == "b.tar.gz" and not (folder / "conversion").exists()


def test_an_archive_without_one_is_refused_and_leaves_what_was_there(tmp_path: Path) -> None:
    folder = gather(archive(tmp_path / "a.tar.gz", f"{ROOT}{SCRIPT}"), tmp_path / "converter")
    with pytest.raises(ValueError, match=SCRIPT):
        gather(archive(tmp_path / "b.tar.gz", f"{ROOT}src/llama.cpp"), folder)
    assert gathered_from(folder) == "a.tar.gz"


def test_it_is_put_beside_the_engine_that_is_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "lib" / "llama_cpp" / "lib"
    library.mkdir(parents=True)
    monkeypatch.setattr(freeze, "ENVIRONMENT", tmp_path)
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(freeze, "run", lambda *command: ran.append(tuple(map(str, command))))
    freeze.gather_converter()
    assert ran[0][1:] == ("packaging/gather_converter.py", "--into", str(library / "converter"))
