"""The length of a prompt as the server reads it, without reading it."""

from __future__ import annotations

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import Media
from desktop.engine.endpoint.http import Endpoint, EndpointError
from desktop.engine.endpoint.media_part import part_of
from desktop.engine.server.questions_asked import CHAT, Question

_ASK_SECONDS = 60.0  # a conversation of any length is tokenized in far less


def count_tokens(endpoint: Endpoint, question: Question) -> int:
    """Tokens of a question's prompt. Raises EngineError where the server refuses, and ConnectionLostError."""
    try:
        if question.path == CHAT:
            body = {**question.body, "stream": False}
            return int(endpoint.post(f"{CHAT}/input_tokens", body, deadline_seconds=_ASK_SECONDS)["input_tokens"])
        prompt = question.body["prompt"]
        text = prompt if isinstance(prompt, str) else prompt["prompt_string"].replace(question.marker, "")
        body = {"content": text, "add_special": True, "parse_special": True}
        count = len(endpoint.post("/tokenize", body, deadline_seconds=_ASK_SECONDS)["tokens"])
        return count + sum(media_tokens(endpoint, one) for one in question.media)
    except EndpointError as error:
        if question.instead is not None:  # a form that this server does not know
            return count_tokens(endpoint, question.instead)
        raise EngineError(
            tr("The engine could not count: {message}", message=error.message),
            tr("Load the model again."),
            detail=str(error),
        ) from error
    except TimeoutError as error:
        raise EngineError(
            tr("The engine did not count in time."), tr("Send it again."), detail=str(error), kind=FailureKind.TOO_SLOW
        ) from error


def media_tokens(endpoint: Endpoint, media: Media) -> int:
    """Tokens of a picture or of sound: what a question has with it more than without. The server looks at its size
    only. Raises what :func:`count_tokens` raises of the endpoint.
    """

    def counted(*parts: dict[str, object]) -> int:
        body = {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "?"}]}]}
        return int(endpoint.post(f"{CHAT}/input_tokens", body, deadline_seconds=_ASK_SECONDS)["input_tokens"])

    return counted(part_of(media)) - counted()
