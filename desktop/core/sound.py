"""How long a piece of sound is, by its own header."""

from __future__ import annotations

import struct

MOST_SOUND_BYTES = 50 * 1000 * 1000
_CHUNK_HEAD = 8  # bytes of a RIFF chunk's name and length


def seconds_of(data: bytes) -> float:
    """Seconds of a WAV or FLAC; 0.0 for an MP3, whose frames would have to be counted, and for a damaged header."""
    try:
        if data[:4] == b"RIFF":
            return _wav(data)
        if data[:4] == b"fLaC":
            return _flac(data)
    except struct.error:
        return 0.0
    return 0.0


def _wav(data: bytes) -> float:
    """RIFF WAVE: bytes of the chunk "data" by the bytes per second of the chunk "fmt "."""
    at, rate = 12, 0
    while at + _CHUNK_HEAD <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", data, at + 16)
        if name == b"data":
            return min(length, len(data) - at - _CHUNK_HEAD) / rate if rate else 0.0
        at += _CHUNK_HEAD + length + length % 2
    return 0.0


def _flac(data: bytes) -> float:
    """RFC 9639, 8.2: the rate is 20 bits and the number of samples 36 of the stream's first block."""
    (packed,) = struct.unpack_from(">Q", data, 18)
    rate, samples = packed >> 44, packed & (1 << 36) - 1
    return samples / rate if rate else 0.0
