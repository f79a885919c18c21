"""Seeded damage to files."""

from __future__ import annotations

import random

TELLING = (0, 1, 9, 0x7F, 0x80, 0xFF)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """``data`` with 1 to 16 changes: bytes, bits, lengths beyond reason, cuts, gaps, repeats."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(changed)) if changed else 0
        match chance.randrange(6):
            case 0 if changed:
                changed[at] = chance.choice(TELLING)
            case 1 if changed:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:  # a length or count grows beyond reason
                changed[at : at + 8] = chance.choice((2**40, 2**60, 2**63, 2**64 - 1)).to_bytes(8, "little")
            case 3:
                del changed[at:]
            case 4:
                del changed[at : at + chance.randrange(1, 16)]
            case 5:
                end = at + chance.randrange(1, 64)
                changed[at:at] = changed[at:end]
    return bytes(changed)
