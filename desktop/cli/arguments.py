"""Types of arguments that commands share, without what only some of them need."""

from __future__ import annotations

import argparse


def whole_number(text: str) -> int:
    """A count for argparse: zero or more."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than zero")
    return value
