"""Other servers: added by address and key, tested, renamed and removed; what they offer, and where they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import msgspec

from desktop.core.cancelled import Cancelled, never
from desktop.core.endpoint_model import EndpointModel, endpoint_model
from desktop.core.endpoint_url import in_the_clear, name_of, normal_url, ways_to_ask
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.model_ref import ModelRef
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.engine.endpoint.connecting import Address
from desktop.engine.endpoint.failures import failure_of, not_openai
from desktop.engine.endpoint.http import ConnectionLostError, EndpointError
from desktop.engine.endpoint.models import NotOpenAIError, Offer, OfferedModel, offer_of
from desktop.hub.past_proxy import goes_past_proxy
from desktop.services.endpoints.client import no_server
from desktop.services.endpoints.keys import EndpointKeys, checked
from desktop.services.kept_key import Place
from desktop.services.named_list import LOOK_SECONDS, NamedList, NameRule, ask_all
from desktop.store.endpoints import EndpointStore, SavedEndpoint

_PORTS = {"http": 80, "https": 443}
_MAY_COME = (FailureKind.UNREACHABLE, FailureKind.TIMEOUT)  # a computer that is off is no reason not to add it


@dataclass(frozen=True)
class Tested:
    """A server, asked now. ``offer`` is what it is and offers; ``error`` why that is not known; ``kept`` where a key
    that was given is kept. ``latency_seconds`` is from the question to its answer, the way there included.
    """

    endpoint: SavedEndpoint
    offer: Offer | None = None
    latency_seconds: float = 0.0
    error: HeftError | None = None
    kept: Place | None = None

    @property
    def reachable(self) -> bool:
        """Whether it answered as it should."""
        return self.offer is not None

    @property
    def models(self) -> tuple[OfferedModel, ...]:
        """Those that can write answers: as it offers them now, or as they were last seen."""
        if self.offer is not None:
            return tuple(model for model in self.offer.models if model.chats)
        return tuple(OfferedModel(name) for name in self.endpoint.models)


class EndpointService:
    """Calls may come from any thread; most wait for a network or the keyring."""

    def __init__(
        self,
        store: EndpointStore,
        keys: EndpointKeys,
        proxy: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``proxy`` is the one that the user set, "" for what environment and system say."""
        self._named = NamedList(store, NameRule("server", "/", "no slash", no_server))
        self._keys, self._proxy, self._clock = keys, proxy, clock

    def all(self) -> tuple[SavedEndpoint, ...]:
        """Those that were added; nobody is asked."""
        return self._named.all()

    def add(self, url: str, name: str = "", key: str = "", *, in_clear: bool = False) -> Tested:
        """Ask a server and keep it; one that is off now is kept, too. ``in_clear``: its owner knows that all of it
        goes through a foreign network in plain text.

        Raises UsageError (no address, a name that is taken), HeftError: cleartext, key-wrong, not-openai, certificate.
        """
        url = normal_url(url)
        if in_the_clear(url) and not in_clear:
            raise _plain_text(urlsplit(url).hostname or url)
        name = self._named.new_name(name) if name.strip() else ""
        key = checked(key) if key.strip() else ""
        self._refuse_known(url)
        tested = self._ask_ways(SavedEndpoint(name or name_of(url) or urlsplit(url).netloc, url), key or None)
        if tested.error is not None and tested.error.kind not in _MAY_COME:
            raise tested.error
        found = tested.endpoint
        self._refuse_known(found.url)
        found = msgspec.structs.replace(found, name=name or self._free_name(found.url, tested.offer))
        kept = self._keys.set(found.url, key) if key else None
        self._named.change(lambda known: (*known, found))
        return replace(tested, endpoint=found, kept=kept)

    def rename(self, name: str, new: str) -> SavedEndpoint:
        """Raises NotFoundError, UsageError for a name that is none or is taken."""
        return self._named.rename(name, new)

    def remove(self, name: str) -> SavedEndpoint:
        """Forget a server and its key. Raises NotFoundError."""
        found = self.find(name)
        self._named.forget(found)
        self._keys.forget(found.url)
        return found

    def set_key(self, name: str, key: str) -> Place | None:
        """Another key from now on; "" for none. Raises NotFoundError, UsageError."""
        found = self.find(name)
        if key.strip():
            return self._keys.set(found.url, key)
        self._keys.forget(found.url)
        return None

    def test(self, name: str) -> Tested:
        """Ask a server now; what it offers is remembered. Raises NotFoundError."""
        return self._remembered(self._ask(self.find(name)))

    def look(self, cancelled: Cancelled = never) -> tuple[Tested, ...]:
        """Ask all of them at the same time; each answers, or is told to be out of reach, within LOOK_SECONDS.

        Once ``cancelled`` says so, those that have not answered are told to be out of reach.
        """
        known = self.all()
        found = ask_all(known, lambda one: self._remembered(self._ask(one)), LOOK_SECONDS, cancelled, self._clock)
        return tuple(tested or self._silent(one) for one, tested in zip(known, found, strict=True))

    def find(self, name: str) -> SavedEndpoint:
        """The server of a name. Raises NotFoundError."""
        return self._named.find(name)

    def address(self, name: str) -> Address:
        """Where a server is and what key it gets, as it is now. Raises NotFoundError; may wait for the keyring."""
        found = self.find(name)
        return self._address(found.url, self._keys.get(found.url, found.name))

    def ref(self, identity: str) -> ModelRef:
        """The model that ``endpoint:NAME/MODEL`` means. Raises NotFoundError, UsageError; its server is not asked."""
        meant = endpoint_model(identity)
        if meant is None:
            raise UsageError(
                tr("'{identity}' names no model.", identity=one_line(identity, 80)), tr("Write endpoint:NAME/MODEL.")
            )
        found = EndpointModel(self.find(meant.endpoint).name, meant.model)
        return ModelRef(found.title, found.identity)

    def answering(self, identity: str) -> ModelRef:
        """As :meth:`ref`, asking its server. Raises the HeftError, too, that keeps that model from answering now."""
        ref = self.ref(identity)
        meant = ref.elsewhere
        assert meant is not None
        tested = self.test(meant.endpoint)
        if tested.error is not None:
            raise tested.error
        if tested.offer is None or tested.offer.model(meant.model) is None:
            raise NotFoundError(
                tr("{endpoint} offers no model {model}.", endpoint=meant.endpoint, model=meant.model),
                tr("Choose another of its models."),
            )
        return ref

    # -- inside ----------------------------------------------------------------------------------

    def _ask_ways(self, endpoint: SavedEndpoint, key: str | None) -> Tested:
        """As the address was given, then as it may have been meant; the first problem is told."""
        first: Tested | None = None
        for url in ways_to_ask(endpoint.url):
            tested = self._ask(msgspec.structs.replace(endpoint, url=url), key)
            if tested.reachable:
                return tested
            first = first or tested
            if tested.error is None or tested.error.kind not in (FailureKind.NOT_OPENAI, FailureKind.NOT_FOUND):
                break
        assert first is not None
        if first.error is not None and first.error.kind == FailureKind.NOT_FOUND:
            return replace(first, error=not_openai(endpoint.name, first.error.detail))
        return first

    def _ask(self, endpoint: SavedEndpoint, key: str | None = None) -> Tested:
        name = endpoint.name
        known = self._keys.get(endpoint.url, name) if key is None else key
        address = self._address(endpoint.url, known)
        began = self._clock()
        try:
            offer = offer_of(address)
        except NotOpenAIError as error:
            return Tested(endpoint, error=not_openai(name, str(error)))
        except (EndpointError, ConnectionLostError, TimeoutError) as error:
            return Tested(endpoint, error=failure_of(error, name, address))
        seen = msgspec.structs.replace(endpoint, models=tuple(model.id for model in offer.models if model.chats))
        return Tested(seen, offer, self._clock() - began)

    def _remembered(self, tested: Tested) -> Tested:
        seen = tested.endpoint
        if tested.reachable:
            self._named.replace(seen, seen)
        return tested

    def _silent(self, endpoint: SavedEndpoint) -> Tested:
        address = self._address(endpoint.url, "")
        return Tested(endpoint, error=failure_of(TimeoutError(tr("no answer")), endpoint.name, address))

    def _address(self, url: str, key: str) -> Address:
        parts = urlsplit(url)
        return Address(
            port=parts.port or _PORTS[parts.scheme],
            key=key,
            host=parts.hostname or "",
            tls=parts.scheme == "https",
            base=parts.path,
            proxy=proxy_for(url, self._proxy()),
        )

    def _refuse_known(self, url: str) -> None:
        known = next((one for one in self.all() if one.url == url), None)
        if known is not None:
            raise UsageError(
                tr("This server is there already, as {name}.", name=known.name),
                tr("Rename that one, or remove it first."),
            )

    def _free_name(self, url: str, offer: Offer | None) -> str:
        here = offer.kind if offer is not None and offer.kind != "openai" else "local"
        return self._named.free_name(name_of(url) or here)


def proxy_for(url: str, own: str) -> str:
    """The proxy for an address: the user's ``own``, else the environment's or system's; "" where NO_PROXY lists it."""
    if goes_past_proxy(url):
        return ""
    if own:
        return own
    from urllib.request import getproxies

    known = getproxies()
    return known.get(urlsplit(url).scheme) or known.get("all") or ""


def _plain_text(host: str) -> HeftError:
    return HeftError(
        tr("Over http the key and every chat would go to {host} in plain text, for all on the way to read.", host=host),
        tr("Use https, or a tunnel; or add it all the same, if you know that network."),
        kind=FailureKind.CLEARTEXT,
    )
