"""Documents with a real tokenizer, a real embedding model beside a chat's, and all services of Heft."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forge_documents import forge_pdf
from support.forge_encoder import forge_encoder
from support.inspected import opened

from desktop.core.attachments import Enclosed
from desktop.core.documents.prompt import whole
from desktop.core.documents.way import Way
from desktop.services.container import Container
from desktop.services.documents.kept import MEDIA_TYPE, kept_bytes
from desktop.services.documents.retrieval import Search, Source
from desktop.services.documents.service import Wish
from desktop.services.inspect.tokenizer import TokenizerService
from desktop.store.paths import Paths

PAGES = [
    f"Chapter {number}. " + "\n".join(f"Line {line} tells of {topic} at length." for line in range(40))
    for number, topic in enumerate(("the rent", "animals", "a garden", "heating", "keys"), 1)
]


@pytest.fixture
def container(paths: Paths, starter_model: Path) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path, container: Container) -> Source:
    path = forge_pdf(tmp_path / "lease.pdf", PAGES)
    return Source("lease.pdf", "ab" * 32, container.documents.read(path))


@pytest.mark.engine
def test_the_cost_is_that_of_the_models_own_tokenizer(
    container: Container, source: Source, starter_model: Path, paths: Paths
) -> None:
    (cost,), exact = container.documents.cost([source], starter_model)
    service = TokenizerService(paths)
    tokens = service.tokenize(opened(starter_model), whole(source.name, source.document))
    service.close()
    assert exact and cost == len(tokens)


@pytest.mark.engine
def test_passages_are_searched_with_the_librarys_embedding_model_and_remembered(
    container: Container, source: Source, starter_model: Path, paths: Paths, vocab_dir: Path
) -> None:
    paths.models.mkdir(parents=True)
    forge_encoder(paths.models / "encoder.gguf", vocab_dir)
    container.library.scan()
    wishes = [Wish(source, Way.PASSAGES)]
    for _ in range(2):
        found = container.documents.enclose(wishes, "Tell me of the garden.", 1200, starter_model)
        assert found.passages is not None and found.passages.failure is None
        assert found.passages.search is Search.MEANING and found.passages.model == "encoder"
        assert found.citations and found.tokens <= 1200
        for one, text in zip(found.citations, found.passages.texts, strict=True):
            assert source.document.text[one.start : one.end] == text
    assert not container.lender.held()


@pytest.mark.engine
def test_a_model_file_without_a_tokenizer_is_counted_about(
    container: Container, source: Source, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    (cost,), exact = container.documents.cost([source], broken)
    assert not exact and cost > 500


def test_without_a_model_a_message_may_have_as_much_as_it_likes_and_is_counted_about(
    container: Container, source: Source
) -> None:
    enclosed = Enclosed.of("document", source.name, MEDIA_TYPE, kept_bytes(source.document))
    found = container.sender.cost(None, (), enclosed)
    assert not found.exact and found.tokens > 500 and found.room > 1 << 20 and found.embedding == ""
