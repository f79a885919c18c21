"""Tokenizers and an embedding model for documents that a test can reckon with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef
from desktop.core.progress import Report
from desktop.services.documents.counting import Counter, EstimatedCounter
from desktop.services.documents.reading import DocumentReader
from desktop.services.documents.service import DocumentService
from desktop.services.serve.api import ServedModel
from desktop.store.vectors import Vector

TOPICS = ("rent", "pets", "garden", "heating", "keys", "noise", "windows", "cellar")


class WordCounter:
    """A tokenizer for which each word is a token."""

    exact = True

    def count(self, texts: Sequence[str], cancelled: Cancelled = never) -> Sequence[int]:
        return [len(text.split()) for text in texts]

    def beginning(self, text: str, tokens: int, cancelled: Cancelled = never) -> int:
        words = text.split(" ")
        return len(" ".join(words[:tokens]))


class SameCounter:
    """One counter for every model."""

    def of(self, model: Path | None, cancelled: Cancelled = never) -> Counter:
        return WordCounter() if model is not None else EstimatedCounter()

    def close(self) -> None:
        return


class ScriptedEmbedder:
    """Vectors with a direction for each topic; it may fail instead."""

    def __init__(self, failure: HeftError | None = None, none: bool = False) -> None:
        self.failure, self.none = failure, none

    def model(self) -> ServedModel | None:
        ref = ModelRef("minilm", "hf:a/b/minilm.gguf")
        return None if self.none else ServedModel("minilm", ref, ModelKind.EMBEDDING)

    def vectors(
        self, model: ServedModel, passages: Sequence[str], question: str, cancelled: Cancelled, report: Report
    ) -> tuple[list[Vector], Vector]:
        if self.failure is not None:
            raise self.failure
        return [self._vector(text) for text in passages], self._vector(question)

    @staticmethod
    def _vector(text: str) -> Vector:
        meant = {"animals": "pets", "warm": "heating"}
        found = [
            float(topic in text or any(word in text for word, of in meant.items() if of == topic)) for topic in TOPICS
        ]
        length = sum(found) ** 0.5 or 1.0
        return tuple(value / length for value in found)


def document_service(embedder: ScriptedEmbedder | None = None) -> DocumentService:
    """Documents with these in the place of real models; without an embedding model unless one is given."""
    made = embedder or ScriptedEmbedder(none=True)
    return DocumentService(DocumentReader(), SameCounter(), lambda: made)  # type: ignore[arg-type, return-value]
