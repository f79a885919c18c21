"""Documents that go with a question: the part of the container that reads, counts and searches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.made_once import made_once
from desktop.services.members import Members

if TYPE_CHECKING:
    from desktop.services.documents.service import DocumentService
    from desktop.services.inspect.inspection import InspectionService
    from desktop.services.serve.lender import Lender
    from desktop.store.paths import Paths
    from desktop.store.vectors import VectorStore


class DocumentServices(Members):
    """Needs members of the whole."""

    paths: Paths
    lender: made_once[Lender]
    inspection: made_once[InspectionService]

    @made_once
    def vectors(self) -> VectorStore:
        """What embedding models made of documents."""
        from desktop.store.vectors import VectorStore

        return VectorStore(self.paths.cache / "vectors.sqlite3")

    @made_once
    def documents(self) -> DocumentService:
        """Documents on their way into a prompt."""
        from desktop.services.documents.counting import Counters
        from desktop.services.documents.embedding import Embedder
        from desktop.services.documents.reading import DocumentReader
        from desktop.services.documents.service import DocumentService
        from desktop.services.inspect.tokenizer import TokenizerService

        counters = Counters(TokenizerService(self.paths), lambda: self.inspection)
        embedder = Embedder(lambda: self.lender, self.vectors)
        return DocumentService(DocumentReader(), counters, lambda: embedder)
