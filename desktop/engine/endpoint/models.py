"""What another server says of itself and of its models: by the OpenAI protocol, and by its own where it has one.

llama-server: tools/server/README.md (/props, ``meta`` in /v1/models, the router's ``status``). vLLM: ``max_model_len``
(vllm/entrypoints/openai/protocol.py, ModelCard). LM Studio: https://lmstudio.ai/docs/app/api/endpoints/rest. Ollama:
https://github.com/ollama/ollama/blob/main/docs/api.md. No server is asked for another's addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import msgspec

from desktop.engine.endpoint.connecting import Address
from desktop.engine.endpoint.http import ConnectionLostError, Endpoint, EndpointError

ServerKind = Literal["llama.cpp", "vllm", "lm-studio", "ollama", "openai"]
ASK_SECONDS = 8.0
_MORE_SECONDS = 3.0  # for what is good to know, and not needed
_MOST_MODELS = 2000
_OLLAMA_PORT, _LM_STUDIO_PORT = 11434, 1234
T = TypeVar("T")


@dataclass(frozen=True)
class OfferedModel:
    """A model that a server offers. Lengths are in tokens, 0 where it does not tell them; ``loaded`` None likewise.

    ``chats``: it is known, or to be expected, to answer conversations. ``about`` is what it says more, in few words;
    ``template`` its chat template, "" where the server keeps that to itself.
    """

    id: str
    context_length: int = 0
    trained_context: int = 0
    loaded: bool | None = None
    chats: bool = True
    about: str = ""
    template: str = ""


@dataclass(frozen=True)
class Offer:
    """What a server is, and what it offers, in its own order."""

    kind: ServerKind
    models: tuple[OfferedModel, ...]

    def model(self, name: str) -> OfferedModel | None:
        """The model of that name."""
        return next((model for model in self.models if model.id == name), None)


class NotOpenAIError(Exception):
    """What answered is no list of models."""


class _Row(msgspec.Struct, frozen=True):
    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    meta: dict[str, Any] | None = None
    status: Any = None
    context_length: Any = None  # OpenRouter, SGLang and others
    context_window: Any = None  # Groq
    type: str | None = None


class _List(msgspec.Struct, frozen=True):
    data: list[_Row] | None


def offer_of(address: Address) -> Offer:
    """Ask a server. Raises NotOpenAIError, EndpointError, ConnectionLostError, TimeoutError."""
    answer = Endpoint(address).get("/models", deadline_seconds=ASK_SECONDS)
    try:
        rows = msgspec.convert(answer, _List).data or []
    except msgspec.ValidationError as error:
        raise NotOpenAIError(str(error)) from error
    rows = rows[:_MOST_MODELS]
    kind = _kind(rows, address)
    models = tuple(_offered(row) for row in rows)
    more = _More(address)
    match kind:
        case "llama.cpp":
            models = tuple(more.llama_server(model) if len(models) == 1 else model for model in models)
        case "lm-studio":
            models = more.lm_studio(models)
        case "ollama":
            models = more.ollama(models)
    return Offer(kind, models)


def with_more(address: Address, kind: ServerKind, model: OfferedModel) -> OfferedModel:
    """A model that was chosen, with what its server tells of one model only."""
    return _More(address).ollama_one(model) if kind == "ollama" else model


def own_interface(address: Address) -> Address:
    """Where a server has what is its own: beside the OpenAI protocol's "/v1"."""
    return replace(address, base=address.base.removesuffix("/v1"))


def _kind(rows: list[_Row], address: Address) -> ServerKind:
    owners = {row.owned_by for row in rows}
    if "llamacpp" in owners:
        return "llama.cpp"
    if "vllm" in owners or any(row.max_model_len for row in rows):
        return "vllm"
    if "organization_owner" in owners or address.port == _LM_STUDIO_PORT:
        return "lm-studio"
    if "library" in owners or address.port == _OLLAMA_PORT:
        return "ollama"
    return "openai"


def _offered(row: _Row) -> OfferedModel:
    meta = row.meta or {}
    length = row.max_model_len or _number(row.context_length) or _number(row.context_window)
    status = row.status.get("value") if isinstance(row.status, dict) else None
    return OfferedModel(
        row.id,
        length or _number(meta.get("n_ctx")),
        _number(meta.get("n_ctx_train")),
        {"loaded": True, "unloaded": False, "loading": False}.get(status) if isinstance(status, str) else None,
        chats=row.type not in ("embedding", "embeddings", "rerank", "image", "moderation"),
    )


class _More:
    """What a server tells by its own interface; one that does not is none the worse for it."""

    def __init__(self, address: Address) -> None:
        self._endpoint = Endpoint(own_interface(address))

    def llama_server(self, model: OfferedModel) -> OfferedModel:
        props = self._ask(dict[str, Any], "/props")
        settings = (props or {}).get("default_generation_settings")
        length = _number(settings.get("n_ctx")) if isinstance(settings, dict) else 0
        template = (props or {}).get("chat_template")
        return replace(
            model,
            context_length=length or model.context_length,
            loaded=True if props else model.loaded,
            template=template if isinstance(template, str) else "",
        )

    def lm_studio(self, models: tuple[OfferedModel, ...]) -> tuple[OfferedModel, ...]:
        answer = self._ask(dict[str, Any], "/api/v0/models") or {}
        rows = {row.get("id"): row for row in answer.get("data") or () if isinstance(row, dict)}
        found = []
        for model in models:
            row = rows.get(model.id)
            if row is None:
                found.append(model)
                continue
            most = _number(row.get("max_context_length"))
            loaded = row.get("state") == "loaded"
            words = (row.get("arch"), row.get("quantization"))
            found.append(
                replace(
                    model,
                    context_length=_number(row.get("loaded_context_length")) if loaded else 0,
                    trained_context=most,
                    loaded=loaded,
                    chats=row.get("type") not in ("embeddings", "embedding"),
                    about=" ".join(word for word in words if isinstance(word, str)),
                )
            )
        return tuple(found)

    def ollama(self, models: tuple[OfferedModel, ...]) -> tuple[OfferedModel, ...]:
        answer = self._ask(dict[str, Any], "/api/ps")
        if answer is None:
            return models
        rows = {row.get("model"): row for row in answer.get("models") or () if isinstance(row, dict)}
        return tuple(
            replace(
                model,
                loaded=model.id in rows,
                context_length=_number(rows.get(model.id, {}).get("context_length")),
            )
            for model in models
        )

    def ollama_one(self, model: OfferedModel) -> OfferedModel:
        answer = self._ask(dict[str, Any], "/api/show", {"model": model.id}) or {}
        about, facts = answer.get("details"), answer.get("model_info")
        facts = facts if isinstance(facts, dict) else {}
        about = about if isinstance(about, dict) else {}
        trained = next((_number(value) for key, value in facts.items() if key.endswith(".context_length")), 0)
        can = answer.get("capabilities")
        words = (about.get("family"), about.get("parameter_size"), about.get("quantization_level"))
        return replace(
            model,
            trained_context=trained,
            chats="completion" in can if isinstance(can, list) else model.chats,
            about=" ".join(word for word in words if isinstance(word, str)),
        )

    def _ask(self, kind: type[T], path: str, body: object = None) -> T | None:
        try:
            if body is None:
                answer = self._endpoint.get(path, deadline_seconds=_MORE_SECONDS)
            else:
                answer = self._endpoint.post(path, body, deadline_seconds=_MORE_SECONDS)
            return msgspec.convert(answer, kind)
        except (EndpointError, ConnectionLostError, TimeoutError, msgspec.ValidationError):
            return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
