"""Tooltips of strangers' text: Qt takes a tooltip that looks like HTML for HTML, and loads the pictures it names."""

from __future__ import annotations

from html import escape

from desktop.core.shown import plain


def plain_tooltip(text: str) -> str:
    """A tooltip that shows ``text`` as it is; "" for none."""
    return f"<qt>{escape(plain(text))}</qt>".replace("\n", "<br>") if text else ""
