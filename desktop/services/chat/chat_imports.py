"""Conversations that other programs exported, and Heft's own: read from one file, whatever it is.

Known: the export of ChatGPT (``conversations.json``, or the zip around it), of Open WebUI, LM Studio's conversations,
Heft's JSON, lists of ``{"role", "content"}``, and Markdown with a heading for each turn. What is no text (pictures,
tools) is left out, but for the attachments of Heft's own.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import msgspec

from desktop.core.attachments import MOST_ATTACHED, Attachment, Enclosed
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.imported_chat import ImportedChat, ImportedMessage
from desktop.core.words import tr
from desktop.services.chat.chat_archive import read_conversations

MOST_BYTES = 400 * 1000 * 1000
_HEADING = re.compile(r"^(#{1,3})[ \t]+(.+?)[ \t]*#*$")
_YOU = frozenset({"you", "user", "human", "me", "prompt"})
_THEM = frozenset({"assistant", "chatgpt", "ai", "model", "bot", "response"})
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def read_chats(path: Path) -> list[ImportedChat]:
    """The conversations of a file that have any text. HeftError: not readable, too large, or none that is known."""
    try:
        archive = path.suffix.casefold() == ".zip"
        size = path.stat().st_size
        if size > MOST_BYTES and not archive:
            raise HeftError(
                tr("{name} is larger than {most_bytes} MB.", name=path.name, most_bytes=MOST_BYTES // 1_000_000),
                tr("Import a smaller part of it."),
                kind=FailureKind.TOO_LONG,
            )
        data = read_conversations(path, MOST_BYTES) if archive else path.read_bytes()
    except OSError as error:
        raise HeftError(
            tr("{name} could not be read.", name=path.name),
            tr("Check its permissions."),
            detail=str(error),
            kind=FailureKind.NOT_READABLE,
        ) from error
    chats = list(_chats(data, path))
    if not chats:
        raise HeftError(
            tr("{name} holds no conversation that Heft can read.", name=path.name),
            tr("Choose an export of ChatGPT, Open WebUI, LM Studio or Heft, or Markdown with a heading for each turn."),
            kind=FailureKind.BAD_FILE,
        )
    return chats


def _chats(data: bytes, path: Path) -> Iterator[ImportedChat]:
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        chat = _markdown(data.decode("utf-8", "replace"), path.stem)
        if chat is not None:
            yield chat
        return
    if isinstance(document, list) and document and all(_is_turn(entry) for entry in document):
        document = {"title": path.stem, "messages": document}
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict):
            chat = _chat(entry, path.stem)
            if chat is not None and chat.messages:
                yield chat


def _chat(entry: Mapping[str, Any], name: str) -> ImportedChat | None:
    """One entry of an export, by what is in it."""
    if entry.get("format") == "heft-chat":
        return _heft(entry)
    if isinstance(entry.get("mapping"), dict):
        return _chatgpt(entry)
    inner = entry.get("chat")
    if isinstance(inner, dict):
        return _open_webui(inner, _text(entry.get("title")))
    messages = entry.get("messages")
    if isinstance(messages, list) and any(isinstance(m, dict) and "versions" in m for m in messages):
        return _lm_studio(entry)
    if isinstance(messages, list):
        return _plain(entry, name)
    return None


class _Tree:
    """Messages by their ids in the file, each after its parent; what is no turn hands its children on."""

    def __init__(self) -> None:
        self.system = ""
        self._nodes: dict[str, tuple[str | None, ImportedMessage | None]] = {}

    def add(self, key: str, parent: object, role: str, content: str, **more: Any) -> None:
        """A node; one that is no turn of either side, or empty, is only passed through."""
        if role == "system" and content.strip():
            self.system = self.system or content
        turn = role in ("user", "assistant") and bool(content.strip() or more.get("attachments"))
        message = ImportedMessage(role, content, None, **more) if turn else None  # type: ignore[arg-type]
        self._nodes[key] = (parent if isinstance(parent, str) else None, message)

    def chat(self, title: str, last: object, created: float) -> ImportedChat | None:
        """The conversation; ``last`` is the id of the end of the branch on show."""
        places: dict[str, int] = {}
        messages: list[ImportedMessage] = []
        for key in self._from_the_root():
            _, message = self._nodes[key]
            if message is not None:
                above = self._kept(self._nodes[key][0], places)
                places[key] = len(messages)
                messages.append(replace(message, parent=above))
        if not messages:
            return None
        end = self._kept(last, places) if isinstance(last, str) else None
        return ImportedChat(title, tuple(messages), len(messages) - 1 if end is None else end, self.system, created)

    def _kept(self, key: str | None, places: Mapping[str, int]) -> int | None:
        """The place of the node, or of the nearest one above it that is a turn."""
        seen: set[str] = set()
        while key is not None and key in self._nodes and key not in seen:
            if key in places:
                return places[key]
            seen.add(key)
            key = self._nodes[key][0]
        return None

    def _from_the_root(self) -> Iterator[str]:
        below: dict[str | None, list[str]] = {}
        for key, (parent, _) in self._nodes.items():
            below.setdefault(parent if parent in self._nodes else None, []).append(key)
        waiting = list(reversed(below.get(None, [])))
        while waiting:
            key = waiting.pop()
            yield key
            waiting += reversed(below.get(key, []))


def _chatgpt(entry: Mapping[str, Any]) -> ImportedChat | None:
    tree = _Tree()
    for key, found in entry["mapping"].items():
        node = _dict(found)
        message = _dict(node.get("message"))
        author, content, about = (_dict(message.get(part)) for part in ("author", "content", "metadata"))
        hidden = about.get("is_visually_hidden_from_conversation") is True
        parts = content.get("parts") if content.get("content_type") in ("text", "multimodal_text") else None
        text = "\n\n".join(part for part in parts or () if isinstance(part, str))
        tree.add(
            key, node.get("parent"), "" if hidden else _text(author.get("role")), text,
            model=_text(about.get("model_slug")), created=_number(message.get("create_time")),
        )  # fmt: skip
    return tree.chat(_text(entry.get("title")), entry.get("current_node"), _number(entry.get("create_time")))


def _open_webui(chat: Mapping[str, Any], title: str) -> ImportedChat | None:
    tree = _Tree()
    tree.add("system prompt", None, "system", _text(chat.get("system")))
    history = _dict(chat.get("history"))
    for key, found in _dict(history.get("messages")).items():
        node = _dict(found)
        tree.add(
            key, node.get("parentId"), _text(node.get("role")), _text(node.get("content")),
            model=_text(node.get("model")), created=_number(node.get("timestamp")),
        )  # fmt: skip
    created = _number(chat.get("timestamp"))
    return tree.chat(
        title or _text(chat.get("title")), history.get("currentId"), created / 1000 if created > 1e11 else created
    )


def _lm_studio(entry: Mapping[str, Any]) -> ImportedChat | None:
    tree, parent = _Tree(), None
    tree.add("system prompt", None, "system", _text(entry.get("systemPrompt")))
    for number, message in enumerate(entry["messages"]):
        versions = [_dict(version) for version in _list(_dict(message).get("versions"))]
        chosen = _dict(message).get("currentlySelected")
        keys = []
        for place, version in enumerate(versions):
            keys.append(f"{number} {place}")
            steps = [_dict(step) for step in _list(version.get("steps"))] or [version]
            thought = [step for step in steps if _dict(step.get("style")).get("type") == "thinking"]
            said = [step for step in steps if step not in thought]
            sender = _text(_dict(version.get("senderInfo")).get("senderName"))
            tree.add(
                keys[-1], parent, _text(version.get("role")), "\n\n".join(filter(None, map(_lm_text, said))),
                model=sender if version.get("role") == "assistant" else "",
                reasoning="\n\n".join(filter(None, map(_lm_text, thought))),
            )  # fmt: skip
        if keys:
            parent = keys[chosen if isinstance(chosen, int) and 0 <= chosen < len(keys) else -1]
    return tree.chat(_text(entry.get("name")), parent, _number(entry.get("createdAt")) / 1000)


def _lm_text(step: Mapping[str, Any]) -> str:
    content = step.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(_text(part.get("text")) for part in map(_dict, _list(content)) if part.get("type") == "text")


def _heft(entry: Mapping[str, Any]) -> ImportedChat | None:
    tree, chat = _Tree(), _dict(entry.get("chat"))
    tree.add("system prompt", None, "system", _text(chat.get("system_prompt")))
    files = _files(_dict(entry.get("files")))
    for message in map(_dict, _list(entry.get("messages"))):
        parent = message.get("parent_id")
        tree.add(
            str(message.get("id")), None if parent is None else str(parent), _text(message.get("role")),
            _text(message.get("content")), model=_text(message.get("model")), reasoning=_text(message.get("reasoning")),
            created=_number(message.get("created")), attachments=_attached(message, files),
        )  # fmt: skip
    active = _list(entry.get("active"))
    return tree.chat(_text(chat.get("title")), str(active[-1]) if active else None, _number(chat.get("created")))


def _files(entry: Mapping[str, Any]) -> dict[str, bytes]:
    """The bytes of attachments by their SHA-256; those that are others are left out."""
    found = {}
    for name, text in entry.items():
        try:
            data = b64decode(_text(text), validate=True)
        except (Base64Error, ValueError):
            continue
        if sha256(data).hexdigest() == name:
            found[name] = data
    return found


def _attached(message: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[Enclosed, ...]:
    found = []
    for entry in _list(message.get("attachments")):
        try:
            one = msgspec.convert(entry, Attachment)
        except msgspec.ValidationError:
            continue
        data = files.get(one.sha256)
        if data is not None:
            found.append(Enclosed(replace(one, size_bytes=len(data)), data, _text(_dict(entry).get("sent"))))
    return tuple(found[:MOST_ATTACHED])


def _plain(entry: Mapping[str, Any], name: str) -> ImportedChat | None:
    tree, parent = _Tree(), None
    for number, message in enumerate(map(_dict, entry["messages"])):
        tree.add(str(number), parent, _text(message.get("role")), _lm_text(message), model=_text(message.get("model")))
        parent = str(number)
    return tree.chat(_text(entry.get("title")) or _text(entry.get("name")) or name, parent, 0.0)


def _markdown(text: str, name: str) -> ImportedChat | None:
    """Headings "You" or "User" begin a question; others of the same level that follow one, an answer."""
    title, level, fence = name, 0, ""
    turns: list[tuple[Literal["user", "assistant"], str, list[str]]] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark is not None:
            fence = (
                mark[1]
                if not fence
                else ""
                if line.strip().startswith(fence) and not line.strip(f" {fence[0]}")
                else fence
            )
        heading = _HEADING.match(line) if not fence else None
        said = heading[2].strip(" *:").casefold() if heading is not None else ""
        if heading is not None and said in _YOU and level in (0, len(heading[1])):
            level = len(heading[1])
            turns.append(("user", "", []))
        elif heading is not None and level == len(heading[1]) and turns and (said in _THEM or turns[-1][0] == "user"):
            turns.append(("assistant", "" if said in _THEM else heading[2].strip(" *:"), []))
        elif turns:
            turns[-1][2].append(line)
        elif heading is not None and len(heading[1]) == 1:
            title = heading[2]
    tree, parent = _Tree(), None
    for number, (role, model, lines) in enumerate(turns):
        tree.add(str(number), parent, role, "\n".join(lines).strip("\n"), model=model)
        parent = str(number)
    return tree.chat(title, parent, 0.0)


def _is_turn(entry: object) -> bool:
    return isinstance(entry, dict) and "role" in entry and "content" in entry


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e14 else 0.0
