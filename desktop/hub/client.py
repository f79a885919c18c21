"""Requests to the Hub on huggingface_hub's own session: its endpoint, token, proxies and offline mode.

huggingface_hub's methods themselves are not used for requests: they wait without a limit, sleep through up to
five retries (23 s without a network, longer on 429) where a person wants to be told, and ask the Hub for a list
of coding agents with their first request. Its session, errors and types are.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from desktop import __version__
from desktop.hub.errors import half_an_answer, too_many_redirects, translate
from desktop.hub.sessions import Sessions
from desktop.hub.token import HubToken, endpoint_of

if TYPE_CHECKING:
    import httpx2

DEFAULT_REVISION = "main"
_log = logging.getLogger(__name__)
_MAX_REDIRECTS = 5
_MAX_ANSWER = 64 << 20  # bytes of one JSON answer; a repo of 10,000 files has about 4 MB
_DRAINED = 1 << 16  # a redirect's body up to this size is read, so that the connection can be used again


@dataclass(frozen=True)
class RemoteFile:
    """What the Hub says of one file. ``etag`` is the sha256 of a large (LFS) file, ``size`` in bytes.

    ``location`` is where its bytes were found; it may be signed, so it is neither logged nor kept on disk.
    """

    repo: str
    path: str
    revision: str
    etag: str
    size: int
    commit: str
    location: str


class HubClient:
    """Asks one Hub. Thread-safe; nothing is imported or read before the first request."""

    def __init__(
        self,
        *,
        endpoint: Callable[[], str] | str | None = None,
        token: Callable[[], str | None] | None = None,
        proxy: Callable[[], str] = lambda: "",
        offline: Callable[[], bool] = lambda: False,
        connect_seconds: float = 10.0,
        read_seconds: float = 20.0,
    ) -> None:
        """``endpoint`` is HF_ENDPOINT's by default and where it is "", ``token`` that of :class:`HubToken`.

        ``proxy`` is the address of one to use in place of the system's, "" for none; ``offline`` forbids requests
        where HF_HUB_OFFLINE says nothing. ``read_seconds`` without a byte count as a dead connection.
        """
        self._endpoint = endpoint
        self._token = token or HubToken(endpoint).get
        self._sessions = Sessions(proxy)
        self._offline = offline
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds

    @property
    def endpoint(self) -> str:
        """The Hub's address without a closing slash."""
        return endpoint_of(self._endpoint)

    @property
    def offline(self) -> bool:
        """Whether requests are forbidden."""
        from huggingface_hub import constants

        if os.environ.get("HF_HUB_OFFLINE"):
            return bool(constants.HF_HUB_OFFLINE)
        return bool(constants.HF_HUB_OFFLINE) or self._offline()

    def with_token(self, token: str) -> HubClient:
        """The same Hub, asked with another token."""
        return HubClient(
            endpoint=self._endpoint,
            token=lambda: token,
            proxy=self._sessions.proxy,
            offline=self._offline,
            connect_seconds=self._connect_seconds,
            read_seconds=self._read_seconds,
        )

    def account(self) -> str:
        """The name the token belongs to. Raises HubError: "token-wrong" when the Hub does not accept it."""
        answer, _ = self.json("/api/whoami-v2")
        return str(answer.get("name", "")) if isinstance(answer, dict) else ""

    def file_url(self, repo: str, path: str, revision: str | None = None) -> str:
        """Where the Hub resolves a file of a repo."""
        return f"{self.endpoint}/{quote(repo)}/resolve/{quote(revision or DEFAULT_REVISION, safe='')}/{quote(path)}"

    def json(self, path: str, *, repo: str = "") -> tuple[Any, str]:
        """The JSON at ``path`` (or a whole address) and the address of the next page ("" if none).

        Redirects are followed, also to other hosts: a renamed repo has one, and mirrors send elsewhere what they do
        not have. So may the next page be another host's. Raises HubError.
        """
        url = urljoin(f"{self.endpoint}/", path.lstrip("/")) if "://" not in path else path
        query = urlsplit(url).query
        with self._translated(repo):
            for _ in range(_MAX_REDIRECTS + 1):
                with self._sent(url, {}) as response:
                    if not response.has_redirect_location:
                        _raise_for_status(response)
                        following = str(response.links.get("next", {}).get("url", ""))
                        return _whole(response, url), self._led(url, following) if following else ""
                    target = urlsplit(self._led(url, response.headers["Location"]))
                    url = (target if target.query else target._replace(query=query)).geturl()
                    _drain(response)
            raise too_many_redirects(url)

    @contextmanager
    def opened(
        self,
        repo: str,
        path: str,
        revision: str | None = None,
        *,
        first: int = 0,
        last: int | None = None,
        location: str = "",
        sent: Callable[[], None] = lambda: None,
        enough: Callable[[RemoteFile], bool] = lambda _: False,
    ) -> Iterator[tuple[RemoteFile, httpx2.Response | None]]:
        """Bytes ``first`` to ``last`` (inclusive; to the end without) of a file, as an open response to be read.

        One GET follows the Hub's redirect and learns etag, size and commit on the way; ``location`` goes straight
        to where an earlier one ended. ``sent`` is called per request. When ``enough`` says so of what the redirect
        told, or the file is empty, nothing is read and the response is None. The response may be 200 with the whole
        file. Raises HubError, also for failures while the response is read inside the block.
        """
        url = location or self.file_url(repo, path, revision)
        learned: dict[str, str] = {}
        # HTTP allows leaving the range out where it is the whole file, and some mirrors only serve that.
        ranged = {"Range": f"bytes={first}-{'' if last is None else last}"} if first or last is not None else {}
        with self._translated(repo, path):
            for _ in range(_MAX_REDIRECTS + 1):
                sent()
                with self._sent(url, {"Accept-Encoding": "identity", **ranged}) as response:
                    for name, value in _told(response).items():
                        learned.setdefault(name, value)
                    if not response.has_redirect_location:
                        if response.status_code == 416 and learned.get("size") == "0":  # no range of an empty file
                            yield _remote_file(learned, repo, path, revision, url), None
                            return
                        _raise_for_status(response)
                        found = _remote_file(learned, repo, path, revision, url)
                        yield found, None if enough(found) else response
                        return
                    url = self._led(url, response.headers["Location"])
                    if "etag" in learned and "size" in learned:
                        found = _remote_file(learned, repo, path, revision, url)
                        if enough(found):
                            yield found, None
                            return
                    _drain(response)
            raise too_many_redirects(url)

    @contextmanager
    def _sent(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        import httpx2
        from huggingface_hub.errors import OfflineModeIsEnabled

        if self.offline:
            raise OfflineModeIsEnabled(url)
        token = self._token() if self._is_own(url) else None
        allowed = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx2.Timeout(self._read_seconds, connect=self._connect_seconds)
        with self._sessions.get(url).stream(
            "GET",
            url,
            headers={"User-Agent": f"heft/{__version__}", **headers, **allowed},
            timeout=timeout,
            follow_redirects=False,
        ) as response:
            _log.debug("GET %s: %d", without_query(url), response.status_code)
            yield response

    def _led(self, url: str, address: str) -> str:
        """Where a redirect or a link in the answer from ``url`` leads. One from the root, of a Hub behind an endpoint
        with a path of its own, is meant within that path."""
        try:
            found, from_root = urlsplit(urljoin(url, address)), not urlsplit(address).netloc and self._is_own(url)
        except ValueError as error:  # no address at all
            raise half_an_answer(f"{error}: {address[:200]!r}") from error
        inside = urlsplit(self.endpoint).path
        if inside and from_root and not f"{found.path}/".startswith(f"{inside}/"):
            found = found._replace(path=inside + found.path)
        return found.geturl()

    def _is_own(self, url: str) -> bool:
        """Whether an address is this Hub's: only there the token goes."""
        ours, theirs = urlsplit(self.endpoint), urlsplit(url)
        return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)

    @contextmanager
    def _translated(self, repo: str = "", path: str = "") -> Iterator[None]:
        import httpx2

        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ConnectionError) as error:
            raise translate(
                error,
                endpoint=self.endpoint,
                repo=repo,
                path=path,
                with_token=self._token() is not None,
                proxied=self._sessions.proxied(self.endpoint),
            ) from error


def without_query(url: str) -> str:
    """An address as it may be logged: its query may be a signature, and a name in front of the host a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def first_byte(response: httpx2.Response) -> int:
    """The offset of an answer's first byte in its file: of the range it says it is, 0 for a whole file."""
    if response.status_code != 206:
        return 0
    first = str(response.headers.get("Content-Range", "")).removeprefix("bytes").strip().partition("-")[0]
    if not first.isdigit():
        raise half_an_answer(f"Content-Range: {response.headers.get('Content-Range')!r}")
    return int(first)


def _raise_for_status(response: httpx2.Response) -> None:
    from huggingface_hub.utils import hf_raise_for_status

    hf_raise_for_status(response)


def _drain(response: httpx2.Response) -> None:
    """Read a redirect's small body, so that its connection can be used again."""
    body = response.headers.get("Content-Length", "")
    if body.isdigit() and int(body) <= _DRAINED:
        response.read()


def _whole(response: httpx2.Response, url: str) -> Any:
    """The JSON of an answer."""
    import msgspec

    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_ANSWER:
            raise half_an_answer(f"more than {_MAX_ANSWER:,} bytes from {without_query(url)}")
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise half_an_answer(f"{error}: {bytes(content[:200])!r}") from error


def _told(response: httpx2.Response) -> dict[str, str]:
    """Etag, size and commit as far as a response names them; a redirect's own ETag and length are not the file's."""
    headers = response.headers
    found = {
        "etag": headers.get("X-Linked-Etag") or ("" if response.is_redirect else headers.get("ETag")),
        "size": headers.get("X-Linked-Size") or ("" if response.is_redirect else _length(response)),
        "commit": headers.get("X-Repo-Commit"),
    }
    return {name: value for name, value in found.items() if value}


def _length(response: httpx2.Response) -> str | None:
    """The whole file's length, from Content-Range where the answer is a part of it."""
    if response.status_code in (206, 416):
        total = str(response.headers.get("Content-Range", "")).rpartition("/")[2]
        return total if total.isdigit() else None
    return response.headers.get("Content-Length")


def _remote_file(learned: Mapping[str, str], repo: str, path: str, revision: str | None, url: str) -> RemoteFile:
    size = learned.get("size", "")
    if not size.isdigit():
        raise half_an_answer(f"no size for {repo}/{path}")
    etag = learned.get("etag", "").removeprefix("W/").strip('"')
    return RemoteFile(repo, path, revision or DEFAULT_REVISION, etag, int(size), learned.get("commit", ""), url)
