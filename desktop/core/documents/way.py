"""How a document goes with a question."""

from __future__ import annotations

from enum import StrEnum


class Way(StrEnum):
    """How a document goes with a question. The values are those of ``--attach-as``."""

    WHOLE = "whole"
    PASSAGES = "passages"
    BEGINNING = "beginning"
