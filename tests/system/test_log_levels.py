"""Levels by category, in the words of a person."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from desktop.system.logs import CATEGORIES, LateHandler, levels_of, logged

ROOT = Path(__file__).parents[2]


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


def _all(handler: logging.Handler, text: str) -> None:
    with logged(levels_of(text), [handler]):
        for name in ("desktop.hub.client", "desktop.engine.llama", "desktop.ui.chat.page", "desktop.ui.shell.window"):
            logging.getLogger(name).debug("d")
            logging.getLogger(name).info("i")
            logging.getLogger(name).warning("w")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", {"desktop.hub.client": "iw", "desktop.ui.shell.window": "iw"}),
        ("debug", {"desktop.hub.client": "diw", "desktop.engine.llama": "diw"}),
        ("hub=debug,engine=warning", {"desktop.hub.client": "diw", "desktop.engine.llama": "w"}),
        ("error, chat=info", {"desktop.hub.client": "", "desktop.ui.chat.page": "iw", "desktop.ui.shell.window": ""}),
        ("ui=debug,chat=warning", {"desktop.ui.chat.page": "w", "desktop.ui.shell.window": "diw"}),
    ],
)  # fmt: skip
def test_levels(text: str, written: dict[str, str]) -> None:
    kept = Kept()
    _all(kept, text)
    for name, expected in written.items():
        assert "".join(line[-1] for line in kept.lines if f" {name}:" in line) == expected
    assert not logging.getLogger("desktop").handlers


@pytest.mark.parametrize(("text", "named"), [("loud", "loud"), ("hub=loud", "loud"), ("cellar=debug", "cellar")])
def test_a_word_that_means_nothing_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}$"):
        levels_of(text)


def test_every_category_is_there_and_every_module_has_one() -> None:
    branches = tuple(branch for found in CATEGORIES.values() for branch in found)
    for branch in branches:
        assert (ROOT / branch.replace(".", "/")).is_dir() or (ROOT / f"{branch.replace('.', '/')}.py").is_file(), branch
    for path in (ROOT / "desktop").rglob("*.py"):
        if "logging.getLogger(__name__)" in path.read_text(encoding="utf-8"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            assert any(name == branch or name.startswith(f"{branch}.") for branch in branches), name


def test_a_handler_that_nobody_needs_is_not_made_and_one_that_cannot_be_made_stops_nothing() -> None:
    made: list[Kept] = []

    def make() -> logging.Handler:
        made.append(Kept())
        return made[-1]

    def fail() -> logging.Handler:
        raise OSError("read-only")

    with logged(levels_of(""), [LateHandler(make), LateHandler(fail)]):
        logging.getLogger("desktop.hub").debug("no")
        assert made == []
        logging.getLogger("desktop.hub").info("yes")
    assert [kept.lines for kept in made] == [["INFO desktop.hub: yes"]]
