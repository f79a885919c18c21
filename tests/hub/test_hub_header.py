"""Headers by range: requests and bytes counted on the server's side."""

from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo, SparseContent

from desktop.core.cancelled import CancelledError
from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, read_header
from desktop.hub.byte_ranges import ByteRange
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.header import HeaderReader
from desktop.hub.header_store import HeaderStore

VOCABULARIES = (
    "aquila", "baichuan", "bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2",
    "gpt-neox", "llama-bpe", "llama-spm", "mpt", "nomic-bert-moe", "phi-3", "qwen2", "qwen35", "refact", "starcoder",
)  # fmt: skip
FILE_BYTES = 5_000_000_000


@pytest.fixture
def reader(client: HubClient, tmp_path: Path) -> HeaderReader:
    return HeaderReader(client, tmp_path / "headers")


@pytest.fixture
def head(vocab_dir: Path) -> bytes:
    """A header of 1.7 MB with 49,152 tokens."""
    return (vocab_dir / "ggml-vocab-starcoder.gguf").read_bytes()


@pytest.fixture
def model(hub: HubServer, head: bytes) -> Repo:
    return hub.add(Repo("a/b", {"m.gguf": SparseContent(head, FILE_BYTES)}))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_three_requests_and_half_a_megabyte_beyond_the_header(
    hub: HubServer, reader: HeaderReader, vocab_dir: Path, name: str
) -> None:
    head = (vocab_dir / f"ggml-vocab-{name}.gguf").read_bytes()
    hub.add(Repo("a/b", {"m.gguf": SparseContent(head, FILE_BYTES)}))
    found = reader.read("a/b", "m.gguf")
    expected = read_header(BytesSource(head))
    assert found.requests == len(hub.exchanges) <= 3
    assert found.transferred_bytes <= expected.header_bytes + (512 << 10)
    assert found.header.file_bytes == FILE_BYTES
    assert found.header.header_bytes == expected.header_bytes
    assert found.header.metadata.keys() == expected.metadata.keys()
    words, wanted = found.header.array("tokenizer.ggml.tokens"), expected.array("tokenizer.ggml.tokens")
    assert words is not None and wanted is not None
    assert words.strings() == wanted.strings()
    asked = [exchange.headers["Range"] for exchange in hub.exchanges]
    assert int(asked[-1].rpartition("-")[2]) < expected.header_bytes + (256 << 10)  # what a fast server may send


def test_a_vocabulary_of_an_unknown_kind_takes_one_request_more(hub: HubServer, reader: HeaderReader) -> None:
    words = [f"a longer word number {number}" for number in range(100_000)]
    model = g.model(tokenizer__ggml__model="gpt2", tokenizer__ggml__pre="new")
    model.metadata += [
        ("tokenizer.ggml.tokens", g.ARRAY, (g.STRING, words)),
        ("tokenizer.ggml.token_type", g.ARRAY, (g.I32, [1] * len(words))),
        ("tokenizer.ggml.merges", g.ARRAY, (g.STRING, [f"{word} x" for word in words])),
    ]
    head = model.header()[0]
    hub.add(Repo("a/b", {"m.gguf": SparseContent(head, FILE_BYTES)}))
    found = reader.read("a/b", "m.gguf")
    assert found.requests == len(hub.exchanges) == 4
    assert found.transferred_bytes <= len(head) + (512 << 10)
    assert int(hub.exchanges[-1].headers["Range"].rpartition("-")[2]) < len(head) + (512 << 10)


def test_a_second_look_costs_one_request_and_no_bytes(hub: HubServer, reader: HeaderReader, model: Repo) -> None:
    first = reader.read("a/b", "m.gguf")
    hub.exchanges.clear()
    second = reader.read("a/b", "m.gguf")
    assert (second.requests, second.transferred_bytes, second.cached) == (1, 0, True)
    assert len(hub.exchanges) == 1 and hub.sent_bytes("/cdn/") == 0
    assert second.header.metadata.keys() == first.header.metadata.keys()
    assert second.path is not None and bytes(second.data) == second.path.read_bytes()


def test_a_known_etag_costs_nothing(hub: HubServer, reader: HeaderReader, model: Repo) -> None:
    first = reader.read("a/b", "m.gguf")
    hub.exchanges.clear()
    assert reader.kept(first.file) is not None
    assert hub.exchanges == []


def test_a_changed_file_is_read_anew(hub: HubServer, reader: HeaderReader, model: Repo, vocab_dir: Path) -> None:
    reader.read("a/b", "m.gguf")
    model.files["m.gguf"] = SparseContent((vocab_dir / "ggml-vocab-gpt-2.gguf").read_bytes(), FILE_BYTES)
    found = reader.read("a/b", "m.gguf")
    assert not found.cached
    assert found.header.string("tokenizer.ggml.pre") == "gpt-2"


def test_a_damaged_cache_is_read_anew(hub: HubServer, reader: HeaderReader, model: Repo) -> None:
    first = reader.read("a/b", "m.gguf")
    assert first.path is not None
    first.path.write_bytes(b"GGUF\x03\0\0\0")
    assert not reader.read("a/b", "m.gguf").cached
    assert reader.read("a/b", "m.gguf").cached


def test_one_range_tells_architecture_and_vocabulary_size(hub: HubServer, reader: HeaderReader, model: Repo) -> None:
    found = reader.first_kilobytes("a/b", "m.gguf")
    assert found.transferred_bytes == 64 << 10
    assert found.requests == 2  # the redirect and the range
    assert not found.header.complete
    assert found.header.architecture == "starcoder2"
    assert found.header.unfinished == {"tokenizer.ggml.tokens": 49152}
    reader.read("a/b", "m.gguf")
    assert reader.first_kilobytes("a/b", "m.gguf").cached


def test_a_server_that_ignores_ranges_is_read_once_and_no_further(
    hub: HubServer, reader: HeaderReader, model: Repo, head: bytes
) -> None:
    hub.fail("ignore-range", times=99)
    found = reader.read("a/b", "m.gguf")
    assert found.requests == 2
    assert found.transferred_bytes <= len(head) + (512 << 10)
    assert found.header.complete


def test_a_small_file_is_served_without_a_redirect(hub: HubServer, reader: HeaderReader, head: bytes) -> None:
    hub.add(Repo("a/b", {"renamed": BytesContent(head)}))  # no large-file ending, so it comes directly
    found = reader.read("a/b", "renamed")
    assert found.header.architecture == "starcoder2"
    assert reader.read("a/b", "renamed").cached


def test_a_connection_cut_twice_is_mended(hub: HubServer, reader: HeaderReader, model: Repo, head: bytes) -> None:
    hub.fail("cut", "/cdn/", times=2, after=30_000)
    found = reader.read("a/b", "m.gguf")
    assert found.header.complete
    assert found.transferred_bytes <= len(head) + (512 << 10)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "cut", "times": 9, "after": 10}, "interrupted"),
        ({"kind": "stall", "times": 9, "after": 10}, "timeout"),
        ({"kind": "status", "status": 503}, "hub-down"),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "42"}}, "rate-limited"),
        ({"kind": "redirect-loop", "times": 99}, "redirects"),
        ({"kind": "wrong-length", "path": "/cdn/", "times": 9}, "bad-answer"),
        ({"kind": "slow", "seconds": 5.0}, "timeout"),
    ],
)
def test_what_goes_wrong_is_said(
    hub: HubServer,
    client: HubClient,
    reader: HeaderReader,
    model: Repo,
    fault: dict[str, Any],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.fail(**fault)
    with monkeypatch.context() as hasty, pytest.raises(HubError) as caught:
        if kind == "timeout":
            hasty.setattr(client, "_read_seconds", 0.5)
        reader.read("a/b", "m.gguf")
    assert caught.value.kind == kind
    assert caught.value.hint
    hub.heal()
    assert reader.read("a/b", "m.gguf").header.complete


def test_another_file_is_not_taken_for_a_model(hub: HubServer, reader: HeaderReader) -> None:
    hub.add(Repo("a/b", {"m.gguf": BytesContent(b"<!doctype html>" * 9000)}))
    with pytest.raises(FileFormatError, match="not a GGUF file"):
        reader.read("a/b", "m.gguf")
    assert hub.sent_bytes("/cdn/") <= 64 << 10


@pytest.mark.parametrize("name", ["m.gguf", "m.dat"], ids=["redirected", "served directly"])
def test_an_empty_file_is_said_to_be_empty(hub: HubServer, reader: HeaderReader, name: str) -> None:
    hub.add(Repo("a/b", {name: BytesContent(b"")}))
    for read in (reader.read, reader.first_kilobytes):
        with pytest.raises(FileFormatError, match="The file is empty"):
            read("a/b", name)


def test_endless_strings_stop_at_a_limit(hub: HubServer, reader: HeaderReader, head: bytes) -> None:
    # A vocabulary of 2^23 words of the server's making: 8 bytes of length each, then nothing that ends.
    key = b"GGUF\x03\0\0\0" + bytes(8) + b"\x01" + bytes(7) + b"\x01" + bytes(7) + b"k" + b"\x09\0\0\0" + b"\x08\0\0\0"
    hub.add(Repo("a/b", {"m.gguf": SparseContent(key + (1 << 23).to_bytes(8, "little") + bytes(1 << 26), 1 << 36)}))
    with pytest.raises(FileFormatError, match="64 MiB"):
        reader.read("a/b", "m.gguf")


def test_cancel_ends_the_reading(hub: HubServer, reader: HeaderReader, model: Repo) -> None:
    seen: list[int] = []
    with pytest.raises(CancelledError):
        reader.read("a/b", "m.gguf", progress=seen.append, cancelled=lambda: bool(seen))
    assert len(seen) == 1


def test_the_least_used_headers_make_room(tmp_path: Path) -> None:
    store = HeaderStore(tmp_path, capacity=2500)
    for name in ("a", "b"):
        store.keep(name, memoryview(bytes(1000)))
    assert store.load("a") is not None  # used after b was written
    store.keep("c", memoryview(bytes(1000)))
    assert store.load("b") is None
    assert store.load("a") is not None and store.load("c") is not None
    assert store.keep("d", memoryview(bytes(3000))) is None


def test_a_header_within_another_file(hub: HubServer, reader: HeaderReader, head: bytes) -> None:
    before, size = 30_000_000, 3_000_000_000
    content = SparseContent(bytes(before) + head, before + size + 1000)
    hub.add(Repo("a/b", {"m.llamafile.bin": content}))
    found = reader.read("a/b", "m.llamafile.bin", part=ByteRange(before, size))
    expected = read_header(BytesSource(head))
    assert found.header.header_bytes == expected.header_bytes and found.header.file_bytes == size
    assert found.requests == len(hub.exchanges) <= 3
    assert found.transferred_bytes <= len(head) + (512 << 10)
    words, wanted = found.header.array("tokenizer.ggml.tokens"), expected.array("tokenizer.ggml.tokens")
    assert words is not None and wanted is not None and words.strings() == wanted.strings()
    again = reader.read("a/b", "m.llamafile.bin", part=ByteRange(before, size))
    assert (again.requests, again.transferred_bytes, again.cached) == (1, 0, True)
    assert reader.kept(found.file) is None  # the file's own beginning is no header


def test_a_broken_header_as_far_as_it_goes(hub: HubServer, reader: HeaderReader, head: bytes) -> None:
    cut = head[:900_000]
    hub.add(Repo("a/b", {"m.gguf": BytesContent(cut)}))
    with pytest.raises(FileFormatError):
        reader.read("a/b", "m.gguf")
    found = reader.read("a/b", "m.gguf", partial=True)
    expected = read_header(BytesSource(cut), partial=True)
    assert not found.header.complete and found.header.problems == expected.problems
    assert found.header.metadata.keys() == expected.metadata.keys()
    assert found.path is None and not reader.read("a/b", "m.gguf", partial=True).cached
    before = len(hub.exchanges)
    assert found.header.string("general.architecture") == "starcoder2" and len(hub.exchanges) == before
