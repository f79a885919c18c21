"""``--image`` and ``--sound``: files that go out with a question."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop.core.attachments import MOST_ATTACHED
from desktop.core.errors import UsageError
from desktop.core.projector import MediaKind
from desktop.engine.api import Media
from desktop.services.chat.requests import media_of
from desktop.services.container import Container


def add_media_arguments(parser: argparse.ArgumentParser, which: str) -> None:
    """``which``: the question that they go out with, in words."""
    parser.add_argument(
        "--image", action="append", default=[], metavar="FILE",
        help=f"a picture for {which}; may be given several times",
    )  # fmt: skip
    parser.add_argument("--sound", action="append", default=[], metavar="FILE", help=f"sound for {which}; likewise")


def attached_media(container: Container, args: argparse.Namespace) -> tuple[Media, ...]:
    """What was named, read. Raises HeftError: not readable, no picture or sound, too many."""
    if len(args.image) + len(args.sound) > MOST_ATTACHED:
        raise UsageError(f"At most {MOST_ATTACHED} files go with one question.", "Name fewer.")
    kinds: tuple[tuple[MediaKind, list[str]], ...] = (("image", args.image), ("sound", args.sound))
    return tuple(media_of_file(container, kind, name) for kind, names in kinds for name in names)


def media_of_file(container: Container, kind: MediaKind, name: str) -> Media:
    """A picture or sound, read. Raises HeftError: not readable, or it is none."""
    enclosed = container.attachments.of_file(Path(name).expanduser())
    media = media_of(enclosed.attachment, enclosed.data or b"")
    if media is None or media.kind != kind:
        other = "--sound" if kind == "image" else "--image"
        raise UsageError(f"{name} is no {'picture' if kind == 'image' else 'sound'}.", f"Name it with {other}.")
    return media
