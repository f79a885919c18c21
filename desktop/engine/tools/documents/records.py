"""What is asked of the process that reads documents."""

from __future__ import annotations

import msgspec


class ReadDocument(msgspec.Struct, frozen=True):
    """The file to read, and the name under which a person knows it."""

    path: str
    name: str
