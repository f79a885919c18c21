"""One file from the Hub to the disk: resumed, verified, through broken connections."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.core.cancelled import CancelledError
from desktop.core.failures import FailureKind
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.hub.client import HubClient, RemoteFile, first_byte
from desktop.hub.errors import HubError, half_an_answer
from desktop.hub.placement import DownloadPaths

if TYPE_CHECKING:
    import httpx2

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds between tries
_LONGEST_ASKED = 900.0  # of what the Hub asks to wait
_TRIES = 6  # in a row without progress; with the waits between them about a minute
_PROGRESS = 1 << 20  # bytes that count as progress: a server that gives less and breaks is not worth more tries
_LONGEST_RANGE = 32 << 30  # content networks refuse to send more than some 50 GB in one answer
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Wanted:
    """A file to fetch: ``etag`` is its sha256 (large files) or git object id (small ones), ``size`` in bytes."""

    repo: str
    path: str
    revision: str
    etag: str
    size: int


@dataclass
class Fetched:
    """What a transfer did: bytes that were there before, and bytes that came over the network (``dropped`` of them
    again, because the server ignored the range)."""

    resumed_bytes: int = 0
    transferred_bytes: int = 0


class FileChangedError(HubError):
    """The file on the Hub is not the one that was asked for any more."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was changed on the Hub while it was downloaded, so it starts again.", kind=FailureKind.FILE_CHANGED
        )


class Transfer:
    """Fetches files for one download. Used by one thread; any other may call :meth:`stop`."""

    def __init__(
        self,
        client: HubClient,
        *,
        checking: Callable[[int], None] = lambda _: None,
        progress: Callable[[int], None] = lambda _: None,
        waiting: Callable[[HubError, float], None] = lambda _error, _seconds: None,
        first_wait: float = _FIRST_WAIT,
    ) -> None:
        """``checking`` hears bytes of a file on disk that were read again, ``progress`` bytes that are on disk while
        more come, ``waiting`` why and how long until the next try."""
        self._client = client
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answer: httpx2.Response | None = None
        self._checking = checking
        self._progress = progress
        self._waiting = waiting
        self._first_wait = first_wait

    def stop(self) -> None:
        """End the work as soon as may be: a connection on which nothing comes is shut down."""
        self._stop.set()
        with self._lock:
            stream = self._answer.extensions.get("network_stream") if self._answer is not None else None
            connection = stream.get_extra_info("socket") if stream is not None else None
            if connection is not None:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop.is_set()

    def fetch(self, wanted: Wanted, place: DownloadPaths) -> Fetched:
        """The whole, verified file at ``place.stored``. What came before is kept and continued.

        Raises CancelledError when stopped (the part stays), FileChangedError, HubError ``disk-full`` (the part
        stays), ``checksum`` (nothing stays) and what keeps the Hub from answering.
        """
        fetched = Fetched()
        try:
            with ExitStack() as stack:
                place.part.parent.mkdir(parents=True, exist_ok=True)
                part = stack.enter_context(place.part.open("ab", buffering=0))
                digest = self._resume(part, place.part, wanted)
                fetched.resumed_bytes = part.tell()
                self._until_complete(wanted, part, digest, fetched)
                os.fsync(part.fileno())
            if digest.hexdigest() != wanted.etag and digest.name in _names_of(wanted.etag):
                place.discard()
                raise HubError(
                    tr(
                        "{path} arrived damaged: its checksum is not the Hub's. Nothing of it was kept.",
                        path=wanted.path,
                    ),
                    tr("Download it again; if it stays so, a proxy may be changing it."),
                    kind=FailureKind.CHECKSUM,
                    detail=tr(
                        "{name} {hexdigest}, expected {etag}",
                        name=digest.name,
                        hexdigest=digest.hexdigest(),
                        etag=wanted.etag,
                    ),
                )
            place.commit()
        except OSError as error:
            raise disk_error(error, place.part.parent, wanted.size) from error
        return fetched

    def matches(self, path: Path, wanted: Wanted) -> bool:
        """Whether a file on disk is the wanted one, by size and checksum. Raises OSError, CancelledError."""
        if path.stat().st_size != wanted.size:
            return False
        digest = checksum(wanted.etag, wanted.size)
        with path.open("rb", buffering=0) as file:
            self._hash(file, digest)
        return digest.hexdigest() == wanted.etag or digest.name not in _names_of(wanted.etag)

    def _resume(self, part: Any, path: Path, wanted: Wanted) -> Any:
        """The checksum so far of what is there; a part that is too long is none of this file."""
        if path.stat().st_size > wanted.size:
            part.truncate(0)
        digest = checksum(wanted.etag, wanted.size)
        with path.open("rb", buffering=0) as file:
            # Python cannot save a checksum's state; reading again runs at a gigabyte per second.
            self._hash(file, digest)
        part.seek(0, os.SEEK_END)
        return digest

    def _hash(self, file: Any, digest: Any) -> None:
        buffer = bytearray(1 << 20)
        done = 0
        while count := file.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
            done += count
            self._checking(done)
            if self._stop.is_set():
                raise CancelledError

    def _until_complete(self, wanted: Wanted, part: Any, digest: Any, fetched: Fetched) -> None:
        tries, wait, mark = 0, self._first_wait, part.tell()
        while part.tell() < wanted.size:
            if self._stop.is_set():
                raise CancelledError
            try:
                self._once(wanted, part, digest, fetched)
                continue
            except HubError as error:
                if self._stop.is_set():
                    raise CancelledError from error
                if not error.temporary:
                    raise
                if part.tell() - mark >= max(1, min(_PROGRESS, wanted.size // 100)):
                    tries, wait = 0, self._first_wait
                mark = part.tell()
                tries += 1
                if tries >= _TRIES:
                    raise
                seconds = min(error.retry_after, _LONGEST_ASKED) if error.retry_after else min(wait, _LONGEST_WAIT)
                self._waiting(error, seconds)
            if self._stop.wait(seconds):
                raise CancelledError
            wait = min(wait * 2, _LONGEST_WAIT)

    def _once(self, wanted: Wanted, part: Any, digest: Any, fetched: Fetched) -> None:
        start = part.tell()
        changed = False

        def differs(file: RemoteFile) -> bool:
            nonlocal changed
            # A mirror may name no etag, or its own: then the size has to do, and the checksum at the end.
            changed = file.size != wanted.size or (
                _names_of(file.etag) == _names_of(wanted.etag) and file.etag != wanted.etag
            )
            return changed

        last = min(wanted.size, start + _LONGEST_RANGE) - 1
        with self._client.opened(wanted.repo, wanted.path, wanted.revision, first=start, last=last, enough=differs) as (
            _,
            response,
        ):
            if changed or response is None:
                raise FileChangedError(wanted.path)
            drop = start - first_byte(response)
            if drop < 0:
                raise half_an_answer(f"bytes after {start:,} are missing")
            with self._interruptible(response):
                for chunk in response.iter_raw():
                    fetched.transferred_bytes += len(chunk)
                    fresh = memoryview(chunk)[min(drop, len(chunk)) :]
                    drop -= len(chunk) - len(fresh)
                    # More than was said would be written only to fail the checksum.
                    fresh = fresh[: wanted.size - part.tell()]
                    _write(part, fresh, digest)
                    self._progress(part.tell())
                    if self._stop.is_set():
                        raise CancelledError
        if part.tell() == start:
            raise half_an_answer(f"no bytes from {start:,} on")

    @contextmanager
    def _interruptible(self, response: httpx2.Response) -> Iterator[None]:
        """While an answer is read, :meth:`stop` may shut its connection down; not a moment longer."""
        with self._lock:
            self._answer = response
        try:
            if self._stop.is_set():
                raise CancelledError
            yield
        finally:
            with self._lock:
                self._answer = None


def disk_error(error: OSError, folder: Path, wanted: int) -> HubError:
    """A failure to write, in words."""
    if error.errno in _FULL:
        return HubError(
            tr("The disk of {folder} is full.", folder=folder),
            tr("Free up to {wanted} there, then resume; what has arrived is kept.", wanted=human_bytes(wanted)),
            kind=FailureKind.DISK_FULL,
            detail=str(error),
        )
    if error.errno == errno.EFBIG:
        return HubError(
            tr("The file system of {folder} takes no file that large.", folder=folder),
            tr("Choose a folder on another disk; sticks and cards formatted with FAT32 end at 4 GB."),
            kind=FailureKind.TOO_LARGE, detail=str(error),
        )  # fmt: skip
    return HubError(
        tr("{folder} cannot be written to.", folder=folder), tr("Choose another folder, or change its permissions."),
        kind=FailureKind.NOT_WRITABLE, detail=str(error),
    )  # fmt: skip


def _write(part: Any, data: memoryview, digest: Any) -> None:
    while data:
        written = part.write(data)  # unbuffered: what is counted as there is with the system
        digest.update(data[:written])
        data = data[written:]


def _names_of(etag: str) -> str:
    """Which checksum an etag is: sha256 of the content, or sha1 as git has it; "" for another one."""
    hexadecimal = all(sign in "0123456789abcdef" for sign in etag)
    return {64: "sha256", 40: "sha1"}.get(len(etag), "") if hexadecimal else ""


def checksum(etag: str, size: int) -> Any:
    """An empty digest of the kind an etag is, for content of ``size`` bytes."""
    if _names_of(etag) == "sha1":
        # git's object id: the content behind a line with its length
        return hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    return hashlib.sha256()
