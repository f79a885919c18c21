"""Stretches of a file on the Hub, fetched one after the other: some rows of a tensor out of gigabytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop.core.cancelled import Cancelled, never, raise_if_cancelled
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.client import HubClient, RemoteFile, first_byte
from desktop.hub.errors import HubError, half_an_answer

_MAX_SKIPPED = 16 << 20  # bytes before a stretch that are read past where a server ignores ranges


@dataclass(frozen=True)
class ByteRange:
    """``size`` bytes of a file from ``offset`` on."""

    offset: int
    size: int


def fetch_ranges(
    client: HubClient,
    file: RemoteFile,
    ranges: Sequence[ByteRange],
    sink: Callable[[bytes], object],
    *,
    cancelled: Cancelled = never,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Hand the bytes of all ranges to ``sink``, in order; one request for each. ``progress`` hears how many came.

    They are of the very version ``file`` was read from. Raises HubError, "file-changed" when it is there no more.
    """
    done = 0
    location = ""
    for wanted in ranges:
        raise_if_cancelled(cancelled)
        opened = client.opened(
            file.repo, file.path, file.commit or file.revision,
            first=wanted.offset, last=wanted.offset + wanted.size - 1, location=location,
        )  # fmt: skip
        with opened as (found, response):
            # What the content network calls the file is its own affair, so only the Hub's word counts.
            if found.size != file.size or (not location and found.etag != file.etag):
                raise _changed(file)
            assert response is not None
            location = found.location
            skip = wanted.offset - first_byte(response)
            if not 0 <= skip <= _MAX_SKIPPED:
                raise half_an_answer(f"other bytes than {wanted.offset:,} to {wanted.offset + wanted.size:,}")
            left = wanted.size
            for chunk in response.iter_raw():
                raise_if_cancelled(cancelled)
                fresh = chunk[skip : skip + left]
                skip -= min(skip, len(chunk))
                left -= len(fresh)
                done += len(fresh)
                sink(fresh)
                progress(done)
                if not left:
                    break
            if left:
                raise half_an_answer(f"{left:,} of {wanted.size:,} bytes are missing")


def _changed(file: RemoteFile) -> HubError:
    return HubError(
        tr("{path} has changed on the Hub since its header was read.", path=file.path),
        tr("Open it again."),
        kind=FailureKind.FILE_CHANGED,
    )
