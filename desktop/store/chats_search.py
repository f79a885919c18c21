"""Full-text search over titles and messages: from what a user types to an FTS5 query that is never a syntax error."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass

from desktop.store.chats_order import IN_PLACE, PLACE_OF, Place

MARK_START, MARK_END = "\x02", "\x03"  # around each match of a snippet; control characters no message shows
_SNIPPET_TOKENS = 14
# Scripts written without spaces: FTS5's unicode61 sees a whole sentence as one word, so text is compared instead.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u9fff\ua960-\ua97f"
    r"\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_VARIANT = re.compile("[\ufe0e\ufe0f]")  # asks for the picture of a sign, or for its letter


@dataclass(frozen=True)
class SearchHit:
    """A message (or, with ``message_id`` None, a title) that matches.

    ``snippet`` is a piece of the text around the match, each match between MARK_START and MARK_END.
    ``in_reasoning``: it is of the reasoning before the answer, which itself has no match; ``in_attachment``: it is the
    name of a file that is attached to the message. ``tags``: those that match, where it was found by them. ``place``:
    where the chat lies.
    """

    chat_id: int
    message_id: int | None
    title: str
    snippet: str
    in_reasoning: bool = False
    in_attachment: bool = False
    place: Place = "chats"
    tags: tuple[str, ...] = ()


def words(query: str) -> list[str]:
    """The words of a query, those that have a letter or digit; where none has, its signs: an emoji, an arrow."""
    spaced = "".join(c if c.isprintable() else " " for c in _VARIANT.sub("", query))
    parts = spaced.split()
    return [part for part in parts if any(c.isalnum() for c in part) or not part.isascii()] or parts


def fts_query(query: str) -> str:
    """An FTS5 query: every word as a quoted prefix, all of them required; "" when there is no word.

    Quoting makes operators, colons and brackets ordinary text (https://www.sqlite.org/fts5.html, section 3.1).
    """
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words(query))


def is_compared(query: str) -> bool:
    """Whether the query has letters of a script written without spaces, or words that the index does not know."""
    return bool(_UNSPACED.search(query)) or not all(any(c.isalnum() for c in word) for word in words(query))


def search(connection: sqlite3.Connection, query: str, limit: int, *, everywhere: bool = False) -> list[SearchHit]:
    """Tags first, then titles, then names of attachments, then messages, best match first; the archive and the trash
    only where asked for."""
    if not words(query):
        return []
    where = "TRUE" if everywhere else IN_PLACE["chats"]
    tagged = _by_tag(connection, query.split(), where, limit)
    found = (_compare if is_compared(query) else _look_up)(connection, query, where, limit)
    known = {hit.chat_id for hit in tagged}
    return [*tagged, *(hit for hit in found if hit.message_id is not None or hit.chat_id not in known)][:limit]


def _by_tag(connection: sqlite3.Connection, parts: list[str], where: str, limit: int) -> list[SearchHit]:
    """Chats that have, for each word of the query, a tag that begins with it; a word may have its "#" or not."""
    wanted = [part.lstrip("#").casefold() for part in parts]
    if not all(wanted):
        return []
    rows = connection.execute(
        f"SELECT id, title, {PLACE_OF}, tags FROM chats WHERE tags <> '[]' AND {where} ORDER BY updated DESC"
    )
    hits = []
    for chat, title, place, kept in rows:
        tags = json.loads(kept)
        found = [[tag for tag in tags if tag.casefold().startswith(word)] for word in wanted]
        if all(found):
            matching = tuple(sorted({tag for some in found for tag in some}))
            hits.append(SearchHit(chat, None, title, title, place=place, tags=matching))
    return hits[:limit]


def _look_up(connection: sqlite3.Connection, query: str, where: str, limit: int) -> list[SearchHit]:
    match = fts_query(query)
    titles = connection.execute(
        f"""SELECT chats.id, chats.title, highlight(title_index, 0, '{MARK_START}', '{MARK_END}'), {PLACE_OF}
            FROM title_index JOIN chats ON chats.id = title_index.rowid
            WHERE title_index MATCH ? AND {where} ORDER BY rank, chats.updated DESC LIMIT ?""",
        (match, limit),
    ).fetchall()
    names = connection.execute(
        f"""SELECT chats.id, messages.id, chats.title, highlight(attachment_index, 0, '{MARK_START}', '{MARK_END}'),
                   {PLACE_OF}
            FROM attachment_index JOIN attachments ON attachments.id = attachment_index.rowid
                 JOIN messages ON messages.id = attachments.message_id JOIN chats ON chats.id = messages.chat_id
            WHERE attachment_index MATCH ? AND {where} ORDER BY rank, messages.id DESC LIMIT ?""",
        (match, limit),
    ).fetchall()
    around = f"'{MARK_START}', '{MARK_END}', '…', {_SNIPPET_TOKENS}"
    messages = connection.execute(
        f"""SELECT chats.id, messages.id, chats.title,
                   snippet(message_index, 0, {around}), snippet(message_index, 1, {around}), {PLACE_OF}
            FROM message_index JOIN messages ON messages.id = message_index.rowid
                 JOIN chats ON chats.id = messages.chat_id
            WHERE message_index MATCH ? AND {where} ORDER BY rank, messages.id DESC LIMIT ?""",
        (match, limit),
    ).fetchall()
    hits = [SearchHit(chat, None, title, marked, place=place) for chat, title, marked, place in titles]
    return hits + [_named(*row) for row in names] + [_hit(*row) for row in messages]


def _named(chat_id: int, message_id: int, title: str, name: str, place: Place) -> SearchHit:
    """A message by the name of a file that is attached to it."""
    return SearchHit(chat_id, message_id, title, name, in_attachment=True, place=place)


def _hit(chat_id: int, message_id: int, title: str, content: str, reasoning: str, place: Place) -> SearchHit:
    """A message by whichever of its two snippets has a match; the answer goes first."""
    in_reasoning = MARK_START not in content and MARK_START in reasoning
    return SearchHit(chat_id, message_id, title, reasoning if in_reasoning else content, in_reasoning, place=place)


def _compare(connection: sqlite3.Connection, query: str, where: str, limit: int) -> list[SearchHit]:
    parts = words(query)
    patterns = ["%" + part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" for part in parts]
    titled = " AND ".join(["chats.title LIKE ? ESCAPE '\\'"] * len(patterns))
    written = " AND ".join(
        f"(messages.content LIKE ?{n} ESCAPE '\\' OR messages.reasoning LIKE ?{n} ESCAPE '\\')"
        for n in range(1, len(patterns) + 1)
    )
    titles = connection.execute(
        f"SELECT id, title, {PLACE_OF} FROM chats WHERE {where} AND {titled} ORDER BY updated DESC LIMIT ?",
        (*patterns, limit),
    ).fetchall()
    named = " AND ".join(["attachments.name LIKE ? ESCAPE '\\'"] * len(patterns))
    names = connection.execute(
        f"""SELECT chats.id, messages.id, chats.title, attachments.name, {PLACE_OF}
            FROM attachments JOIN messages ON messages.id = attachments.message_id
                 JOIN chats ON chats.id = messages.chat_id
            WHERE {where} AND {named} ORDER BY messages.id DESC LIMIT ?""",
        (*patterns, limit),
    ).fetchall()
    rows = connection.execute(
        f"""SELECT chats.id, messages.id, chats.title, messages.content, messages.reasoning, {PLACE_OF}
            FROM messages JOIN chats ON chats.id = messages.chat_id
            WHERE {where} AND {written} ORDER BY messages.id DESC LIMIT ?{len(patterns) + 1}""",
        (*patterns, limit),
    ).fetchall()
    hits = [SearchHit(chat, None, title, _around(title, parts), place=place) for chat, title, place in titles]
    hits += [_named(chat, message, title, _around(name, parts), place) for chat, message, title, name, place in names]
    hits += [
        _hit(chat, message, title, _around(content, parts), _around(reasoning, parts), place)
        for chat, message, title, content, reasoning, place in rows
    ]
    return hits


def _around(text: str, parts: list[str], reach: int = 40) -> str:
    """The first of the parts that is in the text, marked, with ``reach`` characters on either side."""
    part = next((part for part in parts if part.lower() in text.lower()), parts[0])
    at = text.lower().find(part.lower())
    if at < 0 or len(text.lower()) != len(text):  # lower-casing may change the length of a text
        return text[: 2 * reach]
    end = at + len(part)
    before = ("…" if at > reach else "") + text[max(0, at - reach) : at]
    after = text[end : end + reach] + ("…" if len(text) > end + reach else "")
    return f"{before}{MARK_START}{text[at:end]}{MARK_END}{after}"
