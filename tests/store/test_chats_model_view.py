"""What of a chat its model sees is kept with it, counts only on branches that it is of, and is told by exports."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from desktop.store.chats import ChatStore, ModelView
from desktop.store.chats_schema import SCHEMA
from desktop.store.database import open_database


def _talk(store: ChatStore, turns: int) -> tuple[int, list[int]]:
    chat, ids = store.create("Tides").id, list[int]()
    for number in range(turns):
        ids.append(store.add(chat, ids[-1] if ids else None, "user", f"Question {number}").id)
        ids.append(store.add(chat, ids[-1], "assistant", f"Answer {number}").id)
    return chat, ids


def test_a_view_is_kept_over_a_restart(tmp_path: Path) -> None:
    view = ModelView(2, "In short: the sea\u2026 \U0001f30a", 2, rolling=True)
    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        chat, _ = _talk(store, 2)
        assert store.chat(chat).model_view == ModelView()
        assert store.update(chat, model_view=view).model_view == view
        store.update(chat, title="Waves")
    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        assert store.chat(chat).model_view == view
        store.update(chat, model_view=ModelView())
        assert store.chats()[0].model_view == ModelView()


def test_chats_of_the_version_before_are_seen_whole(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    database, _ = open_database(path, replace(SCHEMA, migrations=SCHEMA.migrations[:3], tables=()))
    with closing(database):
        database.execute(
            """INSERT INTO chats (title, model, model_path, system_prompt, sampling, max_tokens, context_length,
               created, updated) VALUES ('Old', 'm', '', '', '{}', 0, 0, 1.0, 1.0)"""
        )
    with closing(ChatStore(path)) as store:
        assert [(chat.title, chat.model_view) for chat in store.chats()] == [("Old", ModelView())]
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (len(SCHEMA.migrations),)


def test_a_view_counts_only_where_its_message_is(tmp_path: Path) -> None:
    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        chat, ids = _talk(store, 3)
        view = ModelView(hidden_to=ids[3], summary="In short.", summarised_to=ids[1])
        branch = store.messages(chat)
        assert (view.unseen(branch), view.summary_of(branch)) == (4, "In short.")
        store.add(chat, ids[1], "user", "Another second question")  # a branch beside what was dropped
        branch = store.messages(chat)
        assert (view.unseen(branch), view.summary_of(branch)) == (2, "In short.")
        store.add(chat, None, "user", "Another first question")
        branch = store.messages(chat)
        assert (view.unseen(branch), view.summary_of(branch)) == (0, "")


def test_exports_tell_of_it(tmp_path: Path) -> None:
    with closing(ChatStore(tmp_path / "c.sqlite3")) as store:
        chat, ids = _talk(store, 2)
        plain = store.export_markdown(chat)
        assert "does not see" not in plain and "Summary" not in plain
        store.update(chat, model_view=ModelView(ids[1], "In short.", ids[1]))
        words = store.export_markdown(chat)
        before, after = words.split("*(The model does not see what is above.)*")
        assert before.index("## Summary of the earlier turns\n\nIn short.") < before.index("Question 0")
        assert "Answer 0" in before and "Question 1" in after
        exported = json.loads(store.export_json(chat))["chat"]["model_view"]
        shown = {"hidden_to": ids[1], "summary": "In short.", "summarised_to": ids[1], "rolling": False}
        assert exported == {**shown, "tools_out": []}
