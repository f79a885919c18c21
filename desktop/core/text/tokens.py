"""The bytes of a token for the eye."""

from __future__ import annotations

from desktop.core.text.visible import SPACE_SIGNS

_SIGNS = SPACE_SIGNS | {" ": "␣", "\u00a0": "⍽", "\u200b": "⟨200B⟩", "\ufeff": "⟨FEFF⟩"}


def token_piece(piece: bytes) -> str:
    """``piece`` with white space as signs, bytes that are no whole character as ⟨E2⟩."""
    text = piece.decode("utf-8", "surrogateescape")
    return "".join(_sign(character) for character in text)


def _sign(character: str) -> str:
    known = _SIGNS.get(character)
    if known is not None:
        return known
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: a byte that is no whole character
        return f"⟨{code - 0xDC00:02X}⟩"
    return character if character.isprintable() else f"⟨{code:X}⟩"
