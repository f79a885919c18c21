"""Every way a request to the Hub fails, as a sentence with one thing to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

if TYPE_CHECKING:
    import httpx2

    from desktop.core.settings_pages import SettingsPage

_ADD_TOKEN = "add your token in Settings, with `hf auth login` or as HF_TOKEN"
_TOKENS_PAGE = "the Hub's page Settings, Access Tokens"


class HubError(HeftError):
    """A request to the Hub that failed.

    ``temporary`` failures are worth another try, ``retry_after`` seconds later where the Hub named a time.
    """

    kind = FailureKind.HUB

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        kind: FailureKind,
        detail: str = "",
        temporary: bool = False,
        retry_after: float | None = None,
        settings_page: SettingsPage | None = None,
    ) -> None:
        super().__init__(message, hint, detail=detail, kind=kind, settings_page=settings_page)
        self.temporary = temporary
        self.retry_after = retry_after


def translate(
    error: Exception,
    *,
    endpoint: str,
    repo: str = "",
    path: str = "",
    with_token: bool = False,
    proxied: bool = False,
) -> HubError:
    """The failure of a request about a repo or a file, in a person's words.

    ``with_token`` says whether a token was sent: the same refusal has another remedy with and without one.
    ``proxied``: the request went through a proxy that the user named.
    """
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.utils import HfHubHTTPError, OfflineModeIsEnabled

    # Addresses of content networks are signed: what follows the question mark opens the file to whoever reads it.
    detail = re.sub(r"\?[^\s'\">]+", "?...", f"{type(error).__name__}: {error}")
    if isinstance(error, HubError):
        return error
    if isinstance(error, OfflineModeIsEnabled):
        by_variable = bool(constants.HF_HUB_OFFLINE)
        return HubError(
            tr(
                "Offline mode is on (HF_HUB_OFFLINE), so the Hub was not asked."
                if by_variable
                else "Offline mode is on (in the settings), so the Hub was not asked."
            ),
            tr("Unset HF_HUB_OFFLINE and start Heft again, or use a model that is already here.")
            if by_variable
            else tr("Turn it off in Settings (heft config hub_offline off), or use a model that is already here."),
            kind=FailureKind.OFFLINE_MODE,
            detail=detail,
        )
    if isinstance(error, HfHubHTTPError):
        return _refused(error, error.response, endpoint, repo, path, with_token, detail)
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError):
        return _unreachable(error, endpoint, detail, proxied or _behind_proxy(endpoint))
    return half_an_answer(detail)


def half_an_answer(detail: str) -> HubError:
    """The Hub's answer was cut short or is not what its protocol says."""
    return HubError(
        tr("The Hub sent an answer Heft cannot read."),
        tr("Try again; if it stays so, a proxy or mirror in between may be changing answers."),
        kind=FailureKind.BAD_ANSWER,
        detail=detail,
        temporary=True,
    )


def too_many_redirects(url: str) -> HubError:
    """The Hub, or a mirror, sends the request round in a circle."""
    return HubError(
        tr("The Hub sends this request round in a circle."),
        tr("Check the Hub's address in Settings (heft config hub_endpoint) or HF_ENDPOINT: this mirror does not work."),
        kind=FailureKind.REDIRECTS,
        detail=url,
    )


def _unreachable(error: Exception, endpoint: str, detail: str, proxied: bool) -> HubError:
    import httpx2

    unconnected = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    if isinstance(error, httpx2.ProxyError) or (unconnected and proxied):
        return HubError(
            tr("{endpoint} cannot be reached through the proxy.", endpoint=endpoint)
            if unconnected
            else tr("The proxy refused the connection to the Hub."),
            tr(
                "Check its address and password: in Settings (heft config proxy), or in the "
                "variables HTTPS_PROXY and HTTP_PROXY where none is set there."
            ),
            kind=FailureKind.PROXY,
            detail=detail,
        )
    if unconnected:
        secure = "CERTIFICATE" in str(error).upper()
        return HubError(
            tr("The connection to the Hub is not secure: its certificate is not trusted.")
            if secure
            else tr("{endpoint} cannot be reached.", endpoint=endpoint),
            tr("Check the clock and the certificates of this computer (SSL_CERT_FILE names others).")
            if secure
            else tr("Check the network connection, then try again."),
            kind=FailureKind.CERTIFICATE if secure else FailureKind.NO_NETWORK,
            detail=detail,
            temporary=not secure,
        )
    if isinstance(error, httpx2.TimeoutException):
        return HubError(
            tr("The Hub did not answer in time."),
            tr("Try again in a moment; the network or the Hub is slow."),
            kind=FailureKind.TIMEOUT,
            detail=detail,
            temporary=True,
        )
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return HubError(
            tr("{endpoint} is not an address Heft can ask.", endpoint=endpoint),
            tr(
                "Check the Hub's address in Settings (heft config hub_endpoint) or HF_ENDPOINT; it "
                "begins with https://."
            ),
            kind=FailureKind.BAD_ENDPOINT,
            detail=detail,
        )
    return HubError(
        tr("The connection to the Hub broke."),
        tr("Try again; what has arrived is kept."),
        kind=FailureKind.INTERRUPTED,
        detail=detail,
        temporary=True,
    )


def _behind_proxy(endpoint: str) -> bool:
    from urllib.request import getproxies, proxy_bypass  # 20 ms that only a failure needs

    parts = urlsplit(endpoint)
    proxies = getproxies()
    return bool(proxies.get(parts.scheme) or proxies.get("all")) and not proxy_bypass(parts.hostname or "")


def _refused(
    error: Exception, response: httpx2.Response, endpoint: str, repo: str, path: str, with_token: bool, detail: str
) -> HubError:
    from huggingface_hub.utils import (
        DisabledRepoError,
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = response.status_code
    subject = repo or "This page"
    page = f"{endpoint}/{repo}" if repo else endpoint
    if isinstance(error, GatedRepoError):  # before RepositoryNotFoundError, of which it is a kind
        return _gated(subject, page, with_token, detail)
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            tr("{subject} has no such version.", subject=subject), tr("Leave the version out to get the newest."),
            kind=FailureKind.REVISION_NOT_FOUND,
            detail=detail,
        )  # fmt: skip
    if isinstance(error, EntryNotFoundError):
        return HubError(
            tr("{subject} has no file {path}.", subject=subject, path=path)
            if path
            else tr("{subject} has no such file.", subject=subject),
            tr("Look at the repo's files again; it may have been renamed."),
            kind=FailureKind.FILE_NOT_FOUND,
            detail=detail,
        )
    if isinstance(error, DisabledRepoError):
        return HubError(
            tr("{subject} was disabled by the Hub.", subject=subject),
            tr("Look for another repo of this model."), kind=FailureKind.DISABLED,
            detail=detail,
        )  # fmt: skip
    if status == 401 and not _says_missing(response):
        return _unauthorized(subject, with_token, detail)
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return HubError(
            tr("{subject} is not on the Hub, or is private.", subject=subject),
            tr("Check the name.")
            if with_token
            else tr("Check the name; for a private repo, {add_token}.", add_token=_ADD_TOKEN),
            kind=FailureKind.REPO_NOT_FOUND,
            detail=detail,
            settings_page=None if with_token else "hub",
        )
    if status == 403:
        return HubError(
            tr("{subject} may not be read with this token.", subject=subject)
            if with_token
            else tr("The Hub refused access to {repo}.", repo=repo or "its list of models"),
            tr("Give the token the right to read it, on {tokens_page}.", tokens_page=_TOKENS_PAGE)
            if with_token
            else tr("Open {page} in a browser: it says what it wants, or which proxy stands in between.", page=page),
            kind=FailureKind.FORBIDDEN,
            detail=detail,
        )
    if status == 407:
        return HubError(
            tr("The proxy wants to know who asks."),
            tr(
                "Write name and password into its address, in Settings or in the variable "
                "HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT."
            ),
            kind=FailureKind.PROXY,
            detail=detail,
        )
    if status == 429:
        return _rate_limited(response, with_token, detail)
    if status >= 500 or status == 408:
        return HubError(
            tr("The Hub has a problem of its own (error {status}).", status=status),
            tr("Try again in a few minutes."),
            kind=FailureKind.HUB_DOWN,
            detail=detail,
            temporary=True,
            retry_after=_seconds(response.headers.get("Retry-After")),
        )
    return HubError(
        tr("The Hub refused the request (error {status}).", status=status),
        tr("Try again, or with other words."), kind=FailureKind.REFUSED,
        detail=detail,
    )  # fmt: skip


def _says_missing(response: httpx2.Response) -> bool:
    return response.headers.get("X-Error-Code") == "RepoNotFound"


def _gated(subject: str, page: str, with_token: bool, detail: str) -> HubError:
    if with_token:
        return HubError(
            tr("{subject} asks for its licence to be accepted first.", subject=subject),
            tr("Open {page} in a browser, accept the licence, then try again.", page=page),
            kind=FailureKind.GATED_LICENCE,
            detail=detail,
        )
    return HubError(
        tr("{subject} can only be read by people the Hub knows, and no token is set.", subject=subject),
        tr("Accept the licence on {page}, then {add_token}.", page=page, add_token=_ADD_TOKEN),
        kind=FailureKind.GATED_NO_TOKEN,
        detail=detail,
    )


def _unauthorized(subject: str, with_token: bool, detail: str) -> HubError:
    if with_token:
        return HubError(
            tr("The Hub does not accept the token: it is wrong or has expired."),
            tr("Make a new one on {tokens_page}, then {add_token}.", tokens_page=_TOKENS_PAGE, add_token=_ADD_TOKEN),
            kind=FailureKind.TOKEN_WRONG,
            detail=detail,
        )
    return HubError(
        tr("{subject} cannot be read without a token.", subject=subject),
        f"{_ADD_TOKEN[0].upper()}{_ADD_TOKEN[1:]}.",
        kind=FailureKind.TOKEN_MISSING,
        detail=detail,
    )


def _rate_limited(response: httpx2.Response, with_token: bool, detail: str) -> HubError:
    from huggingface_hub.utils import parse_ratelimit_headers

    limit = parse_ratelimit_headers(response.headers)
    wait = float(limit.reset_in_seconds) if limit is not None and limit.remaining == 0 else None
    if wait is None:
        wait = _seconds(response.headers.get("Retry-After"))
    when = f"Try again in {_duration(wait)}" if wait else "Try again in a few minutes"
    return HubError(
        tr("The Hub has had too many requests from here."),
        f"{when}."
        if with_token
        else tr("{when}; the Hub allows more with a token: {add_token}.", when=when, add_token=_ADD_TOKEN),
        kind=FailureKind.RATE_LIMITED,
        detail=detail,
        settings_page=None if with_token else "hub",
        temporary=True,
        retry_after=wait,
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes"


def _seconds(text: str | None) -> float | None:
    """A Retry-After in seconds; None for a date or nothing."""
    return float(text) if text is not None and text.strip().isdigit() else None
