"""What goes with the next question of ``heft chat``: named by its arguments, or by ``/attach`` while it runs."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from desktop.cli.attached_media import media_of_file
from desktop.cli.documents import enclosed, read_document
from desktop.cli.output import print_note
from desktop.core.attachments import MOST_ATTACHED
from desktop.core.documents.way import Way
from desktop.core.errors import UsageError
from desktop.core.projector import MediaKind
from desktop.engine.api import Generate, Loaded, Media
from desktop.services.container import Container
from desktop.services.documents.retrieval import Source
from desktop.services.documents.service import Given

COMMANDS = {
    "/image": "FILE: a picture for the next question",
    "/sound": "FILE: sound for it",
    "/attach": "FILE: a document for it",
    "/attach-as": "whole, passages or beginning: how documents go with it",
    "/detach": "[NAME]: what was to go with it stays out",
}
_MEDIA: dict[str, MediaKind] = {"/image": "image", "/sound": "sound"}
_CHOOSE = "Choose with /attach-as passages (the parts that matter) or /attach-as beginning, or leave it out: /detach"


class Enclosures:
    """What waits for the next question. Once that was answered, nothing does."""

    def __init__(self, container: Container, args: argparse.Namespace) -> None:
        """With the files of the arguments. Raises HeftError for one that cannot be read."""
        self._container = container
        self._first: tuple[list[tuple[str, Media]], list[Source]] = ([], [])
        self.media: list[tuple[str, Media]] = []
        self.sources: list[Source] = []
        self.way = self._way = Way(args.attach_as)
        for name in args.image:
            self._add_media("image", name)
        for name in args.sound:
            self._add_media("sound", name)
        for path in args.attach:
            self._add_source(path)
        self._first = (list(self.media), list(self.sources))

    def begin_again(self) -> None:
        """A new conversation: what the arguments named goes with its first question."""
        self.media, self.sources = list(self._first[0]), list(self._first[1])
        self.way = self._way

    def sent(self) -> None:
        """The question was answered."""
        self.media.clear()
        self.sources.clear()

    def do(self, line: str) -> bool:
        """Do what a line commands; False for one that commands nothing of it. Raises HeftError, and changes nothing."""
        command, _, word = line.partition(" ")
        word = word.strip()
        if command not in COMMANDS:
            return False
        if command == "/detach":
            self._detach(word)
        elif not word:
            raise UsageError(f"{command} wants a word more.", f"Write: {command} {COMMANDS[command].partition(':')[0]}")
        elif command == "/attach-as":
            if word not in [way.value for way in Way]:
                raise UsageError(f"There is no way {word}.", f"There are: {', '.join(way.value for way in Way)}")
            self.way = Way(word)
            self._say()
        elif command == "/attach":
            self._add_source(Path(_unquoted(word)))
            self._say()
        else:
            self._add_media(_MEDIA[command], _unquoted(word))
            self._say()
        return True

    def given(self, question: str, request: Generate, loaded: Loaded, limit: int, first_number: int) -> Given | None:
        """The documents as the model is given them; None without any. Raises HeftError where they do not fit.

        ``limit`` is the most that is to be written, in tokens (0: none).
        """
        return enclosed(
            self._container, self.sources, question, request, loaded, way=self.way, limit=limit,
            first_number=first_number, choose=_CHOOSE,
        )  # fmt: skip

    # -- inside ----------------------------------------------------------------------------------

    def _add_media(self, kind: MediaKind, name: str) -> None:
        if len(self.media) >= MOST_ATTACHED:
            raise UsageError(f"At most {MOST_ATTACHED} files go with one question.", "Name fewer.")
        self.media.append((Path(name).name, media_of_file(self._container, kind, name)))

    def _add_source(self, path: Path) -> None:
        found = read_document(self._container, path.expanduser())
        if any(source.sha256 == found.sha256 for source in self.sources):
            raise UsageError(f"{found.name} goes with the question already.", "Ask it, or leave it out: /detach")
        self.sources.append(found)

    def _detach(self, name: str) -> None:
        waiting = [known for known, _ in self.media] + [source.name for source in self.sources]
        if not waiting:
            raise UsageError("Nothing goes with the next question.", "Add something: /attach FILE or /image FILE")
        if name and name not in waiting:
            raise UsageError(f"{name} does not go with the next question.", f"There are: {', '.join(waiting)}")
        self.media = [one for one in self.media if name and one[0] != name]
        self.sources = [one for one in self.sources if name and one.name != name]
        self._say()

    def _say(self) -> None:
        files = [*(name for name, _ in self.media), *(f"{source.name} ({self.way.value})" for source in self.sources)]
        print_note(f"With the next question: {', '.join(files) or 'nothing'}")


def _unquoted(word: str) -> str:
    """A name as a terminal writes it where a file is dropped on it: in quotes, or with backslashes."""
    try:
        words = shlex.split(word)
    except ValueError:
        return word
    return words[0] if len(words) == 1 else word
