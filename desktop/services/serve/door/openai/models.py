"""GET /v1/models and /v1/models/NAME."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from desktop.services.serve.api import ServedModel
from desktop.services.serve.door.desk import Desk
from desktop.services.serve.door.page.routes import of_models

_MODALITIES = {"image": "image", "sound": "audio"}  # as OpenAI and OpenRouter call them

Endpoint = Callable[[Request], Awaitable[Response]]


def listing(desk: Desk) -> Endpoint:
    """All models, by name; aliases are no entries of their own."""

    async def answer(_request: Request) -> Response:
        found = await desk.models()
        further = of_models(await desk.in_thread(desk.lender.states)) if desk.page is not None else {}
        data = [{**described(model, context), **further.get(model.name, {})} for model, context in found]
        return JSONResponse({"object": "list", "data": data})

    return answer


def one(desk: Desk) -> Endpoint:
    """One by name or alias; 404 for a name that is nobody's."""

    async def answer(request: Request) -> Response:
        return JSONResponse(described(*await desk.model_and_context(request.path_params["name"])))

    return answer


def described(model: ServedModel, context: int) -> dict[str, Any]:
    """A model as OpenAI's list has it, with what llama.cpp's and other servers add. A request gets ``context``, however
    much it was trained for.
    """
    meta = {
        "n_params": model.parameters,
        "size": model.size_bytes,
        "n_ctx_train": model.context_length,
        "quantization": model.quantization,
        "architecture": model.architecture,
        "kind": str(model.kind),
    }
    return {
        "id": model.name,
        "object": "model",
        "created": model.modified,
        "owned_by": "heft",
        "aliases": list(model.aliases),
        "context_length": context,
        "input_modalities": ["text", *(_MODALITIES[kind] for kind in model.media)],
        "meta": meta,
    }
