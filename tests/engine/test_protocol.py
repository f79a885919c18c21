"""Frames and messages survive the pipe, and nothing else gets through it."""

import io

import msgspec
import pytest

from desktop.engine.worker.protocol import (
    ChatMessage,
    Generate,
    Load,
    PipeClosedError,
    Sampling,
    Text,
    read_event,
    read_request,
    write_frame,
)


def test_request_survives_the_pipe() -> None:
    request = Generate(7, (ChatMessage("user", "Grüße 🌊"),), sampling=Sampling(seed=3), stop=("\n\n",))
    pipe = io.BytesIO()
    write_frame(pipe, request)
    write_frame(pipe, Load("/models/a.gguf", 4096, gpu_layers=3))
    pipe.seek(0)
    assert read_request(pipe) == request
    assert read_request(pipe) == Load("/models/a.gguf", 4096, gpu_layers=3)


def test_an_event_is_not_a_request() -> None:
    pipe = io.BytesIO()
    write_frame(pipe, Text(1, "hello", 1, 1, 0.0))
    pipe.seek(0)
    with pytest.raises(msgspec.DecodeError):
        read_request(pipe)


@pytest.mark.parametrize("cut", [0, 2, 4, 9])
def test_a_cut_pipe_is_closed(cut: int) -> None:
    pipe = io.BytesIO()
    write_frame(pipe, Text(1, "hello", 1, 1, 0.0))
    with pytest.raises(PipeClosedError):
        read_event(io.BytesIO(pipe.getvalue()[:cut]))


def test_an_absurd_length_is_refused_before_it_is_read() -> None:
    with pytest.raises(msgspec.DecodeError, match="exceeds"):
        read_event(io.BytesIO(b"\xff\xff\xff\xff" + b"llama_model_load: text that leaked into the pipe"))
