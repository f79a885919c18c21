"""Changing the folder of backends: each change whole or not at all, and the one before it one call away."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.engine.further_backends import BOX, confirm, examine
from desktop.services.engine.backend_folder import BackendFolder

KINDS = {"libggml-vulkan.so": "Vulkan", "libggml-vulkan-new.so": "Vulkan", "libggml-cuda.so": "CUDA"}


def trial(file: Path) -> Tried:
    """What each library says, at once; one whose content is "bad" fails."""
    if file.read_bytes() == b"bad":
        raise HeftError("it computes a wrong answer.", "Take another.", kind=FailureKind.REFUSED_BACKEND)
    kind = KINDS.get(file.name, file.name)
    return Tried(kind, (ProvenDevice(f"{kind}0"),))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An engine with an empty box."""
    (tmp_path / "llama_cpp" / "lib" / BOX).mkdir(parents=True)
    return tmp_path / "llama_cpp"


@pytest.fixture
def folder(tmp_path: Path, package: Path) -> BackendFolder:
    return BackendFolder(tmp_path / "backends", package)


def library(tmp_path: Path, name: str, content: bytes = b"first") -> Path:
    place = tmp_path / "new" / f"libggml-{name}.so"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    return place


def used(folder: BackendFolder) -> list[str]:
    return [row.key for row in folder.rows() if row.used]


def files(folder: BackendFolder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder._folder.glob("lib*.so")}


def test_the_one_that_is_added_goes_first_and_back_undoes_that_and_itself(
    folder: BackendFolder, tmp_path: Path
) -> None:
    folder.add(library(tmp_path, "vulkan"), trial)
    assert used(folder) == ["libggml-vulkan.so"]
    assert folder.add(library(tmp_path, "cuda"), trial).since > 0
    assert used(folder) == ["libggml-cuda.so", "libggml-vulkan.so"]
    folder.back()
    assert used(folder) == ["libggml-vulkan.so"] and "libggml-cuda.so" not in files(folder)
    folder.back()
    assert used(folder) == ["libggml-cuda.so", "libggml-vulkan.so"]


def test_another_build_of_a_backend_is_kept_until_the_next_is_proven(folder: BackendFolder, tmp_path: Path) -> None:
    folder.add(library(tmp_path, "vulkan", b"older"), trial)
    folder.add(library(tmp_path, "vulkan", b"newer"), trial)
    assert files(folder) == {"libggml-vulkan.so": b"newer"}
    with pytest.raises(HeftError) as refused:
        folder.add(library(tmp_path, "vulkan", b"bad"), trial)
    assert refused.value.message == "libggml-vulkan.so was not added: it computes a wrong answer."
    assert refused.value.kind == "refused-backend" and refused.value.hint == "Take another."
    assert files(folder) == {"libggml-vulkan.so": b"newer"}
    folder.back()
    assert files(folder) == {"libggml-vulkan.so": b"older"} and used(folder) == ["libggml-vulkan.so"]
    folder.back()
    assert files(folder) == {"libggml-vulkan.so": b"newer"} and used(folder) == ["libggml-vulkan.so"]


def test_a_second_of_a_kind_takes_the_place_and_gives_it_back(folder: BackendFolder, tmp_path: Path) -> None:
    folder.add(library(tmp_path, "vulkan"), trial)
    folder.add(library(tmp_path, "vulkan-new"), trial)
    assert used(folder) == ["libggml-vulkan-new.so"]
    with pytest.raises(HeftError) as several:
        BackendFolder(folder._folder, folder._package).find("lkan")
    assert several.value.kind == "not-found"
    assert folder.find("Vulkan").file == "libggml-vulkan-new.so"  # the one that is used
    folder.use("libggml-vulkan.so")
    assert used(folder) == ["libggml-vulkan.so"]


def test_a_refused_library_leaves_nothing(folder: BackendFolder, tmp_path: Path) -> None:
    with pytest.raises(HeftError):
        folder.add(library(tmp_path, "cuda", b"bad"), trial)
    assert not [file for file in folder._folder.rglob("*") if file.name != ".lock"]
    assert not folder.can_go_back()
    with pytest.raises(HeftError) as nothing:
        folder.back()
    assert nothing.value.kind == "not-found"


def test_what_a_killed_trial_left_goes_with_the_next(folder: BackendFolder, tmp_path: Path) -> None:
    left = folder._folder / ".adding-left"
    left.mkdir(parents=True)
    (left / "libggml-cuda.so").write_bytes(b"half")
    folder.add(library(tmp_path, "vulkan"), trial)
    assert not left.exists() and used(folder) == ["libggml-vulkan.so"]


def test_one_of_the_box_is_set_aside_and_comes_back(folder: BackendFolder, package: Path, tmp_path: Path) -> None:
    boxed = package / "lib" / BOX / "libggml-cuda.so"
    boxed.write_bytes(b"in the box")
    folder.add(library(tmp_path, "vulkan"), trial)
    examine(str(folder._folder), package, trial)
    confirm(str(folder._folder))
    assert used(folder) == ["libggml-vulkan.so", f"{BOX}/libggml-cuda.so"]
    folder.remove("cuda")
    assert used(folder) == ["libggml-vulkan.so"] and boxed.exists() and folder.find("cuda").aside
    folder.back()
    folder.use("cuda")
    assert used(folder) == [f"{BOX}/libggml-cuda.so", "libggml-vulkan.so"]


def test_one_that_is_set_aside_is_not_even_tried(folder: BackendFolder, package: Path, tmp_path: Path) -> None:
    boxed = package / "lib" / BOX / "libggml-cuda.so"
    boxed.write_bytes(b"in the box")
    examine(str(folder._folder), package, trial)
    confirm(str(folder._folder))
    folder.remove("cuda")
    boxed.write_bytes(b"another one")
    assert examine(str(folder._folder), package, lambda file: pytest.fail("tried")) == []


def test_a_backend_that_failed_is_not_used_before_it_passes(folder: BackendFolder, tmp_path: Path) -> None:
    folder.add(library(tmp_path, "cuda"), trial)
    (folder._folder / "libggml-cuda.so").write_bytes(b"bad")
    assert folder.try_again("libggml-cuda.so", trial).left_out == "it computes a wrong answer."
    with pytest.raises(HeftError) as refused:
        folder.use("libggml-cuda.so")
    assert "heft backends try" in refused.value.hint and used(folder) == []
    (folder._folder / "libggml-cuda.so").write_bytes(b"good again")
    assert folder.try_again("libggml-cuda.so", trial).used


@pytest.mark.parametrize(("name", "kind"), [("model.gguf", "refused-backend"), ("libggml-none.so", "not-found")])
def test_what_is_no_backend_by_its_name_is_not_even_copied(
    name: str, kind: str, folder: BackendFolder, tmp_path: Path
) -> None:
    if kind == "refused-backend":
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(HeftError) as refused:
        folder.add(tmp_path / name, lambda file: pytest.fail("tried"))
    assert refused.value.kind == kind and refused.value.hint and not folder._folder.exists()


def test_one_change_at_a_time(folder: BackendFolder, tmp_path: Path) -> None:
    folder.add(library(tmp_path, "vulkan"), trial)
    with FileLock(folder._folder / ".lock"), pytest.raises(HeftError) as busy:
        folder.add(library(tmp_path, "cuda"), trial)
    assert busy.value.kind == "busy" and used(folder) == ["libggml-vulkan.so"]


def test_a_folder_that_cannot_be_written_is_said(folder: BackendFolder, tmp_path: Path) -> None:
    folder._folder.write_bytes(b"a file where a folder is wanted")
    with pytest.raises(HeftError) as failed:
        folder.add(library(tmp_path, "vulkan"), trial)
    assert failed.value.kind == "store" and "cannot be used" in failed.value.message
