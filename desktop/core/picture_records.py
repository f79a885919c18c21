"""What the process that reads pictures is asked, and what it answers."""

from __future__ import annotations

import msgspec

MOST_SIDE = 2048  # pixels: what the encoders of today's models make use of; they scale down from there themselves
MOST_PIXELS = 150_000_000  # of a picture as it comes: twelve times what a phone's camera makes by default
MOST_PICTURE_BYTES = 64 * 1000 * 1000
LONGEST_SHAPE = 100  # one side as a multiple of the other: encoders divide by the shorter one


class PictureRequest(msgspec.Struct, frozen=True, tag="picture"):
    """A file's bytes; the picture is to have no side longer than ``most_side`` pixels."""

    data: bytes
    most_side: int = MOST_SIDE


class Picture(msgspec.Struct, frozen=True, tag="read"):
    """The picture anew, as PNG or JPEG: turned as its camera says, on white, without anything else of the file."""

    data: bytes
    media_type: str
    width: int
    height: int
