"""POST /v1/embeddings."""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.failures import DoorError, bad_field
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.openai.prompts import prompts
from desktop.services.serve.door.replies import JSON, Reply
from desktop.services.serve.door.written import check_embeds

_MOST_INPUTS = 2048
_MOST_DIMENSIONS = 1 << 20


def embeddings(desk: Desk) -> Callable[[Request], Awaitable[ASGIApp]]:
    """The route."""

    async def answer(request: Request) -> ASGIApp:
        entry = desk.entry(request)
        fields = Fields(await desk.body(request))
        name = fields.required_text("model")
        inputs = prompts(fields, "input", _MOST_INPUTS)
        packed = fields.choice("encoding_format", "float", "base64") == "base64"
        dimensions = fields.whole("dimensions", 1, _MOST_DIMENSIONS)
        model = await desk.model(name)
        check_embeds(model)

        async def pieces() -> AsyncGenerator[bytes, None]:
            async with desk.loan(entry, model, "embedding") as loan:
                found = await loan.upstream.json("/v1/embeddings", {"input": list(inputs), "encoding_format": "float"})
            vectors = [each["embedding"] for each in sorted(found["data"], key=lambda each: int(each["index"]))]
            _check_dimensions(dimensions, vectors)
            tokens = int(found.get("usage", {}).get("prompt_tokens", 0))
            entry.update(prompt_tokens=tokens)
            yield msgspec.json.encode(
                {
                    "object": "list",
                    "data": [
                        {"object": "embedding", "index": at, "embedding": _packed(vector) if packed else vector}
                        for at, vector in enumerate(vectors)
                    ],
                    "model": model.name,
                    "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
                }
            )

        return Reply(desk, request, pieces(), JSON)

    return answer


def _check_dimensions(asked: int | None, vectors: list[list[float]]) -> None:
    """A vector is given whole: only of models trained for it are the first numbers alone of use."""
    has = len(vectors[0]) if vectors else 0
    if asked is not None and asked != has:
        raise _wrong_dimensions(has)


def _wrong_dimensions(has: int) -> DoorError:
    return bad_field("dimensions", f"'dimensions': this model's embeddings have {has}.", "unsupported_value")


def _packed(vector: list[Any]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
