"""Frames and messages survive the pipe, and nothing else gets through it."""

import io

import msgspec
import pytest

from desktop.core.errors import ContextFullError
from desktop.engine.api import ChatMessage, Event, Failed, Generate, Load, Request, Sampling, Text
from desktop.system.framing import PipeClosedError, read_message, write_message

REQUESTS: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
EVENTS: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def test_request_survives_the_pipe() -> None:
    request = Generate(7, (ChatMessage("user", "Grüße 🌊"),), sampling=Sampling(seed=3, stop=("\n\n",)))
    pipe = io.BytesIO()
    write_message(pipe, request)
    write_message(pipe, Load("/models/a.gguf", 4096, gpu_layers=3))
    pipe.seek(0)
    assert read_message(pipe, REQUESTS) == request
    assert read_message(pipe, REQUESTS) == Load("/models/a.gguf", 4096, gpu_layers=3)


def test_an_event_is_not_a_request() -> None:
    pipe = io.BytesIO()
    write_message(pipe, Text(1, "hello", 1, 1, 0.0))
    pipe.seek(0)
    with pytest.raises(msgspec.DecodeError):
        read_message(pipe, REQUESTS)


@pytest.mark.parametrize("cut", [0, 2, 4, 9])
def test_a_cut_pipe_is_closed(cut: int) -> None:
    pipe = io.BytesIO()
    write_message(pipe, Text(1, "hello", 1, 1, 0.0))
    with pytest.raises(PipeClosedError):
        read_message(io.BytesIO(pipe.getvalue()[:cut]), EVENTS)


def test_an_absurd_length_is_refused_before_it_is_read() -> None:
    with pytest.raises(msgspec.DecodeError, match="exceeds"):
        read_message(io.BytesIO(b"\xff\xff\xff\xff" + b"llama_model_load: text that leaked into the pipe"), EVENTS)


def test_a_refusal_keeps_the_figures_of_a_conversation_that_is_too_long() -> None:
    error = ContextFullError("Too long.", "Load it longer.", needed_tokens=142_903, context_length=4096)
    told = msgspec.msgpack.decode(msgspec.msgpack.encode(Failed.of(7, error)), type=Failed)
    again = told.error()
    assert isinstance(again, ContextFullError) and told.request_id == 7
    assert (again.needed_tokens, again.context_length, again.message, again.hint) == (
        142_903, 4096, "Too long.", "Load it longer.",
    )  # fmt: skip
