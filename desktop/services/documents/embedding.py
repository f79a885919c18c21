"""Vectors of texts by an embedding model of the library, lent as other programs get it: beside the chat's model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.documents.choosing import unit
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.model_kind import ModelKind
from desktop.core.progress import Progress, Report
from desktop.core.words import tr
from desktop.engine.endpoint.http import Address, ConnectionLostError, Endpoint, EndpointError
from desktop.services.serve.api import Lease, ServedModel
from desktop.store.vectors import Vector, VectorStore

_AT_ONCE = 16  # texts of a request
_REQUEST_SECONDS = 300.0
_SHORTEST = 32  # characters; below that a text that is refused is not cut any further
# What models were trained to find before a text, by architecture: their cards on the Hub. (question, passage)
_PREFIXES = {
    "nomic-bert": ("search_query: ", "search_document: "),
    "nomic-bert-moe": ("search_query: ", "search_document: "),
    "gemma-embedding": ("task: search result | query: ", "title: none | text: "),
}


class EmbeddingLender(Protocol):
    """The part of :class:`desktop.services.serve.lender.Lender` that is needed here."""

    def models(self) -> tuple[ServedModel, ...]:
        """All models of the library."""

    def acquire_beside(self, model: ServedModel, cancelled: Cancelled) -> Lease:
        """For vectors, where there is room for it beside what is loaded."""


class Embedder:
    """The embedding model of the library. Thread-safe."""

    def __init__(self, lender: Callable[[], EmbeddingLender], store: VectorStore) -> None:
        self._lender, self._store = lender, store

    def model(self) -> ServedModel | None:
        """The one that is used: the smallest, as the least of all that has to fit beside a chat. None without any."""
        found = [model for model in self._lender().models() if model.kind is ModelKind.EMBEDDING]
        return min(found, key=lambda model: (model.size_bytes, model.name), default=None)

    def vectors(
        self, model: ServedModel, passages: Sequence[str], question: str, cancelled: Cancelled, report: Report
    ) -> tuple[list[Vector], Vector]:
        """Those of passages and of the question that is asked about them, of length 1.

        Raises CancelledError; HeftError where there is no room beside what is loaded, or it cannot be loaded.
        """
        asking, telling = _PREFIXES.get(model.architecture, ("", ""))
        texts = [telling + text for text in passages] + [asking + question]
        digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
        key = f"{model.ref.identity} {model.size_bytes} {model.modified}"
        known = self._store.known(key, digests)
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        if missing:
            made = self._made(model, list(missing.values()), cancelled, report)
            new = dict(zip(missing, made, strict=True))
            self._store.keep(key, new)
            known |= new
        *found, asked = (known[digest] for digest in digests)
        return found, asked

    def _made(self, model: ServedModel, texts: Sequence[str], cancelled: Cancelled, report: Report) -> list[Vector]:
        lease = self._lender().acquire_beside(model, cancelled)
        try:
            found: list[Vector] = []
            for at in range(0, len(texts), _AT_ONCE):
                if cancelled():
                    raise CancelledError
                found += [unit(vector) for vector in _asked(lease.address, texts[at : at + _AT_ONCE])]
                report(Progress(len(found), len(texts), "passages"))
            return found
        finally:
            lease.release()


def _asked(address: Address, texts: Sequence[str]) -> list[Sequence[float]]:
    """Vectors of some texts; of one that is too long for the model the middle of its halves'."""
    body = {"input": list(texts), "encoding_format": "float"}
    try:
        told = Endpoint(address).post("/v1/embeddings", body, deadline_seconds=_REQUEST_SECONDS)
        return [each["embedding"] for each in sorted(told["data"], key=lambda each: int(each["index"]))]
    except EndpointError as error:
        if len(texts) > 1:
            return [vector for text in texts for vector in _asked(address, [text])]
        half = len(texts[0]) // 2
        if half < _SHORTEST:
            raise _failed(str(error)) from error
        first, second = _asked(address, [texts[0][:half], texts[0][half:]])
        return [[math.fsum(pair) / 2 for pair in zip(first, second, strict=True)]]
    except (ConnectionLostError, TimeoutError, KeyError, TypeError) as error:
        raise _failed(repr(error)) from error


def _failed(detail: str) -> HeftError:
    return HeftError(
        tr("The embedding model gave no vectors."),
        tr("Send it again; the passages are then searched by their words."),
        detail=detail,
        kind=FailureKind.ENGINE,
    )
