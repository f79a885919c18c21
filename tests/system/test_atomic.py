"""A file is written whole or not at all, nothing is left beside it, and nothing of Heft writes in another way."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import desktop
from desktop.system.atomic import atomic_file, put_in_place, save_for_user, scratch_file, write_atomically

PACKAGE = Path(desktop.__file__).parent
NO_FILES = {
    "ui/shared/transcript/view.py", "ui/shared/transcript/item.py",  # whose replace() shows another message
    # whole folders, also before Heft is installed
    "engine/builder/compiling.py", "engine/builder/unpacked.py", "engine/builder/cuda.py", "engine/builder/vulkan.py",
    "engine/builder/debian_tools.py", "engine/builder/ggml_alone.py",
    "engine/builder/cuda_tools.py", "engine/builder/converter.py", "engine/converter/environment.py",
}  # fmt: skip


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "made" / "kept.json"
    write_atomically(path, b"old and longer")
    write_atomically(path, memoryview(b"new"), durable=False)
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_target_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    taken = tmp_path / "kept.json"
    taken.mkdir()  # no file takes the place of a folder
    with pytest.raises(OSError):
        write_atomically(taken, b"new")
    assert list(tmp_path.iterdir()) == [taken]


def test_a_writer_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    path, beside = tmp_path / "refs" / "main", tmp_path / "beside"
    beside.mkdir()
    write_atomically(path, b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path, folder=beside) as stream:
        stream.write(b"half of the new")
        stream.flush()
        assert len(list(beside.iterdir())) == 1 and list(path.parent.iterdir()) == [path]
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and not list(beside.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_own_data_is_private_and_what_the_user_saves_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "own", b"")
        save_for_user(tmp_path / "saved", b"")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "saved")] == [0o600, 0o640]


def test_a_folder_the_user_mistyped_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_for_user(tmp_path / "mistyped" / "chat.md", b"text")
    assert not list(tmp_path.iterdir())


def test_a_scratch_file_is_gone_with_the_block_unless_it_was_put_in_place(tmp_path: Path) -> None:
    with scratch_file(tmp_path, ".gguf") as scratch:
        assert scratch.suffix == ".gguf" and scratch.read_bytes() == b""
    with scratch_file(tmp_path) as kept:
        kept.write_bytes(b"kept")
        put_in_place(kept, tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def _other_ways(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, node.func.value
        of_structs = isinstance(owner, ast.Attribute) and owner.attr == "structs"
        moves = name in ("replace", "rename") and len(node.args) == 1 and not node.keywords and not of_structs
        of_system = ast.unparse(node.func) in ("os.replace", "os.rename", "shutil.move")
        if moves or of_system or name in ("mkstemp", "NamedTemporaryFile", "write_text", "write_bytes"):
            yield node.lineno, name


def test_every_other_file_of_heft_goes_through_here() -> None:
    assert list(_other_ways("Path('a').replace(b)\nos.replace(a, b)\n'a'.replace('b', 'c')\np.write_text('x')")) == [
        (1, "replace"),
        (2, "replace"),
        (4, "write_text"),
    ]
    found = {
        str(path.relative_to(PACKAGE)): ways
        for path in PACKAGE.rglob("*.py")
        if (ways := list(_other_ways(path.read_text(encoding="utf-8"))))
    }
    assert found.keys() - NO_FILES == {"system/atomic.py"}
