"""What a file is, by its first bytes; how long sound is, by its header."""

from __future__ import annotations

import io
import struct
import wave

import pytest

from desktop.core.attachments import LONGEST_NAME, Enclosed, media_type_of
from desktop.core.sound import seconds_of


def wav(seconds: float, rate: int = 8000) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * int(seconds * rate)))
    return made.getvalue()


def flac(seconds: float, rate: int = 44_100) -> bytes:
    packed = rate << 44 | 1 << 41 | 15 << 36 | int(seconds * rate)
    return b"fLaC" + struct.pack(">I", 34) + bytes(10) + struct.pack(">Q", packed) + bytes(16)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"BM....", "image/bmp"),
        (wav(0.1), "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (flac(1), "audio/flac"),
        (b"%PDF-1.7", ""),
        (b"<svg xmlns=", ""),
        (b"RIFF\x00\x00\x00\x00AVI ", ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_a_file_is_what_its_first_bytes_say(data: bytes, media_type: str) -> None:
    assert media_type_of(data) == media_type


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (wav(2.5), 2.5),
        (wav(2.5)[:44] + bytes(100), pytest.approx(100 / 16_000)),  # its header promises more than there is
        (b"RIFF\x04\x00\x00\x00WAVE", 0.0),
        (wav(1)[:30], 0.0),
        (flac(12.25), pytest.approx(12.25)),
        (b"fLaC", 0.0),
        (b"ID3", 0.0),
    ],
)
def test_the_length_of_sound_is_its_headers(data: bytes, seconds: float) -> None:
    assert seconds_of(data) == seconds


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/ada/Bilder/Hafen.png", "Hafen.png"),
        ("C:\\Users\\ada\\Hafen.png", "Hafen.png"),
        ("a\nb.png", "a⏎b.png"),
        ("", "image"),
    ],
)
def test_an_attachment_is_called_as_its_file_on_one_line(name: str, shown: str) -> None:
    assert Enclosed.of("image", name, "image/png", b"x").attachment.name == shown


def test_a_name_without_end_is_cut_and_the_same_bytes_are_the_same_file() -> None:
    one, other = (Enclosed.of("image", name, "image/png", b"x").attachment for name in ("a" * 5000, "b"))
    assert len(one.name) == LONGEST_NAME and one.sha256 == other.sha256 and one.size_bytes == 1
