"""Conversations of other programs: branches, models, system prompts and times come over; nothing breaks the reading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.core.errors import HeftError
from desktop.core.imported_chat import ImportedChat
from desktop.services.chat.chat_imports import read_chats
from desktop.store.chats import ChatStore

CHATGPT = [
    {
        "title": "Tides",
        "create_time": 1_700_000_000.5,
        "current_node": "a2",
        "mapping": {
            "root": {"message": None, "parent": None, "children": ["s"]},
            "s": {
                "parent": "root",
                "message": {"author": {"role": "system"}, "content": {"content_type": "text", "parts": ["Be brief."]}},
            },
            "q": {
                "parent": "s",
                "message": {
                    "author": {"role": "user"},
                    "create_time": 1_700_000_001,
                    "content": {"content_type": "multimodal_text", "parts": [{"asset_pointer": "x"}, "Why?"]},
                },
            },
            "tool": {
                "parent": "q",
                "message": {"author": {"role": "tool"}, "content": {"content_type": "text", "parts": ["42"]}},
            },
            "a1": {
                "parent": "tool",
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"content_type": "text", "parts": ["Old"]},
                    "metadata": {"model_slug": "gpt-4o"},
                },
            },
            "a2": {
                "parent": "tool",
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"content_type": "text", "parts": ["The Moon."]},
                    "metadata": {"model_slug": "gpt-4o"},
                },
            },
        },
    },
    {"title": "Empty", "mapping": {}, "current_node": None},
]
OPEN_WEBUI = [
    {
        "title": "Tides",
        "chat": {
            "system": "Be brief.",
            "timestamp": 1_700_000_000_000,
            "history": {
                "currentId": "a2",
                "messages": {
                    "q": {"id": "q", "parentId": None, "role": "user", "content": "Why?", "timestamp": 1_700_000_001},
                    "a1": {"id": "a1", "parentId": "q", "role": "assistant", "content": "Old", "model": "llama3"},
                    "a2": {"id": "a2", "parentId": "q", "role": "assistant", "content": "The Moon.", "model": "llama3"},
                },
            },
        },
    }
]
LM_STUDIO = {
    "name": "Tides",
    "createdAt": 1_700_000_000_000,
    "systemPrompt": "Be brief.",
    "messages": [
        {
            "currentlySelected": 0,
            "versions": [{"type": "singleStep", "role": "user", "content": [{"type": "text", "text": "Why?"}]}],
        },
        {
            "currentlySelected": 1,
            "versions": [
                {
                    "type": "multiStep",
                    "role": "assistant",
                    "senderInfo": {"senderName": "qwen3"},
                    "steps": [{"type": "contentBlock", "content": [{"type": "text", "text": "Old"}]}],
                },
                {
                    "type": "multiStep",
                    "role": "assistant",
                    "senderInfo": {"senderName": "qwen3"},
                    "steps": [
                        {
                            "type": "contentBlock",
                            "style": {"type": "thinking"},
                            "content": [{"type": "text", "text": "hm"}],
                        },
                        {"type": "contentBlock", "content": [{"type": "text", "text": "The Moon."}]},
                    ],
                },
            ],
        },
    ],
}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url"}]},
    {"role": "assistant", "content": "The Moon."},
]
MARKDOWN = """# Tides

*Exported*

## You

Why?

```markdown
## You
```

## Qwen3-8B

The Moon.

### Detail

More.

## User

And?

## Assistant

So.
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "c.sqlite3")
    yield made
    made.close()


def read(folder: Path, document: Any, name: str = "tides.json") -> list[ImportedChat]:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return read_chats(path)


@pytest.mark.parametrize(
    ("document", "model", "versions"),
    [(CHATGPT, "gpt-4o", 2), (OPEN_WEBUI, "llama3", 2), (LM_STUDIO, "qwen3", 2), (TURNS, "", 1)],
    ids=["chatgpt", "open-webui", "lm-studio", "turns"],
)
def test_a_conversation_comes_over(tmp_path: Path, store: ChatStore, document: Any, model: str, versions: int) -> None:
    (chat,) = store.bring_in(read(tmp_path, document, "Tides.json"))
    branch = store.messages(chat.id)
    assert (chat.title, chat.system_prompt) == ("Tides", "Be brief.")
    assert [(message.role, message.content) for message in branch] == [("user", "Why?"), ("assistant", "The Moon.")]
    assert (branch[1].model, branch[1].sibling_count, branch[1].sibling_index) == (model, versions, versions - 1)
    if document is LM_STUDIO:
        assert branch[1].reasoning == "hm"
    if document is not TURNS:
        assert 1_700_000_000 <= chat.created < 1_700_000_002 and chat.updated < 1_700_000_100
    assert [hit.chat_id for hit in store.search("moon")] == [chat.id]


def test_markdown_comes_over_by_its_headings(tmp_path: Path) -> None:
    (chat,) = read(tmp_path, MARKDOWN, "x.md")
    assert chat.title == "Tides"
    assert [(message.role, message.model) for message in chat.messages] == [
        ("user", ""), ("assistant", "Qwen3-8B"), ("user", ""), ("assistant", ""),
    ]  # fmt: skip
    assert chat.messages[0].content == "Why?\n\n```markdown\n## You\n```"
    assert chat.messages[1].content == "The Moon.\n\n### Detail\n\nMore."


def test_heft_reads_what_heft_wrote(tmp_path: Path, store: ChatStore) -> None:
    chat = store.create("Tides", "Qwen3", "Be brief.")
    asked = store.add(chat.id, None, "user", "Why?")
    store.add(chat.id, asked.id, "assistant", "Old")
    store.add(chat.id, asked.id, "assistant", "The Moon.", model="Qwen3", reasoning="hm")
    (again,) = store.bring_in(read(tmp_path, store.export_json(chat.id)))
    old, new = store.messages(chat.id), store.messages(again.id)
    assert [(m.role, m.content, m.reasoning, m.sibling_count) for m in old] == [
        (m.role, m.content, m.reasoning, m.sibling_count) for m in new
    ]
    assert again.system_prompt == "Be brief."
    (text,) = read(tmp_path, store.export_markdown(chat.id), "chat.md")
    assert [message.content for message in text.messages] == ["Why?", "The Moon."]


@pytest.mark.parametrize(
    "document", ["", "{}", "[]", "null", "no chat at all", "[1, 2]", '{"messages": []}', "[" * 100_000]
)
def test_what_is_no_conversation_is_refused_in_words(tmp_path: Path, document: str) -> None:
    with pytest.raises(HeftError, match="no conversation"):
        read(tmp_path, document)
    with pytest.raises(HeftError, match="could not be read"):
        read_chats(tmp_path / "none.json")


_KEYS = [
    *("mapping", "message", "parent", "chat", "history", "messages", "versions", "steps", "role", "content"),
    *("author", "parts", "currentId", "active", "format", "id"),
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_JSON)
def test_no_file_breaks_the_reading(tmp_path: Path, store: ChatStore, document: Any) -> None:
    try:
        store.bring_in(read(tmp_path, document))
    except HeftError as error:
        assert "no conversation" in error.message


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    said = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["1"]}}
    mapping = {"a": {"parent": "b", "message": said}, "b": {"parent": "a", "message": said}}
    with pytest.raises(HeftError, match="no conversation"):
        read(tmp_path, [{"title": "x", "current_node": "b", "mapping": mapping}])
