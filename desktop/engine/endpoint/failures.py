"""What can go wrong with another server, in words, each with one thing to do."""

from __future__ import annotations

import re
import socket
import ssl

from desktop.core.endpoint_url import is_this_computer
from desktop.core.errors import ContextFullError, EngineError
from desktop.core.failures import FailureKind
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.engine.endpoint.connecting import Address, ProxyError
from desktop.engine.endpoint.http import EndpointError

_SAID = 300  # characters of what a server says
_TOO_LONG = ("exceed_context_size_error", "context_length_exceeded")
_TOO_LONG_WORDS = re.compile(r"maximum context length|context (?:length|window|size)|with a context of", re.IGNORECASE)
_LENGTH = re.compile(
    r"(?:maximum context length is|context (?:length|window|size)(?: of| is)?|context of)\D{0,12}(\d[\d,]{2,11})"
)
_NEEDED = re.compile(
    r"(?:requested|resulted in|you passed|prompt (?:contains|has)|at least|conversation is)\D{0,12}(\d[\d,]{1,11})"
)
_WRONG_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


def failure_of(error: Exception, name: str, address: Address, *, begun: bool = False) -> EngineError:
    """Why a request of the server called ``name`` came to nothing. ``begun``: it had begun to answer."""
    if isinstance(error, EndpointError):
        return _told(error, name, begun=begun, keyed=bool(address.key))
    if isinstance(error, TimeoutError) and not begun:  # begun: the system found that nobody is at the other end
        return EngineError(
            tr("{name} did not answer in time.", name=name),
            tr("See whether that computer is awake and busy, then try again."),
            detail=str(error),
            kind=FailureKind.TIMEOUT,
        )
    cause = error.__cause__ or error
    if begun:
        return EngineError(
            tr("The connection to {name} broke while it was answering. What had come is kept.", name=name),
            tr("Try again when the network is back."),
            detail=str(cause),
            kind=FailureKind.INTERRUPTED,
        )
    return _no_way(cause, name, address)


def broke_off(name: str) -> EngineError:
    """An answer whose end the server did not announce."""
    return EngineError(
        tr("{name} ended its answer in the middle. What had come is kept.", name=name),
        tr("Try again; look into that server's log if it happens twice."),
        kind=FailureKind.INTERRUPTED,
    )


def not_openai(name: str, detail: str = "") -> EngineError:
    """Something answers, and it is no OpenAI-compatible server."""
    return EngineError(
        tr("What answers at the address of {name} is no OpenAI-compatible server.", name=name),
        tr("Give the address that the server names for its API: it often ends in /v1."),
        detail=detail,
        kind=FailureKind.NOT_OPENAI,
    )


def _no_way(cause: BaseException, name: str, address: Address) -> EngineError:
    where = f"{address.host}:{address.port}"
    if isinstance(cause, ProxyError) or "Tunnel connection failed" in str(cause):
        return EngineError(
            tr("{name} cannot be reached through the proxy: {cause}.", name=name, cause=one_line(str(cause), _SAID)),
            tr("Correct the proxy in the settings, or list the server in NO_PROXY."),
            detail=str(cause),
            kind=FailureKind.PROXY,
            settings_page="network",
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message or "it is not trusted"
        return EngineError(
            tr("The certificate of {name} cannot be trusted: {why}.", name=name, why=one_line(why, _SAID)),
            tr("Give the server a certificate that this computer trusts, or name its authority in SSL_CERT_FILE."),
            detail=str(cause),
            kind=FailureKind.CERTIFICATE,
            settings_page="endpoints",
        )
    if isinstance(cause, ssl.SSLError):
        plain = any(word in str(cause) for word in _WRONG_TLS)
        return EngineError(
            tr("{name} does not speak TLS at {where}.", name=name, where=where)
            if plain
            else tr("No TLS connection to {name} could be made.", name=name),
            tr("Give its address with http:// instead of https://.")
            if plain
            else tr("See which TLS versions it offers."),
            detail=str(cause),
            kind=FailureKind.CERTIFICATE,
            settings_page="endpoints",
        )
    if isinstance(cause, socket.gaierror | UnicodeError):
        return _unreachable(f"There is no computer called {address.host}.", "Correct the name in its address.", cause)
    if isinstance(cause, ConnectionRefusedError):
        hint = f"Start the server there, and let it listen for other computers at port {address.port}."
        if is_this_computer(address.host):
            hint = f"Start the server on this computer, at port {address.port}."
        return _unreachable(f"Nothing listens at {where}, the address of {name}.", hint, cause)
    return _unreachable(
        f"{name} cannot be reached at {where}.", "See whether that computer is on and in your network.", cause
    )


def _unreachable(message: str, hint: str, cause: BaseException) -> EngineError:
    return EngineError(message, hint, detail=str(cause), kind=FailureKind.UNREACHABLE)


def _told(error: EndpointError, name: str, *, begun: bool, keyed: bool) -> EngineError:
    said = one_line(error.message, _SAID)
    detail, status = str(error), error.status
    if too_long := _too_long(error, name):
        return too_long
    if status in (401, 403):
        wants, hint = f"{name} wants a key.", "Give it the server's key in the settings."
        if keyed:
            wants, hint = f"{name} does not accept the key that it was sent.", "Give it another key in the settings."
        return EngineError(wants, hint, detail=detail, kind=FailureKind.KEY_WRONG)
    if 300 <= status < 400:
        words = f"{name} sends requests on to another address."
        return EngineError(words, tr("Give that address instead."), detail=detail, kind=FailureKind.NOT_OPENAI)
    if status == 429:
        return EngineError(
            tr("{name} has had too many requests for now: {said}.", name=name, said=said or "it says no more"),
            tr("Wait a little, then try again."),
            detail=detail,
            kind=FailureKind.RATE_LIMITED,
        )
    if status == 0 or status >= 500:
        kept = " What had come is kept." if begun else ""
        return EngineError(
            tr("{name} could not answer: {said}.{kept}", name=name, said=said or f"error {status}", kept=kept),
            tr("Try again; look into that server's log if it happens twice."),
            detail=detail,
            kind=FailureKind.ENGINE,
        )
    if status == 404:
        words = f"{name} knows nothing of this: {said or 'not found'}."
        return EngineError(words, tr("Choose another of its models."), detail=detail, kind=FailureKind.NOT_FOUND)
    return EngineError(
        tr("{name} refuses this request: {said}.", name=name, said=said or f"error {status}"),
        tr("Change what it names, or choose another model."),
        detail=detail,
        kind=FailureKind.REFUSED,
    )


def _too_long(error: EndpointError, name: str) -> ContextFullError | None:
    known = error.type in _TOO_LONG or error.code in _TOO_LONG
    if not known and not (error.status == 400 and _TOO_LONG_WORDS.search(error.message)):
        return None
    needed, length = (_number(error.fields.get(field)) for field in ("n_prompt_tokens", "n_ctx"))
    if not length and (found := _LENGTH.search(error.message)):
        length = int(found[1].replace(",", ""))
    if not needed and (found := _NEEDED.search(error.message)):
        needed = int(found[1].replace(",", ""))
    if needed and length:
        words = f"This conversation is {needed:,} tokens long; {name} holds {length:,} of this model."
    else:
        words = f"This conversation is longer than {name} holds of this model."
    return ContextFullError(
        words,
        tr("Start a new chat; whoever runs that server can give the model a longer context."),
        detail=str(error),
        needed_tokens=needed,
        context_length=length,
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
