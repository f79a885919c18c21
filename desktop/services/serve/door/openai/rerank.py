"""POST /v1/rerank: documents by how well they answer a query, as Jina, Cohere and llama.cpp have it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.openai.shapes import new_id
from desktop.services.serve.door.replies import JSON, Reply
from desktop.services.serve.door.written import check_ranks

_MOST_DOCUMENTS = 2048


def rerank(desk: Desk) -> Callable[[Request], Awaitable[ASGIApp]]:
    """The route."""

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        fields = Fields(await desk.body(request))
        name = fields.required_text("model")
        query = fields.required_text("query")
        documents = _documents(fields)
        top = fields.whole("top_n", 1, _MOST_DOCUMENTS) or len(documents)
        returns = fields.flag("return_documents")
        model = await desk.model(name)
        check_ranks(model)

        async def pieces() -> AsyncGenerator[bytes, None]:
            async with desk.loan(entry, model, "rerank") as loan:
                body = {"query": query, "documents": documents, "top_n": min(top, len(documents))}
                found = await loan.upstream.json("/v1/rerank", body)
            tokens = int(found.get("usage", {}).get("prompt_tokens", 0))
            entry.update(prompt_tokens=tokens)
            yield msgspec.json.encode(
                {
                    "id": new_id("rerank"),
                    "object": "list",
                    "model": model.name,
                    "results": [_result(each, documents if returns else None) for each in found["results"]],
                    "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
                }
            )

        return Reply(desk, request, pieces(), JSON)

    return answer


def _documents(fields: Fields) -> list[str]:
    fields.required("documents")
    given = fields.items("documents") or []
    if not given:
        raise fields.wrong("documents", "is empty.", "empty_array")
    if len(given) > _MOST_DOCUMENTS:
        raise fields.wrong("documents", f"at most {_MOST_DOCUMENTS} are taken.", "array_above_max_length")
    found = []
    for at, each in enumerate(given):
        if isinstance(each, dict):
            found.append(Fields(each, f"documents[{at}]").required_text("text"))
        elif isinstance(each, str):
            found.append(each)
        else:
            raise fields.wrong(f"documents[{at}]", "is to be a string or an object with 'text'.", "invalid_type")
    return found


def _result(found: dict[str, Any], documents: list[str] | None) -> dict[str, Any]:
    index = int(found["index"])
    result: dict[str, Any] = {"index": index, "relevance_score": found["relevance_score"]}
    return result if documents is None else {**result, "document": {"text": documents[index]}}
