"""One download from order to placed files: list, check the disk, transfer, verify, link; again where files changed."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from desktop.core.cancelled import CancelledError
from desktop.core.failures import FailureKind
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.joining import Joining, sets_of_parts
from desktop.hub.placement import CachePlaces, DownloadPaths, FolderPlaces, joined_path
from desktop.hub.records import RepoFile, RepoFiles
from desktop.hub.search import HubSearch
from desktop.hub.transfer import Fetched, FileChangedError, Transfer, Wanted, disk_error
from desktop.services.models.downloads_records import DownloadedFile, DownloadState, Order, Phase, first_state

RESERVE = 512 << 20  # bytes of a disk that a download leaves free
_CHANGES = 5  # times a repo may change under a download before it gives up
_TOLD_SECONDS = 0.2
_LOOK_SECONDS = 0.5  # between two tries for a file that another download holds
_RATE_SECONDS = 5.0  # speed is the mean of this time


class DownloadWork:
    """Works one order off. ``run`` is called by one thread; any other may call ``stop``."""

    def __init__(
        self,
        order: Order,
        client: HubClient,
        search: HubSearch,
        cache: Path,
        locks: Path,
        tell: Callable[[DownloadState], None],
        save: Callable[[Order], None],
        *,
        listed: Callable[[RepoFiles], None] = lambda _: None,
        came: Callable[[DownloadedFile], None] = lambda _: None,
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
        first_wait: float = 1.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``cache`` is the Hugging Face cache; ``locks`` holds the locks of files that go elsewhere.

        ``listed`` hears what is in the repo before anything is fetched, ``came`` of each whole file that was fetched
        now and not there before. ``alone`` is entered while files are touched: nobody else works on the order then.
        """
        self.order = order
        self._client = client
        self._search = search
        self._tell = tell
        self._save = save
        self._alone = alone
        self._listed = listed
        self._came = came
        self._now = now
        self._places: CachePlaces | FolderPlaces = (
            FolderPlaces(Path(order.folder), locks) if order.folder else CachePlaces(cache, order.repo)
        )
        self._transfer = Transfer(
            client,
            checking=self._checks, progress=self._progress, waiting=self._waits, first_wait=first_wait,
        )  # fmt: skip
        self._samples: deque[tuple[float, int]] = deque()
        self._told = 0.0
        self._before = 0  # bytes of the files that are done
        self._done: dict[str, DownloadedFile] = {}
        self._joinings: list[Joining] = []
        self._joined_now: set[str] = set()
        self.state = first_state(order)

    def stop(self) -> None:
        """End the work soon; ``run`` raises CancelledError."""
        self._transfer.stop()

    def run(self) -> None:
        """Until all files are there and verified. Raises HubError; CancelledError when stopped."""
        here = max(self.state.done_bytes, self._on_disk())  # also for one that fails before it has looked further
        self._change(
            "checking", done_bytes=here, kind="", message="", hint="", notice="", resumed_bytes=0, transferred_bytes=0
        )
        for _ in range(_CHANGES):
            listing = self._list()
            files = self._wanted(listing)
            self._listed(listing)
            with self._alone():
                self._begin(files)
                try:
                    fetched_any = self._all(files, listing.commit)
                except FileChangedError as changed:
                    self._change("checking", notice=changed.message)
                    continue
                # Files that came at different times have to be of one version; the next round fetches the difference.
                if not fetched_any or self._unchanged(files):
                    self._finish(files, listing.commit)
                    return
        raise HubError(
            tr("{repo} changes faster than it can be downloaded.", repo=self.order.repo),
            tr("Try again later."),
            kind=FailureKind.FILE_CHANGED,
        )

    def discard(self) -> None:
        """Remove what has come of files that are not whole. What is whole stays: others may use it.

        So does what another download is fetching now: variants share a projector.
        """
        from filelock import FileLock, Timeout

        for path, etag in self.order.etags.items():
            place = self._places.place(path, etag, "")
            if not (place.part.exists() or place.unjoined.exists()):
                continue
            with suppress(Timeout):
                place.lock.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(place.lock, timeout=0):
                    place.discard()

    def _on_disk(self) -> int:
        """Bytes of what an earlier run fetched."""
        found = 0
        for path, etag in self.order.etags.items():
            place = self._places.place(path, etag, "")
            for kept in (place.existing(), place.part, place.unjoined):
                if kept is not None and kept.is_file():
                    found += kept.stat().st_size
        return found

    def _begin(self, files: list[RepoFile]) -> None:
        """Note what the files are now; what came of files that were changed since is of no use."""
        self._done, self._before = {}, 0
        for file in files:
            before = self.order.etags.get(file.path, file.etag)
            if before != file.etag:
                self._places.place(file.path, before, "").discard()
                self._change("checking", notice=FileChangedError(file.path).message)
        total = sum(file.size_bytes for file in files)
        self.order = msgspec.structs.replace(
            self.order, etags={file.path: file.etag for file in files}, total_bytes=total
        )
        self._save(self.order)
        self._change("checking", total_bytes=total)

    def _unchanged(self, files: list[RepoFile]) -> bool:
        after = self._list()
        return [file.etag for file in self._wanted(after)] == [file.etag for file in files]

    def _list(self) -> RepoFiles:
        listing = self._search.files(self.order.repo, self.order.revision)
        if self._transfer.stopped:  # a request cannot be stopped half way
            raise CancelledError
        if listing.stale_since is not None:
            # An old listing is good to look at, not to verify against.
            raise HubError(
                listing.problem, tr("Resume the download when the Hub can be reached."), kind=FailureKind.NO_NETWORK
            )
        return listing

    def _wanted(self, listing: RepoFiles) -> list[RepoFile]:
        known = {file.path: file for file in listing.files}
        missing = [path for path in self.order.paths if path not in known]
        if missing:
            raise HubError(
                tr("{repo} has no file {missing} any more.", repo=self.order.repo, missing=missing[0]),
                tr("Look at the repo's variants again."),
                kind=FailureKind.FILE_NOT_FOUND,
            )
        return [known[path] for path in self.order.paths]

    def _place(self, file: RepoFile, commit: str) -> DownloadPaths:
        return self._places.place(file.path, file.etag, commit)

    def _all(self, files: list[RepoFile], commit: str) -> bool:
        """Fetch what is missing; whether anything was."""
        places = {file.path: self._place(file, commit) for file in files}
        self._joinings = [self._joining(parts, places[parts[0].path]) for parts in sets_of_parts(files)]
        parts = {part.path for joining in self._joinings for part in joining.parts}
        single = [file for file in files if file.path not in parts]
        joined = [(joining, self._joined(joining)) for joining in self._joinings]
        missing = [part for joining, count in joined for part in joining.parts[count:]]
        self._check_disk(single + missing, places, max((part.size_bytes for part in missing), default=0))
        fetched_any = False
        for file in single:
            self._change("checking", current=file.path)
            if self._one(file, places[file.path]):
                fetched_any = True
                self._came(self._done[file.path])
            self._before += file.size_bytes
        for joining, count in joined:
            fetched_any = self._join(joining, count, places) or fetched_any
        return fetched_any

    def _joining(self, parts: list[RepoFile], first: DownloadPaths) -> Joining:
        target = first.final.with_name(joined_path(parts[0].path).name)
        return Joining(target, first.unjoined, parts, told=self._checks, cancelled=lambda: self._transfer.stopped)

    def _joined(self, joining: Joining) -> int:
        """How many parts are joined already; in a folder, another file in the way is told."""
        try:
            count = joining.joined()
            if count < len(joining.parts) and joining.target.is_file():
                if isinstance(self._places, FolderPlaces):
                    raise _in_the_way(joining.target)
                joining.reopen()
        except OSError as error:
            raise disk_error(error, joining.target.parent, 0) from error
        return count

    def _join(self, joining: Joining, count: int, places: dict[str, DownloadPaths]) -> bool:
        """Fetch the parts that are not joined yet, and join each as it comes; whether any was fetched."""
        fetched_any = False
        for index, part in enumerate(joining.parts):
            self._change("checking", current=part.path)
            if index < count:
                self.state = replace(self.state, resumed_bytes=self.state.resumed_bytes + part.size_bytes)
            else:
                place = places[part.path]
                fetched_any = self._one(part, place) or fetched_any
                try:
                    joining.add(index, place.existing() or place.stored)
                    self._joined_now.add(part.path)
                    place.remove()
                except OSError as error:
                    raise disk_error(error, joining.target.parent, part.size_bytes) from error
            self._done[part.path] = DownloadedFile(
                part.path, part.size_bytes, part.sha256, joining.target, verified=True
            )
            self._before += part.size_bytes
        return fetched_any

    def _one(self, file: RepoFile, place: DownloadPaths) -> bool:
        wanted = Wanted(self.order.repo, file.path, self.order.revision, file.etag, file.size_bytes)
        try:
            with self._lock_of(file, place):
                fetched = self._fetch(wanted, place)
                place.link()
        except OSError as error:
            raise disk_error(error, place.stored.parent, file.size_bytes) from error
        self._done[file.path] = DownloadedFile(file.path, file.size_bytes, file.sha256, place.final, verified=True)
        self.state = replace(
            self.state,
            resumed_bytes=self.state.resumed_bytes + (fetched.resumed_bytes if fetched else file.size_bytes),
            transferred_bytes=self.state.transferred_bytes + (fetched.transferred_bytes if fetched else 0),
        )
        return fetched is not None

    @contextmanager
    def _lock_of(self, file: RepoFile, place: DownloadPaths) -> Iterator[None]:
        """Be the only one that fetches this file; wait while another program does, or another variant with the same
        projector. Raises OSError, CancelledError.
        """
        from filelock import FileLock, Timeout

        place.lock.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place.lock)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_LOOK_SECONDS)
            except Timeout:
                if self._transfer.stopped:
                    raise CancelledError from None
                if self.state.phase != "waiting":
                    self._change(
                        "waiting", kind=FailureKind.BUSY, message=f"{file.path} is being downloaded already.",
                        hint="This goes on when that is done.",
                    )  # fmt: skip
        try:
            if self.state.kind == FailureKind.BUSY:
                self._change("checking", kind="", message="", hint="")
            yield
        finally:
            lock.release()

    def _fetch(self, wanted: Wanted, place: DownloadPaths) -> Fetched | None:
        existing = place.existing()
        if existing is not None:
            if self._transfer.matches(existing, wanted):
                return None
            if isinstance(self._places, FolderPlaces):
                raise _in_the_way(existing)
            existing.unlink()  # a cache's file whose checksum is not its name is of no use to anybody
        self._samples.clear()
        try:
            return self._transfer.fetch(wanted, place)
        except FileChangedError:
            place.discard()
            raise
        except HubError as error:
            if error.kind == FailureKind.CHECKSUM:  # nothing of it was kept
                self._change("checking", done_bytes=self._before)
            raise

    def _check_disk(self, files: list[RepoFile], places: dict[str, DownloadPaths], beside: int) -> None:
        """Whether there is room for the files, and for ``beside`` bytes that are there twice for a while."""
        missing = beside
        for file in files:
            place = places[file.path]
            if place.existing() is None:
                missing += file.size_bytes - (place.part.stat().st_size if place.part.is_file() else 0)
        folder = self._places.root
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if missing > 0 and missing + RESERVE > free:
            raise HubError(
                tr(
                    "The disk of {folder} has {free} free; {missing} are still to come.",
                    folder=folder,
                    free=human_bytes(free),
                    missing=human_bytes(missing),
                ),
                tr(
                    "Free {missing} there, then resume; what has arrived is kept.",
                    missing=human_bytes(missing + RESERVE - free),
                ),
                kind=FailureKind.DISK_FULL,
            )

    def _finish(self, files: list[RepoFile], commit: str) -> None:
        try:
            for joining in self._joinings:
                joining.finish()
                if any(part.path in self._joined_now for part in joining.parts):
                    self._came(self._done[joining.parts[0].path])
            self._places.name_revision(self.order.revision, commit)
        except OSError as error:
            raise disk_error(error, self._places.root, 0) from error
        self._change(
            "finished", files=tuple(self._done[file.path] for file in files), current="",
            done_bytes=self.state.total_bytes, bytes_per_second=0.0, seconds_left=None,
        )  # fmt: skip

    # -- what listeners hear -----------------------------------------------------------------------

    def _change(self, phase: Phase, **fields: object) -> None:
        self.state = replace(self.state, phase=phase, **fields)  # type: ignore[arg-type]
        self._told = self._now()
        self._tell(self.state)

    def _checks(self, done: int) -> None:
        if self._now() - self._told >= _TOLD_SECONDS:
            self._change("checking", done_bytes=self._before + done, bytes_per_second=0.0, seconds_left=None)

    def _progress(self, done: int) -> None:
        now = self._now()
        if self.state.phase == "downloading" and now - self._told < _TOLD_SECONDS:
            return
        self._samples.append((now, done))
        while now - self._samples[0][0] > _RATE_SECONDS:
            self._samples.popleft()
        since, start = self._samples[0]
        rate = (done - start) / (now - since) if now > since else 0.0
        total = self._before + done
        left = (self.state.total_bytes - total) / rate if rate > 0 else None
        self._change(
            "downloading", done_bytes=total, bytes_per_second=rate, seconds_left=left, message="", hint="", kind=""
        )

    def _waits(self, error: HubError, seconds: float) -> None:
        self._change(
            "waiting", kind=error.kind, message=error.message, bytes_per_second=0.0, seconds_left=None,
            hint=f"Trying again in {max(1, round(seconds))} s.",
        )  # fmt: skip
        self._samples.clear()


def _in_the_way(path: Path) -> HubError:
    return HubError(
        tr("{path} is there already and is another file.", path=path),
        tr("Choose another folder, or move that file away."),
        kind=FailureKind.FILE_EXISTS,
    )
