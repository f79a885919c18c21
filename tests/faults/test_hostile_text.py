"""Text of models and of the Hub is shown as text: nothing runs, nothing is loaded, the window stays fluent."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo
from support.program import lead

from desktop.store.chats import ChatStore
from desktop.store.paths import Paths

DRIVER = Path(__file__).with_name("hostile_window.py")
MARK = "evilmark"
LONGEST_SECONDS = 0.3  # of CPU time in one event of the GUI thread; 0.1 on a computer with nothing else to do
_IN_ACCESS, _IN_OPEN, _IN_NONBLOCK = 0x1, 0x20, 0o4000  # inotify(7)


class Watch:
    """Whether anybody opened a file since, by inotify."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(_IN_NONBLOCK)
        assert self._descriptor >= 0
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(path), _IN_ACCESS | _IN_OPEN) >= 0

    def opened(self) -> bool:
        try:
            return bool(os.read(self._descriptor, 4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def bait(tmp_path: Path) -> Iterator[tuple[Path, Watch]]:
    """A picture that hostile text points to."""
    path = tmp_path / "bait.png"
    path.write_bytes(bytes.fromhex("89504e470d0a1a0a0000000d49484452"))
    watch = Watch(path)
    yield path, watch
    watch.close()


def hostile(bait: Path, hub: HubServer) -> str:
    """One of each, in one text."""
    local, remote = f"file://{bait}", f"{hub.endpoint}/tracker.png"
    return "\n".join(
        (
            f"<h1>{MARK}</h1><script>fetch('{remote}')</script><iframe src='{remote}'></iframe>",
            f'<img src="{local}"><img src="{remote}"><link rel=stylesheet href="{remote}">',
            f"![a]({local}) ![b]({remote}) [c](javascript:alert(1)) [d]({local}) <{local}>",
            f"{MARK} \x1b[31m\x00\x07\x7f \u202egpj.exe\u2066\u2069 \u200f",
        )
    )


def hostile_name(text: str) -> str:
    return text.replace("/", "\u2215").replace("\x00", "").replace("\n", " ")[:120]


@pytest.mark.xvfb
def test_every_page_shows_it_as_text(
    display: str, paths: Paths, bait: tuple[Path, Watch], hub: HubServer, tmp_path: Path
) -> None:
    path, watch = bait
    text = hostile(path, hub)
    name = hostile_name(text.splitlines()[3] + text.splitlines()[0])
    store = ChatStore(paths.chats)
    chat = store.create(title=text[:200])
    store.update(chat.id, system_prompt=text)
    parent = None
    for content in (text, text * 200, f"{MARK} " + "x" * 10_000_000, "| " * 20_000, "> " * 5_000 + "deep", text):
        parent = store.add(chat.id, parent, "user", content[:100_000]).id
        parent = store.add(chat.id, parent, "assistant", content, model=text[:300]).id
    store.close()
    model = g.model(layers=2)
    model.metadata[1] = ("general.name", g.STRING, text)
    model.metadata += [
        ("general.description", g.STRING, text),
        ("general.license.link", g.STRING, f"file://{path}"),
        ("tokenizer.chat_template", g.STRING, text + "x" * 1_000_000),
        (f"{MARK}.<img src=x>", g.STRING, f"{MARK} " + "y" * 10_000_000),
    ]
    model.tensors.append((f"blk.0.{MARK}<img src='{path}'>"[:63], (256,), 0))
    file = paths.models / f"{name}.gguf"
    model.write(file)
    fields: dict[str, Any] = {
        "tags": ["gguf", f"{MARK}<b>", text, "license:" + text], "downloads": 5, "likes": 1, "trendingScore": 9,
        "pipeline_tag": text, "library_name": text, "cardData": {"license": text}, "gated": False,
    }  # fmt: skip
    repo_files = {
        f"{MARK}<img src=x>-Q4_K_M.gguf": BytesContent(file.read_bytes()),
        "README.md": BytesContent(text.encode()),
    }
    hub.add(Repo(f"{MARK}/<img src=x>\u202e-GGUF", dict(repo_files), fields))

    there = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    said = lead(DRIVER, str(chat.id), str(file), MARK, display=display, folder=tmp_path, seconds=70, **there)
    found = json.loads(said)
    assert not watch.opened()
    assert hub.requests("tracker") == []
    assert found["rich"] == []
    assert found["raw"] == []
    for place in ("chat", "library", "inspect", "discover", "discover, opened"):
        assert found["seen"][place] > 0, (place, found["seen"])
    slow = {place: event for place, event in found["longest"].items() if event[0] > LONGEST_SECONDS}
    assert slow == {}
