"""What a client is told when its request is not answered: one value for all dialects, each writes it in its own shape.

Types and codes are OpenAI's where it has one (platform.openai.com/docs/guides/error-codes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from desktop.core.errors import ContextFullError, HeftError
from desktop.core.failures import FailureKind
from desktop.engine.endpoint.http import EndpointError

INVALID, AUTHENTICATION, SERVER = "invalid_request_error", "authentication_error", "server_error"
TOO_LONG, NO_MODEL = "context_length_exceeded", "model_not_found"
DO_NOT_RETRY: Mapping[str, str] = MappingProxyType({"x-should-retry": "false"})  # clients of OpenAI's obey it

_DOES_NOT_FIT = (FailureKind.OUT_OF_MEMORY, FailureKind.DEVICE_FULL)
_WRONG_MODEL = (
    FailureKind.CANNOT_CHAT, FailureKind.CANNOT_EMBED, FailureKind.NO_LANGUAGE_MODEL, FailureKind.OTHER_PROGRAM,
    FailureKind.UNKNOWN_ARCHITECTURE, FailureKind.USAGE, FailureKind.EMPTY_PROMPT, FailureKind.BAD_TEMPLATE,
)  # fmt: skip
_OVERFLOW = "exceed_context_size_error"  # tools/server/server-common.cpp
# what is embedded or ranked has to be read in one go (tools/server/server-context.cpp)
_OVER_BATCH = re.compile(r"input \((\d+) tokens\) is too large to process.*batch size: (\d+)")


class DoorError(Exception):
    """An answer that is none: HTTP ``status``, ``type`` and ``code``, and the field that is wrong as ``param``.

    ``record`` is what the list of requests keeps of it: a message may quote what was asked.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        record: str = "",
    ) -> None:
        super().__init__(message)
        self.record = record or message
        self.status, self.message, self.type, self.code, self.param = status, message, type, code, param
        self.headers = headers


def bad_field(param: str, message: str, code: str | None = None) -> DoorError:
    """400: a field that is missing or wrong."""
    return DoorError(400, message, code=code, param=param, record=f"{code or 'invalid_value'}: {param}")


def unknown_model(name: str) -> DoorError:
    """404: no model of this name. Another one is never meant."""
    return DoorError(404, f"The model '{name}' does not exist here.", code=NO_MODEL, param="model")


def too_long(needed: int, context: int) -> DoorError:
    """400: a prompt that the context does not hold; both in tokens, 0 where the engine did not say."""
    message = f"This model's maximum context length is {context} tokens. However, your input resulted in {needed}"
    return DoorError(400, f"{message} tokens. Please reduce its length.", code=TOO_LONG)


def of_heft(error: HeftError) -> DoorError:
    """A failure of Heft's as a client is told of it, figures included."""
    words = f"{error.message} {error.hint}".strip()
    if isinstance(error, ContextFullError):
        return too_long(error.needed_tokens, error.context_length)
    if error.kind in _DOES_NOT_FIT:
        return DoorError(503, words, type=SERVER, code="insufficient_memory", headers=DO_NOT_RETRY)
    if error.kind == FailureKind.CANCELLED:  # of a load that nobody here gave up: Heft is being closed
        return closing()
    if error.kind == FailureKind.BUSY:
        return DoorError(503, words, type=SERVER, code="busy", headers={"retry-after": "5"})
    if error.kind in _WRONG_MODEL:
        return DoorError(400, words, code=str(error.kind), param="model")
    if error.kind == FailureKind.NOT_FOUND:
        return DoorError(404, words, code=NO_MODEL, param="model")
    return DoorError(500, words, type=SERVER, code=str(error.kind), headers=DO_NOT_RETRY)


def of_engine(error: EndpointError) -> DoorError:
    """What llama.cpp's server refused."""
    if error.type == _OVERFLOW:
        return too_long(int(error.fields.get("n_prompt_tokens", 0)), int(error.fields.get("n_ctx", 0)))
    batch = _OVER_BATCH.search(error.message)
    if batch is not None:
        return too_long(int(batch[1]), int(batch[2]))
    record = f"The engine refused the request ({error.status} {error.type})."
    if error.status == 400 or error.type == INVALID:
        return DoorError(400, error.message, code="refused_by_engine", record=record)
    if error.type == "not_supported_error":
        return DoorError(400, error.message, code="not_supported", param="model", record=record)
    words = error.message or "The engine could not answer."
    return DoorError(500, words, type=SERVER, code="engine_failed", headers=DO_NOT_RETRY, record=record)


def engine_lost() -> DoorError:
    """The engine's process ended in the middle of an answer."""
    return DoorError(500, "The engine broke its answer off.", type=SERVER, code="engine_lost")


def closing() -> DoorError:
    """503: the door is being closed."""
    return DoorError(503, "Heft's server is being switched off.", type=SERVER, code="shutting_down")


def internal() -> DoorError:
    """500: a fault of Heft's own. What went wrong is in its log."""
    return DoorError(500, "A part of Heft failed at this request.", type=SERVER, code="internal", headers=DO_NOT_RETRY)
