"""A model of another server as an engine: what its stream becomes, and every way in which it can break."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from support.endpoint_client import SECONDS, Client
from support.openai_server import CLOSED, DONE, RESET, OpenAIServer, Part, answer, piece, plain, usage
from support.scripted_server import STREAM, chunk, document, event

from desktop.core.failures import FailureKind
from desktop.engine.api import (
    Benchmark,
    ChatMessage,
    Count,
    Counted,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    PromptProgress,
    Sampling,
    Text,
    Unload,
    Unloaded,
)
from desktop.engine.endpoint.http import Address

MODEL = "endpoint:studio/org/a-model"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer("org/a-model", key="the-key") as running:
        yield running


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[Client]:
    made = Client(Address(port=server.port, host="127.0.0.1", base="/v1", key=server.key))
    yield made
    made.client.close()


def test_a_model_is_held_when_its_server_offers_it(client: Client, server: OpenAIServer) -> None:
    loaded = client.connect(MODEL)
    assert (loaded.path, loaded.endpoint, loaded.request_id) == (MODEL, "studio", 1)
    assert loaded.description == "a-model on studio" and loaded.memory.total_bytes == 0 and loaded.pid == 0
    assert server.requests[0][1]["authorization"] == "Bearer the-key"


def test_an_answer_streams_and_its_figures_are_the_servers(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.answers = [(STREAM, piece("Good "), piece("day."), piece(finish="stop"), usage(11, 5), DONE)]
    text, reasoning, ended = client.ask()
    assert (text, reasoning) == ("Good day.", "")
    assert isinstance(ended, Finished) and ended.reason == "stop"
    figures = ended.statistics
    assert (figures.prompt_tokens, figures.generated_tokens, figures.context_used) == (11, 5, 16)
    assert figures.seconds_to_first_token > 0 and figures.resident_bytes == 0
    (asked,) = server.questions
    assert asked["model"] == "org/a-model" and asked["messages"] == [{"role": "user", "content": "Hello?"}]
    assert asked["stream"] is True and asked["stream_options"] == {"include_usage": True}
    assert "temperature" not in asked and "top_k" not in asked  # the server has its own


def test_the_speed_is_measured_here_where_the_server_tells_none(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    go_on = threading.Event()
    server.answers = [(STREAM, piece("One"), go_on, piece(" two"), piece(" three"), piece(finish="stop"), DONE)]
    client.send()
    assert client.wait(Text).text == "One"
    go_on.set()
    text, _, ended = client.ended()
    assert text == " two three" and isinstance(ended, Finished)
    assert ended.statistics.generated_tokens == 3 and ended.statistics.tokens_per_second > 0


def test_what_the_server_measured_goes_before_that(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    timings = {"cache_n": 3, "prompt_n": 7, "prompt_ms": 70.0, "predicted_n": 11, "predicted_ms": 1000.0}
    step = event({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "timings": timings})
    progress = event({"choices": [], "prompt_progress": {"total": 10, "cache": 3, "processed": 10}})
    server.answers = [(STREAM, progress, step, DONE)]
    client.send()
    read = client.wait(PromptProgress)
    assert (read.done, read.total, read.reused) == (10, 10, 3)
    _, _, ended = client.ended()
    assert isinstance(ended, Finished)
    figures = ended.statistics
    assert (figures.tokens_per_second, figures.prompt_tokens_per_second) == (10.0, 100.0)
    assert (figures.prompt_tokens, figures.reused_tokens, figures.generated_tokens) == (10, 3, 11)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_told_apart_in_either_word(client: Client, server: OpenAIServer, field: str) -> None:
    client.connect(MODEL)
    server.answers = [
        (STREAM, piece(**{field: "Hm. "}), piece(**{field: "So."}), piece("Yes."), piece(finish="stop"), DONE)
    ]
    assert client.ask()[:2] == ("Yes.", "Hm. So.")


def test_only_what_a_person_set_is_sent_in_the_words_of_the_server(client: Client, server: OpenAIServer) -> None:
    server.models[0] |= {"owned_by": "vllm"}
    client.connect(MODEL)
    server.answers = [answer("Yes.")]
    sampling = Sampling(temperature=0.2, top_k=20, repeat_penalty=1.1, seed=7, stop=("END",), mirostat=2)
    chosen = ("temperature", "top_k", "repeat_penalty", "seed", "stop", "mirostat")
    _, _, ended = client.ask(sampling=sampling, chosen=chosen, max_tokens=64)
    asked = server.questions[0]
    wanted = {"temperature": 0.2, "top_k": 20, "repetition_penalty": 1.1, "seed": 7, "stop": ["END"], "max_tokens": 64}
    assert {key: asked[key] for key in wanted} == wanted and "top_p" not in asked and "mirostat" not in asked
    assert isinstance(ended, Finished) and ended.notes == ("studio does not take these settings: mirostat.",)


def test_thinking_is_asked_for_as_the_template_has_it(client: Client, server: OpenAIServer) -> None:
    server.models[0] |= {"owned_by": "llamacpp"}
    switch = "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    server.pages["/props"] = {"chat_template": switch}
    assert client.connect(MODEL).thinking
    server.answers = [answer("Yes."), answer("Yes.")]
    client.ask(thinking=False)
    client.ask()
    first, second = server.questions
    assert first["chat_template_kwargs"]["enable_thinking"] is False and "chat_template_kwargs" not in second
    server.pages["/props"] = {"chat_template": "{{ messages }}"}
    assert not client.connect(MODEL).thinking


def test_a_schema_is_sent_as_the_protocol_has_it(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.answers = [answer("{}")]
    client.ask(sampling=Sampling(json_schema='{"type": "object"}'), chosen=("json_schema",))
    form = server.questions[0]["response_format"]
    assert form["type"] == "json_schema" and form["json_schema"]["schema"] == {"type": "object"}
    client.send(sampling=Sampling(json_schema="{"), chosen=("json_schema",))
    _, _, ended = client.ended()
    assert isinstance(ended, Failed) and ended.kind == FailureKind.USAGE


def test_a_server_that_refuses_extras_is_asked_without_them(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    refusal = document({"error": {"message": "Unrecognized request argument: top_k"}}, "400 Bad Request")
    server.answers = [(refusal,), answer("Yes.")]
    text, _, ended = client.ask(sampling=Sampling(temperature=0.2, top_k=20), chosen=("temperature", "top_k"))
    assert text == "Yes." and isinstance(ended, Finished)
    assert ended.notes == ("studio does not take these settings: top_k.",)
    first, second = server.questions
    assert first["top_k"] == 20 and "top_k" not in second and second["temperature"] == 0.2


def test_reasoning_goes_back_only_to_servers_that_know_it(client: Client, server: OpenAIServer) -> None:
    turns = (ChatMessage("user", "A?"), ChatMessage("assistant", "B.", "Hm."), ChatMessage("user", "C?"))
    client.connect(MODEL)
    server.answers = [answer("D."), answer("D.")]
    client.ask(messages=turns)
    server.models[0] |= {"owned_by": "llamacpp"}
    client.connect(MODEL)
    client.ask(messages=turns)
    without, with_it = (asked["messages"][1] for asked in server.questions)
    assert without == {"role": "assistant", "content": "B."}
    assert with_it == {"role": "assistant", "content": "B.", "reasoning_content": "Hm."}


def test_an_answer_goes_on_where_vllm_would_begin_another(client: Client, server: OpenAIServer) -> None:
    server.models[0] |= {"owned_by": "vllm"}
    client.connect(MODEL)
    server.answers = [answer(" more")]
    client.ask(messages=(ChatMessage("user", "A?"), ChatMessage("assistant", "B and")))
    assert server.questions[0]["continue_final_message"] and not server.questions[0]["add_generation_prompt"]


def test_what_a_server_repeats_of_an_answer_that_goes_on_is_left_out(client: Client, server: OpenAIServer) -> None:
    turns = (ChatMessage("user", "Count."), ChatMessage("assistant", "One, two,"))
    server.models[0] |= {"owned_by": "llamacpp"}
    client.connect(MODEL)
    server.answers = [answer("One", ", two, three"), answer("One, tw", "enty"), answer(" three"), answer("One")]
    assert [client.ask(messages=turns)[0] for _ in range(4)] == [" three", "One, twenty", " three", "One"]


def test_a_text_is_continued_as_it_is(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.answers = [(STREAM, event({"choices": [{"text": " time", "finish_reason": "stop"}]}), DONE)]
    text, _, ended = client.ask(messages=(), prompt="Once upon a")
    assert text == " time" and isinstance(ended, Finished)
    assert server.questions[0]["prompt"] == "Once upon a" and "messages" not in server.questions[0]


@pytest.mark.parametrize(
    ("finish", "limit", "used", "reason"),
    [("stop", 0, 3, "stop"), ("tool_calls", 0, 3, "stop"), ("length", 3, 3, "length"),
     ("length", 0, 4096, "context-full"), ("max_tokens", 0, 3, "length")],
)  # fmt: skip
def test_every_way_to_finish(
    client: Client, server: OpenAIServer, finish: str, limit: int, used: int, reason: str
) -> None:
    server.models[0] |= {"max_model_len": 4096}
    client.connect(MODEL)
    server.answers = [(STREAM, piece("a"), piece(finish=finish), usage(used - 3, 3), DONE)]
    _, _, ended = client.ask(max_tokens=limit)
    assert isinstance(ended, Finished) and ended.reason == reason


def test_a_filter_is_named(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.answers = [answer("I", finish="content_filter")]
    _, _, ended = client.ask()
    assert isinstance(ended, Finished) and ended.notes == ("A filter of studio ended this answer.",)


# -- servers of every manner ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((STREAM, piece("Yes"), piece("."), piece(finish="stop"), chunk(b"")), id="no [DONE]"),
        pytest.param((CLOSED, plain("Yes") + b"\n\n" + plain(".") + b"\n\n" + plain("", "stop")), id="no last line"),
        pytest.param((CLOSED, plain("Yes") + b"\r\n\r\n" + plain(".", "stop") + b"\r\n\r\n"), id="CRLF"),
        pytest.param((STREAM, chunk(b": ping\n\n"), piece("Yes"), chunk(b":\n\n"), piece("."), DONE), id="keep-alives"),
        pytest.param((STREAM, piece("Yes"), piece("."), DONE), id="no reason"),
        pytest.param((STREAM, *(chunk(plain("Yes.")[at : at + 1]) for at in range(len(plain("Yes.")))),
                      chunk(b"\n\n"), piece(finish="stop"), DONE), id="byte by byte"),
        pytest.param((document({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}),),
                     id="no stream"),
    ],
)  # fmt: skip
def test_servers_of_every_manner(client: Client, server: OpenAIServer, parts: tuple[Part, ...]) -> None:
    client.connect(MODEL)
    server.answers = [parts]
    text, _, ended = client.ask()
    assert text == "Yes." and isinstance(ended, Finished), ended


def test_characters_that_are_cut_between_two_packets(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    whole = plain("Grüße 🌊 über 中文") + b"\n\n"
    server.answers = [(STREAM, *(chunk(whole[at : at + 1]) for at in range(len(whole))), piece(finish="stop"), DONE)]
    assert client.ask()[0] == "Grüße 🌊 über 中文"


# -- breaks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        pytest.param((STREAM, piece("Half "), RESET), FailureKind.INTERRUPTED, id="torn down"),
        pytest.param((STREAM, piece("Half ")), FailureKind.INTERRUPTED, id="closed in the middle"),
        pytest.param((STREAM, piece("Half "), chunk(b"")), FailureKind.INTERRUPTED, id="ended without an end"),
        pytest.param((CLOSED, plain("Half ") + b"\n\n"), FailureKind.INTERRUPTED, id="closed without an end"),
        pytest.param((STREAM, piece("Half "), event({"error": {"message": "out of memory"}}), DONE), FailureKind.ENGINE,
                     id="an error among the events"),
        pytest.param((STREAM, piece("Half "), chunk(b"data: {broken\n\n"), DONE), FailureKind.ENGINE, id="no JSON"),
    ],
)  # fmt: skip
def test_a_break_keeps_what_had_come(
    client: Client, server: OpenAIServer, parts: tuple[Part, ...], kind: FailureKind
) -> None:
    client.connect(MODEL)
    server.answers = [parts, answer("Whole.")]
    text, _, ended = client.ask()
    assert text == "Half " and isinstance(ended, Failed) and ended.kind == kind
    assert "studio" in ended.message and ended.hint
    assert client.ask()[0] == "Whole."  # and it can be asked again


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ((document({"error": {"message": "no such model"}}, "404 Not Found"),), FailureKind.NOT_FOUND),
        ((document({"error": {"message": "busy"}}, "503 Service Unavailable"),), FailureKind.ENGINE),
        ((document(b"<html>moved</html>", "302 Found"),), FailureKind.NOT_OPENAI),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",), FailureKind.NOT_OPENAI),
        ((RESET,), FailureKind.UNREACHABLE),
    ],
)
def test_a_refusal_is_told_in_words(
    client: Client, server: OpenAIServer, parts: tuple[Part, ...], kind: FailureKind
) -> None:
    client.connect(MODEL)
    server.answers = [parts]
    text, _, ended = client.ask()
    assert text == "" and isinstance(ended, Failed) and ended.kind == kind, ended


def test_a_stop_ends_it_at_once_and_the_server_hears_of_it(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.answers = [(STREAM, piece("Half "), None), answer("Whole.")]
    client.send()
    assert client.wait(Text).text == "Half "
    client.client.cancel()
    _, _, ended = client.ended()
    assert isinstance(ended, Finished) and ended.reason == "cancelled"
    assert server.left.wait(SECONDS)
    assert client.ask()[0] == "Whole."


def test_a_stop_does_not_wait_for_a_name_that_is_looked_up(
    client: Client, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.connect(MODEL)
    looking, found = threading.Event(), threading.Event()
    resolve = socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        looking.set()
        found.wait(SECONDS)
        return resolve(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    client.send()
    assert looking.wait(SECONDS)
    client.client.cancel()
    _, _, ended = client.ended()
    assert isinstance(ended, Finished) and ended.reason == "cancelled" and not found.is_set()
    found.set()


def test_a_stop_counts_before_the_question_is_on_its_way(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.answers = [(STREAM, piece("Half "), None)]
    client.send()
    client.client.cancel()
    _, _, ended = client.ended()
    assert isinstance(ended, Finished) and ended.reason == "cancelled"
    assert client.events.empty()


def test_another_choice_takes_the_place_of_one_that_is_under_way(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    server.models.append({"id": "other"})
    client.client.send(Load("endpoint:studio/none", 4096, request_id=5))
    client.client.send(Load("endpoint:studio/other", 4096, request_id=6))
    ended = [client.events.get(timeout=SECONDS) for _ in range(2)]
    first, second = ended
    assert isinstance(first, Failed) and first.request_id == 5
    assert isinstance(second, Loaded) and (second.request_id, second.path) == (6, "endpoint:studio/other")
    server.answers = [answer("Yes.")]
    client.ask()
    assert server.questions[0]["model"] == "other"


def test_a_model_that_is_not_offered_any_more(client: Client, server: OpenAIServer) -> None:
    server.models = [{"id": "another"}]
    client.client.send(Load(MODEL, 4096, request_id=1))
    found = client.events.get(timeout=SECONDS)
    assert isinstance(found, Failed) and found.kind == FailureKind.NOT_FOUND and "org/a-model" in found.message


def test_a_model_that_writes_no_answers_is_not_asked(client: Client, server: OpenAIServer) -> None:
    server.models[0] |= {"type": "embedding"}
    client.client.send(Load(MODEL, 4096, request_id=1))
    found = client.events.get(timeout=SECONDS)
    assert isinstance(found, Failed) and found.kind == FailureKind.CANNOT_CHAT


def test_tokens_are_counted_where_the_server_does(client: Client, server: OpenAIServer) -> None:
    client.connect(MODEL)
    asked = Generate(3, (ChatMessage("user", "Hello?"),))
    client.client.send(Count(3, asked))
    refused = client.events.get(timeout=SECONDS)
    assert isinstance(refused, Failed) and "count" in refused.message and refused.hint
    server.models[0] |= {"owned_by": "llamacpp"}
    client.connect(MODEL)
    server.pages["/v1/chat/completions/input_tokens"] = {"input_tokens": 12}
    client.client.send(Count(4, asked))
    assert client.wait(Counted) == Counted(4, 12)
    server.models[0] |= {"owned_by": "vllm"}
    client.connect(MODEL)
    server.pages["/tokenize"] = {"count": 13, "tokens": []}
    client.client.send(Count(5, asked))
    assert client.wait(Counted) == Counted(5, 13)


def test_what_cannot_be_done_elsewhere_is_refused(client: Client, server: OpenAIServer) -> None:
    client.send()
    nothing = client.events.get(timeout=SECONDS)
    assert isinstance(nothing, Failed) and nothing.kind == FailureKind.NO_MODEL
    client.connect(MODEL)
    client.client.send(Benchmark(9))
    refused = client.events.get(timeout=SECONDS)
    assert isinstance(refused, Failed) and (refused.request_id, refused.kind) == (9, FailureKind.REMOTE)
    client.send(messages=(ChatMessage("user", " "),))
    empty = client.events.get(timeout=SECONDS)
    assert isinstance(empty, Failed) and empty.kind == FailureKind.EMPTY_PROMPT
    client.client.send(Unload())
    assert isinstance(client.events.get(timeout=SECONDS), Unloaded)
