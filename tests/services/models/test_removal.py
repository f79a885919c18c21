"""Removing models: what came from the Hub goes with its bytes, or not at all; what others need stays, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.downloading import WAIT
from support.hub_server import BytesContent, HubServer, Repo
from support.removal_engine import Engine

from desktop.core.errors import HeftError, StoreError
from desktop.core.model_kind import ModelKind
from desktop.services.models.downloads import DownloadService
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.models.removal import RemovalService
from desktop.services.models.removal_words import consequences, outcome
from desktop.store.fetched import FetchedStore
from desktop.store.paths import Paths
from desktop.store.removal import Remover
from desktop.store.settings import SettingsStore

REPO = "owner/model"
Q4, Q8, PROJECTOR = "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf"
SHARDS = ("big-Q6_K-00001-of-00002.gguf", "big-Q6_K-00002-of-00002.gguf")


def model_bytes(tmp_path: Path, **extra: object) -> BytesContent:
    path = g.model(**extra).write(tmp_path / "made.gguf")  # type: ignore[arg-type]
    return BytesContent(path.read_bytes())


@pytest.fixture
def repo(hub: HubServer, tmp_path: Path) -> Repo:
    files = {
        Q4: model_bytes(tmp_path, general__size_label="a"),
        Q8: model_bytes(tmp_path, general__size_label="b"),
        PROJECTOR: model_bytes(tmp_path, architecture="clip"),
        SHARDS[0]: model_bytes(tmp_path, split__no=0, split__count=2, general__size_label="c"),
        SHARDS[1]: model_bytes(tmp_path, split__no=1, split__count=2, general__size_label="d"),
        "config.json": BytesContent(b"{}"),
    }
    return hub.add(Repo(REPO, dict(files), commit="a" * 40))


@pytest.fixture
def library(paths: Paths, cache: Path, tmp_path: Path) -> LibraryService:
    around = {"HF_HUB_CACHE": str(cache)}
    return LibraryService(paths, SettingsStore(paths.settings), environ=around, home=tmp_path / "home")


@pytest.fixture
def removals(paths: Paths, library: LibraryService) -> RemovalService:
    return RemovalService(paths, library)


def fetch(service: DownloadService, *files: str, **options: Path) -> None:
    state = service.wait(service.start(REPO, files, name="x", **options), WAIT)  # type: ignore[arg-type]
    assert state.phase == "finished", state.message


def find(library: LibraryService, name: str) -> LibraryModel:
    return next(model for model in library.scan() if model.path.name == name)


def used(folder: Path) -> int:
    """Bytes of a folder on disk, links not followed; locks are empty."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_it_goes_with_its_bytes_and_can_come_again(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path
) -> None:
    fetch(service, Q4)
    removal = removals.plan(find(library, Q4))
    assert (removal.frees_bytes, removal.to_trash, removal.repo) == (repo.files[Q4].size, False, REPO)
    size = f"{removal.frees_bytes / 1e3:.1f} kB"
    assert consequences(removal) == [f"This frees {size}. It can be downloaded again from {REPO}."]
    removals.remove(removal)
    assert "free again" in outcome(removal)
    assert not [path for path in cache.rglob("*") if path.is_file() or path.is_symlink()]
    assert not list(cache.glob("models--*"))
    service.forget_missing()
    assert service.states() == ()
    fetch(service, Q4)
    assert find(library, Q4).path.read_bytes() == repo.files[Q4].read(0, repo.files[Q4].size)


def test_other_variants_and_a_shared_projector_stay(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path
) -> None:
    from huggingface_hub import scan_cache_dir

    fetch(service, Q4, PROJECTOR)
    fetch(service, Q8, PROJECTOR)
    first = removals.plan(find(library, Q4))
    assert first.needed_by == "m-Q8_0" and [path.name for path in first.stays] == [PROJECTOR]
    assert "Its projector stays: m-Q8_0 needs it." in consequences(first)
    removals.remove(first)
    (left,) = [model for model in library.scan() if model.source == "huggingface"]
    assert left.path.name == Q8 and len(left.mmproj) == 1
    report = scan_cache_dir(cache)
    (revision,) = (revision for known in report.repos for revision in known.revisions)
    assert not report.warnings and {file.file_name for file in revision.files} == {Q8, PROJECTOR}
    second = removals.plan(left)
    assert second.frees_bytes == repo.files[Q8].size + repo.files[PROJECTOR].size
    removals.remove(second)
    assert used(cache) == 0


def test_companions_that_came_later_are_told_and_the_draft_is_a_model_of_its_own(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path, tmp_path: Path
) -> None:
    head = "mtp-m.gguf"
    repo.files[head] = model_bytes(tmp_path, architecture="gemma4-assistant")
    fetch(service, Q4)
    assert find(library, Q4).mmproj == () and removals.plan(find(library, Q4)).frees_bytes == repo.files[Q4].size
    fetch(service, PROJECTOR)
    fetch(service, head)
    removal = removals.plan(find(library, Q4))
    assert removal.frees_bytes == repo.files[Q4].size + repo.files[PROJECTOR].size
    assert "These are 2 files, its projector among them." in consequences(removal)
    removals.remove(removal)
    left = find(library, head)
    assert left.kind is ModelKind.DRAFT and [
        model.path.name for model in library.scan() if model.source != "starter"
    ] == [head]
    removals.remove(removals.plan(left))
    assert used(cache) == 0


def test_all_parts_go(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path
) -> None:
    fetch(service, *SHARDS)
    removal = removals.plan(find(library, SHARDS[0]))
    assert len(removal.files) == 2 and "These are 2 files." in consequences(removal)
    removals.remove(removal)
    assert used(cache) == 0


def test_every_version_that_leads_to_the_bytes_goes(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path
) -> None:
    fetch(service, Q4)
    repo.commit = "b" * 40
    fetch(service, Q4)
    removal = removals.plan(find(library, Q4))
    assert len(removal.links) == 2 and removal.frees_bytes == repo.files[Q4].size
    removals.remove(removal)
    assert not list(cache.glob("models--*"))


def test_where_links_are_impossible_the_copy_goes(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "symlink_to", refuse)
        fetch(service, Q4)
    removal = removals.plan(find(library, Q4))
    assert removal.links == () and removal.frees_bytes == repo.files[Q4].size
    removals.remove(removal)
    assert not list(cache.glob("models--*"))


def as_another_program(paths: Paths) -> None:
    """Forget that Heft fetched anything."""
    paths.fetched.unlink()


def test_gguf_files_that_another_program_fetched_may_go(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, paths: Paths, cache: Path
) -> None:
    fetch(service, Q4)
    as_another_program(paths)
    removals.remove(removals.plan(find(library, Q4)))
    assert used(cache) == 0


def test_a_snapshot_of_another_program_stays_whole(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, paths: Paths, cache: Path
) -> None:
    fetch(service, Q4, "config.json")
    as_another_program(paths)
    before = sorted(cache.rglob("*"))
    with pytest.raises(HeftError) as refused:
        removals.plan(find(library, Q4))
    assert refused.value.kind == "not-ours"
    assert REPO in refused.value.message and f"hf cache rm model/{REPO}" in refused.value.hint
    assert sorted(cache.rglob("*")) == before


def test_another_version_that_another_program_fetched_keeps_the_bytes(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, paths: Paths
) -> None:
    fetch(service, Q4)
    mine = dict(FetchedStore(paths.fetched).load())
    repo.commit = "b" * 40
    fetch(service, Q4, "config.json")
    as_another_program(paths)
    for file in mine.values():
        FetchedStore(paths.fetched).add(file)
    with pytest.raises(HeftError, match="another program"):
        removals.plan(find(library, Q4))


def test_a_second_name_of_the_bytes_is_told(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, tmp_path: Path
) -> None:
    fetch(service, Q4)
    os.link(find(library, Q4).path.resolve(), tmp_path / "mine.gguf")
    removal = removals.plan(find(library, Q4))
    assert removal.frees_bytes == 0 and "frees nothing" in consequences(removal)[0]


def test_a_link_of_another_program_to_the_bytes_is_named(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, tmp_path: Path
) -> None:
    fetch(service, Q4)
    link = tmp_path / "home" / ".lmstudio" / "models" / "o" / "m" / Q4
    link.parent.mkdir(parents=True)
    link.symlink_to(find(library, Q4).path.resolve())
    with pytest.raises(HeftError, match="is used at") as refused:
        removals.plan(find(library, Q4))
    assert str(link) in refused.value.message


@pytest.mark.parametrize(
    ("place", "said"),
    [(".lmstudio/models/o/m", "belongs to LM Studio"), ("mine", "in a folder of yours")],
)
def test_other_programs_files_say_whose_they_are(
    library: LibraryService, removals: RemovalService, tmp_path: Path, place: str, said: str
) -> None:
    path = g.model().write(tmp_path / "home" / place / "x-Q4_0.gguf")
    library.add_folder(tmp_path / "home")
    model = find(library, path.name)
    assert not removals.may_remove(model)
    with pytest.raises(HeftError, match=said) as refused:
        removals.plan(model)
    assert refused.value.hint and path.exists()


def test_what_was_fetched_into_a_folder_of_the_user_goes_too(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, tmp_path: Path
) -> None:
    folder = tmp_path / "chosen"
    fetch(service, Q4, folder=folder)
    beside = g.model().write(folder / "mine-Q4_0.gguf")
    library.add_folder(folder)
    removal = removals.plan(find(library, Q4))
    assert (removal.frees_bytes, removal.to_trash, removal.repo) == (repo.files[Q4].size, False, REPO)
    removals.remove(removal)
    assert [path.name for path in folder.iterdir()] == [beside.name]


def test_a_failure_in_the_middle_leaves_everything(
    repo: Repo, service: DownloadService, library: LibraryService, removals: RemovalService, cache: Path,
    paths: Paths, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fetch(service, *SHARDS)
    before, removal = sorted(cache.rglob("*")), removals.plan(find(library, SHARDS[0]))
    replace, calls = Path.replace, 0

    def second_fails(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 3:  # the journal, the first file, the second
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", second_fails)
        with pytest.raises(StoreError) as refused:
            removals.remove(removal)
    assert "cannot be removed" in refused.value.message and refused.value.hint
    assert sorted(cache.rglob("*")) == before and not paths.removing.exists()
    assert find(library, SHARDS[0]).problem == ""


def test_a_removal_that_was_killed_is_finished(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(files[0])
    code = (
        "import os, sys; from pathlib import Path; from desktop.store.removal import Remover\n"
        "replace, count = Path.replace, []\n"
        "def die(self, target):\n"
        "    if len(count) == 2: os._exit(9)\n"  # the journal and the first file are moved
        "    count.append(1); return replace(self, target)\n"
        "Path.replace = die\n"
        "folder = Path(sys.argv[1])\n"
        "Remover(folder / 'journal').remove([folder / 'one', folder / 'two'], [folder / 'link'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 9 and files[1].exists()
    Remover(tmp_path / "journal").finish()
    assert list(tmp_path.iterdir()) == []
    Remover(tmp_path / "journal").finish()  # nothing left to do


def test_on_a_full_disk_space_can_be_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "one"
    file.write_bytes(b"x")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("desktop.store.removal.write_atomically", full)
    Remover(tmp_path / "journal").remove([file])
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_model_is_unloaded_first(
    repo: Repo, service: DownloadService, library: LibraryService, paths: Paths, cache: Path
) -> None:
    fetch(service, Q4)
    engine = Engine(find(library, Q4).path)
    removals = RemovalService(paths, library, engine)
    removal = removals.plan(find(library, Q4))
    assert removal.loaded and "It is loaded now, and will be unloaded." in consequences(removal)
    removals.remove(removal)
    assert engine.told == ["unload", f"forget {[Q4]}"] and used(cache) == 0


def test_one_that_is_answering_stays(
    repo: Repo, service: DownloadService, library: LibraryService, paths: Paths, cache: Path
) -> None:
    fetch(service, Q4)
    removals = RemovalService(paths, library, Engine(find(library, Q4).path, "generating"))
    with pytest.raises(HeftError, match="is writing an answer") as refused:
        removals.remove(removals.plan(find(library, Q4)))
    assert refused.value.hint == "Stop it first." and used(cache) > 0


def test_the_projector_in_hefts_own_folder_goes_with_its_model(
    library: LibraryService, removals: RemovalService, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    own = paths.models / "one"
    g.model().write(own / Q4)
    g.model(architecture="clip").write(own / PROJECTOR)
    removal = removals.plan(find(library, Q4))
    assert removal.to_trash and len(removal.files) == 2
    removals.remove(removal)
    assert list(own.iterdir()) == []


def test_the_command(
    repo: Repo, service: DownloadService, library: LibraryService, heft_home: Path, cache: Path, tmp_path: Path
) -> None:
    fetch(service, Q4)
    g.model().write(tmp_path / "home" / ".lmstudio" / "models" / "o" / "m" / "theirs-Q4_0.gguf")
    environ = {**os.environ, "HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(cache)}

    def heft(*arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
        command = [sys.executable, "-m", "desktop", "library", *arguments, "--json"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    code, told = heft("--remove", "m-Q4_K_M")
    assert code == 2 and "This frees" in str(told["error"]["message"]) and "--yes" in str(told["error"]["hint"])
    code, told = heft("--remove", "theirs-Q4_0", "--yes")
    assert code == 1 and told["error"]["kind"] == "not-ours"
    code, told = heft("--remove", "m-Q4_K_M", "--yes")
    assert code == 0 and told["removed"]["freed_bytes"] == repo.files[Q4].size
    assert used(cache) == 0
