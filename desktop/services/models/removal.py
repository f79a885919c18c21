"""Removing a model: whether Heft may, what it frees, and all of it or nothing.

Files in Heft's own folder go to the trash. What came from the Hub is deleted, because it can be fetched again and the
space is wanted: with its bytes, every link of the Hugging Face cache that leads to them, all parts and the projector.
It may be removed where Heft fetched it, or where no other program's snapshot needs it. Other programs' files stay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from desktop.core.errors import EngineError, HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.cached_files import CachedFile, cached_file, other_files, snapshot_of, tidy_repo
from desktop.services.engine.supervisor import EngineState
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.store.fetched import FetchedFile, FetchedStore
from desktop.store.paths import Paths
from desktop.store.removal import Remover

_UNLOAD_SECONDS = 10.0
_OWNERS = {"lmstudio": "LM Studio", "ollama": "Ollama"}


class RunningEngine(Protocol):
    """The engine that may have a model's files open."""

    @property
    def state(self) -> EngineState:
        """What it holds."""

    def unload(self) -> None:
        """Let go of the model; listeners hear when that is done."""

    def forget(self, files: Collection[Path]) -> None:
        """These files are gone: their model is not to be loaded again."""

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        """Hear every change of state."""


@dataclass(frozen=True)
class Removal:
    """What removing a model would do.

    ``files`` are those that hold its bytes, ``links`` names that lead to them; ``frees_bytes`` is what the disk has
    more of afterwards (after the trash is emptied, with ``to_trash``). ``stays`` are projectors that ``needed_by``
    other models need. ``repo`` is where it came from, "" when that is not known. ``loaded``: the engine has it open.
    """

    model: LibraryModel
    files: tuple[Path, ...]
    links: tuple[Path, ...]
    frees_bytes: int
    to_trash: bool
    repo: str = ""
    cached_in: Path | None = None
    stays: tuple[Path, ...] = ()
    needed_by: str = ""
    loaded: bool = False


class RemovalService:
    """Plans and does removals. Calls take their time and may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        library: LibraryService,
        engine: RunningEngine | None = None,
        *,
        removed: Callable[[], None] = lambda: None,
    ) -> None:
        """``removed`` is called after each removal."""
        self._library = library
        self._engine = engine
        self._removed = removed
        self._fetched = FetchedStore(paths.fetched)
        self._remover = Remover(paths.removing)

    def finish(self) -> None:
        """Finish what an earlier Heft was removing when it was ended."""
        self._remover.finish()

    def may_remove(self, model: LibraryModel) -> bool:
        """Whether it is worth asking: the last word has :meth:`plan`."""
        if model.source in ("heft", "huggingface"):
            return True
        return model.source == "folder" and self._was_fetched(model.files, self._fetched.load())

    def plan(self, model: LibraryModel) -> Removal:
        """What removing a model would do. Raises HeftError of kind "not-ours", which says whose it is."""
        others = [other for other in self._library.scan() if other.id != model.id]
        model = next((known for known in self._library.known() if known.id == model.id), model)
        stays = [path for path in model.mmproj if any(_holds(other, path) for other in others)]
        needed_by = next((other.name for other in others for path in stays if _holds(other, path)), "")
        paths = [*model.files, *(path for path in model.mmproj if path not in stays)]
        fetched = self._fetched.load()
        if self._library.is_own(model):
            own = tuple(path for path in paths if self._library.is_in_own_folder(path))
            return self._finished(Removal(model, own, (), _size(own), True), stays, needed_by)
        if model.source == "huggingface":
            return self._finished(self._of_cache(model, paths, fetched), stays, needed_by)
        if model.source == "folder" and self._was_fetched(model.files, fetched):
            ours = tuple(path for path in paths if str(path) in fetched)
            repo = fetched[str(model.path)].repo
            return self._finished(Removal(model, ours, (), _size(ours), False, repo), stays, needed_by)
        raise _not_ours(model)

    def remove(self, removal: Removal) -> None:
        """Do it, all of it or nothing. Raises StoreError, and EngineError while it is writing an answer."""
        self._release(removal)
        if removal.to_trash:
            _trash(removal.files)
        else:
            try:
                self._remover.remove(removal.files, removal.links)
            except OSError as error:
                raise StoreError(
                    tr(
                        "{name} cannot be removed: {strerror}.",
                        name=removal.model.name,
                        strerror=error.strerror or error,
                    ),
                    tr("Close programs that use the file, or change the permissions of its folder; then try again."),
                    detail=str(error),
                ) from error
            if removal.cached_in is not None:
                tidy_repo(removal.cached_in)
        with suppress(OSError):  # a line about a file that is gone does no harm
            self._fetched.forget([*removal.files, *removal.links])
        if self._engine is not None:
            self._engine.forget({*removal.model.files, *removal.files, *removal.links})
        self._removed()

    # -- inside ------------------------------------------------------------------------------------

    def _finished(self, removal: Removal, stays: list[Path], needed_by: str) -> Removal:
        loaded = self._has_open(removal)
        return replace(removal, stays=tuple(stays), needed_by=needed_by, loaded=loaded)

    def _of_cache(self, model: LibraryModel, paths: list[Path], fetched: dict[str, FetchedFile]) -> Removal:
        found: list[CachedFile] = []
        for path in paths:
            known = cached_file(path)
            if known is None:
                raise HeftError(
                    tr("{name} is a link of the Hugging Face cache to a file elsewhere.", name=model.name),
                    tr("Remove it there: {parent}", parent=path.resolve().parent),
                    kind=FailureKind.NOT_OURS,
                )
            found.append(known)
        self._check_others(model, found, fetched)
        return Removal(
            model,
            tuple(file.blob for file in found),
            tuple(link for file in found for link in file.links if link != file.blob),
            sum(file.freed_bytes for file in found),
            False,
            found[0].repo_id,
            found[0].repo,
        )

    @staticmethod
    def _check_others(model: LibraryModel, found: list[CachedFile], fetched: dict[str, FetchedFile]) -> None:
        """Refuse where another program needs one of the files."""
        for file in found:
            for link in file.links:
                snapshot = snapshot_of(link, file.repo)
                if str(link) not in fetched and other_files(snapshot):
                    raise HeftError(
                        tr(
                            "{name} belongs to a snapshot of {repo_id} that another program fetched as a whole "
                            "({name2}).",
                            name=model.name,
                            repo_id=file.repo_id,
                            name2=snapshot.name[:12],
                        ),
                        tr(
                            "Remove it with the tool of the Hugging Face cache: hf cache rm model/{repo_id}",
                            repo_id=file.repo_id,
                        ),
                        kind=FailureKind.NOT_OURS,
                    )
        blobs = {file.blob for file in found}
        inside = {link for file in found for link in file.links}
        for other in model.also_in:
            if other not in inside and other.is_symlink() and other.resolve() in blobs:
                raise HeftError(
                    tr(
                        "{name} is used at {other} too, which is a link to the same file.", name=model.name, other=other
                    ),
                    tr("Remove that link first."),
                    kind=FailureKind.NOT_OURS,
                )

    @staticmethod
    def _was_fetched(paths: Iterable[Path], fetched: dict[str, FetchedFile]) -> bool:
        return all(str(path) in fetched for path in paths)

    def _has_open(self, removal: Removal) -> bool:
        state = self._engine.state if self._engine is not None else EngineState()
        if state.model_path is None or state.endpoint or state.phase not in ("loading", "ready", "generating"):
            return False
        path = Path(state.model_path)
        return path in removal.model.files or path.resolve() in {file.resolve() for file in removal.files}

    def _release(self, removal: Removal) -> None:
        """Let the engine close the files: on Windows they could not be removed, elsewhere their space not be freed."""
        engine = self._engine
        if engine is None or not self._has_open(removal):
            return
        if engine.state.phase == "generating":
            raise EngineError(
                tr("{name} is writing an answer.", name=removal.model.name), tr("Stop it first."), kind=FailureKind.BUSY
            )
        closed = threading.Event()
        stop = engine.subscribe(lambda state: closed.set() if not self._has_open(removal) else None)
        try:
            engine.unload()
            if self._has_open(removal) and not closed.wait(_UNLOAD_SECONDS):
                raise EngineError(
                    tr("{name} is loaded and was not let go of.", name=removal.model.name),
                    tr("Load another model first."),
                    kind=FailureKind.BUSY,
                )
        finally:
            stop()


def _holds(model: LibraryModel, projector: Path) -> bool:
    return any(path == projector or path.resolve() == projector.resolve() for path in model.mmproj)


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())


def _not_ours(model: LibraryModel) -> HeftError:
    if model.source == "starter":
        return HeftError(
            tr("{name} is part of Heft.", name=model.name),
            tr("It goes when Heft is removed."),
            kind=FailureKind.NOT_OURS,
        )
    if model.source in _OWNERS:
        owner = _OWNERS[model.source]
        return HeftError(
            tr("{name} belongs to {owner}.", name=model.name, owner=owner),
            tr("Remove it in {owner}.", owner=owner),
            kind=FailureKind.NOT_OURS,
        )
    return HeftError(
        tr("{name} lies in a folder of yours, and Heft did not put it there.", name=model.name),
        tr("Delete it there: {parent}", parent=model.path.parent),
        kind=FailureKind.NOT_OURS,
    )


def _trash(paths: Iterable[Path]) -> None:
    from send2trash import send2trash  # pulls in the desktop's trash; needed only here

    for path in paths:
        try:
            send2trash(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(
                tr("{name} could not be moved to the trash.", name=path.name),
                tr("Close programs that use the file and try again."),
                detail=str(error),
            ) from error
