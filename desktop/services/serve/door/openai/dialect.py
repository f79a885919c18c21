"""OpenAI's dialect as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.dialects import Dialect
from desktop.services.serve.door.openai import chat, completions, embeddings, models, rerank
from desktop.services.serve.door.openai.errors import error, stream_error


def _routes(desk: Desk) -> Sequence[Route]:
    found: list[Route] = []
    for prefix in ("/v1", ""):
        found += [
            Route(f"{prefix}/models", models.listing(desk), methods=["GET"]),
            Route(f"{prefix}/models/{{name:path}}", models.one(desk), methods=["GET"]),
            Route(f"{prefix}/chat/completions", chat.completions(desk), methods=["POST"]),
            Route(f"{prefix}/completions", completions.completions(desk), methods=["POST"]),
            Route(f"{prefix}/embeddings", embeddings.embeddings(desk), methods=["POST"]),
            Route(f"{prefix}/rerank", rerank.rerank(desk), methods=["POST"]),
            Route(f"{prefix}/reranking", rerank.rerank(desk), methods=["POST"]),
        ]
    return found


OPENAI = Dialect("openai", ("/",), _routes, error, stream_error)
