"""Ollama's dialect as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from desktop.services.serve.door.asking import Clerk
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.dialects import Dialect
from desktop.services.serve.door.model_facts import FactsReader
from desktop.services.serve.door.ollama import about, routes
from desktop.services.serve.door.ollama.errors import error, stream_error
from desktop.services.serve.door.ollama.refusals import BLOBS, CLOUD, REFUSALS

_ANY = ["GET", "POST", "PUT", "DELETE"]


def _routes(desk: Desk) -> Sequence[Route]:
    clerk = Clerk(desk, FactsReader())
    return [
        *([] if desk.settings.web_page else [Route("/", about.hello, methods=["GET"])]),
        Route("/api/version", about.version, methods=["GET"]),
        Route("/api/tags", about.tags(clerk), methods=["GET"]),
        Route("/api/ps", about.ps(clerk), methods=["GET"]),
        Route("/api/show", about.show(clerk), methods=["POST"]),
        Route("/api/chat", routes.answering(clerk, chats=True), methods=["POST"]),
        Route("/api/generate", routes.answering(clerk, chats=False), methods=["POST"]),
        Route("/api/embed", routes.embedding(clerk, several=True), methods=["POST"]),
        Route("/api/embeddings", routes.embedding(clerk, several=False), methods=["POST"]),
        *(Route(path, about.refused(why), methods=_ANY) for path, why in REFUSALS.items()),
        Route("/api/blobs/{digest:path}", about.refused(BLOBS), methods=["HEAD", *_ANY]),
        *(Route(f"/api/{path}", about.refused(CLOUD), methods=_ANY) for path in ("web_search", "web_fetch", "me")),
    ]


OLLAMA = Dialect("ollama", ("/api",), _routes, error, stream_error)
