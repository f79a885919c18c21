"""Embeddings and rerank with the real engine on forged BERTs, asked by the openai client."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openai
import pytest
from support.forge_bert import WIDTH, forge_bert
from support.lending import KEY, open_door, served_file
from support.raw_http import request

from desktop.core.model_kind import ModelKind
from desktop.services.serve.door.door import Door

pytestmark = pytest.mark.engine


def _client(door: Door) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{door.address}/v1", api_key=KEY, max_retries=0)


def test_embeddings_come_as_the_client_asks_for_them(vocab_dir: Path, tmp_path: Path) -> None:
    path = forge_bert(tmp_path / "bert.gguf", vocab_dir / "ggml-vocab-bert-bge.gguf")
    lending = served_file(path, tmp_path, "--embeddings", kind=ModelKind.EMBEDDING, name="bert", context_length=512)
    with lending as lender, open_door(lender) as door, _client(door) as client:
        texts = ["the tide comes in", "the tide comes in", "a car"]
        packed = client.embeddings.create(model="bert", input=texts)  # the client asks for base64
        plain = client.embeddings.create(model="bert", input=texts, encoding_format="float", dimensions=WIDTH)
        assert [len(each.embedding) for each in packed.data] == [WIDTH] * 3
        assert np.allclose([each.embedding for each in packed.data], [each.embedding for each in plain.data], atol=1e-6)
        same, again, other = (np.array(each.embedding) for each in plain.data)
        assert same @ again > 0.999 > same @ other + 0.01
        assert plain.usage.prompt_tokens >= 12
        tokens = client.embeddings.create(model="bert", input=[[101, 2003, 102], [101, 102]])
        assert len(tokens.data) == 2
        with pytest.raises(openai.BadRequestError) as refused:
            client.embeddings.create(model="bert", input="a", dimensions=8)
        assert refused.value.param == "dimensions"
        with pytest.raises(openai.BadRequestError) as refused:
            client.embeddings.create(model="bert", input="word " * 600)
        assert refused.value.code == "context_length_exceeded"
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="bert", messages=[{"role": "user", "content": "Hello"}])
        assert client.embeddings.create(model="bert", input="still there").data[0].embedding


def test_documents_are_ranked(vocab_dir: Path, tmp_path: Path) -> None:
    path = forge_bert(tmp_path / "ranker.gguf", vocab_dir / "ggml-vocab-bert-bge.gguf", ranks=True)
    lending = served_file(path, tmp_path, "--reranking", kind=ModelKind.RERANKER, name="ranker", context_length=512)
    with lending as lender, open_door(lender) as door:
        body = {"model": "ranker", "query": "tide", "documents": ["the tide", "a car", "the sea"], "top_n": 2}
        found = request(door.address, "/v1/rerank", {**body, "return_documents": True}, key=KEY).json["results"]
        assert len(found) == 2
        assert found[0]["relevance_score"] >= found[1]["relevance_score"]
        assert found[0]["document"]["text"] == body["documents"][found[0]["index"]]  # type: ignore[index]
