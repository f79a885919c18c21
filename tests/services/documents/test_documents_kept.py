"""What of a message's documents is settled when it is sent, and how their text is kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.scripted_documents import TOPICS, ScriptedEmbedder, document_service

from desktop.core.attachments import Enclosed
from desktop.core.documents.text import DocumentText, Paging
from desktop.core.errors import EngineError, HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.engine.api import Loaded, Memory
from desktop.services.chat.chat_imports import read_chats
from desktop.services.chat.requests import turns_of
from desktop.services.documents import kept
from desktop.services.documents.kept import MEDIA_TYPE, kept_bytes, kept_document
from desktop.services.documents.sending import DocumentSender
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import Chat, ChatStore

CONTEXT = 2048


def lease() -> DocumentText:
    """Eight pages, one for each topic, of 160 words."""
    pages = [f"About {topic}.\n" + "filler words of no meaning " * 32 + "\n" for topic in TOPICS]
    starts = tuple(sum(map(len, pages[:number])) for number in range(len(pages)))
    return DocumentText("PDF", "".join(pages), starts, Paging.PAGES)


def attached(way: str = "", document: DocumentText | None = None) -> Enclosed:
    made = Enclosed.of("document", "lease.pdf", MEDIA_TYPE, kept_bytes(document or lease()))
    return replace(made, attachment=replace(made.attachment, way=way))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "chats.sqlite3")
    yield made
    made.close()


@pytest.fixture
def chat(store: ChatStore) -> Chat:
    return store.create(system_prompt="Be short.")


@pytest.fixture
def sender(store: ChatStore) -> Iterator[DocumentSender]:
    plan = LoadPlan(local_ref(Path("model.gguf")), LoadSettings(), 1)
    loaded = Loaded("model.gguf", "", CONTEXT, CONTEXT, 1, 0, 1, "model", Memory(0, 0, 0, 0, 0, 0), 0.0)
    documents = document_service()
    yield DocumentSender(lambda: documents, lambda: EngineState("ready", plan, 1.0, loaded), store.attachment_data)
    documents.close()


def test_a_text_is_kept_with_its_pages_in_little_room() -> None:
    data = kept_bytes(lease())
    assert kept_document(data) == lease() and len(data) < len(lease().text) / 5


@pytest.mark.parametrize(
    "data", [b"", b"no document", zlib.compress(b"\x01"), zlib.compress(msgspec.msgpack.encode(1))]
)
def test_what_is_no_document_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        kept_document(data)


def test_a_bomb_in_an_imported_chat_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT_BYTES", 1000)
    with pytest.raises(StoreError) as refused:
        kept_document(zlib.compress(bytes(100_000)))
    assert "longer than any document" in refused.value.detail


def test_room_is_what_the_conversation_and_an_answer_leave(
    store: ChatStore, chat: Chat, sender: DocumentSender
) -> None:
    empty = sender.room(chat, [], "")
    assert CONTEXT - 512 - 60 < empty < CONTEXT - 512
    question = store.add(chat.id, None, "user", "word " * 100)
    assert sender.room(chat, store.messages(chat.id), "") == pytest.approx(empty - 100, abs=40)
    answer = store.add(chat.id, question.id, "assistant", "yes", state="streaming")
    store.finish(answer.id, "complete", {"context_used": 700.0}, "")
    assert sender.room(chat, store.messages(chat.id), "one two") == CONTEXT - 700 - 512 - 2 - 16


def test_what_does_not_fit_is_refused_and_pictures_are_left_alone(chat: Chat, sender: DocumentSender) -> None:
    picture = Enclosed.of("image", "a.png", "image/png", b"x")
    assert sender.settled(chat, [], "Hi", [picture]) == (picture,)
    long = DocumentText("text", "word " * 3000)
    with pytest.raises(HeftError) as refused:
        sender.settled(chat, [], "Hi", [attached(document=long)])
    assert refused.value.kind is FailureKind.CONTEXT_FULL and "lease.pdf has 3,0" in refused.value.message


def test_passages_are_numbered_through_the_chat_and_stay_as_they_were_sent(
    store: ChatStore, chat: Chat, sender: DocumentSender
) -> None:
    sent = sender.settled(chat, [], "garden", [attached("passages")])
    first = store.add(chat.id, None, "user", "garden", attachments=sent)
    numbers = [one.number for one in first.attachments[0].citations]
    assert numbers == list(range(1, len(numbers) + 1)) and first.attachments[0].text_tokens
    again = sender.settled(chat, store.messages(chat.id), "pets", [Enclosed(first.attachments[0])])
    assert again[0].attachment.citations[0].number == len(numbers) + 1
    turns = turns_of(chat, store.messages(chat.id), store.sent_texts(chat.id))
    assert turns[-1].content == f"{sent[0].sent}\n\ngarden" and "About garden." in sent[0].sent


def test_an_embedding_model_that_cannot_be_used_is_told_and_the_message_goes(store: ChatStore, chat: Chat) -> None:
    failure = EngineError("There is no room.", "Close other programs.", kind=FailureKind.OUT_OF_MEMORY)
    documents = document_service(ScriptedEmbedder(failure))
    told: list[HeftError] = []
    made = DocumentSender(lambda: documents, EngineState, store.attachment_data, told.append)
    (sent,) = made.settled(chat, [], "garden", [attached("passages")])
    documents.close()
    assert "About garden." in sent.sent and len(told) == 1 and told[0].hint == "Close other programs."
    assert told[0].message == "Passages were found by the words of the question alone. There is no room."


def test_an_exported_chat_brings_back_what_the_model_saw(
    store: ChatStore, chat: Chat, sender: DocumentSender, tmp_path: Path
) -> None:
    files = sender.settled(chat, [], "garden", [attached("passages")])
    message = store.add(chat.id, None, "user", "garden", attachments=files)
    path = tmp_path / "chat.json"
    path.write_text(store.export_json(chat.id))
    (back,) = store.bring_in(read_chats(path))
    (copied,) = store.messages(back.id)
    assert copied.attachments == message.attachments
    assert store.sent_texts(back.id)[copied.id] == (files[0].sent,)
    assert "passages of lease.pdf; [1] page" in store.export_markdown(back.id)


def test_a_message_that_is_taken_out_and_put_back_has_it_again(
    store: ChatStore, chat: Chat, sender: DocumentSender
) -> None:
    files = sender.settled(chat, [], "garden", [attached("beginning")])
    message = store.add(chat.id, None, "user", "garden", attachments=files)
    taken = store.take_out(message.id)
    store.put_back(taken)
    assert store.sent_texts(chat.id)[message.id] == (files[0].sent,)
    assert store.messages(chat.id)[0].attachments[0].way == "beginning"
    assert "the beginning of lease.pdf" in store.export_markdown(chat.id)
