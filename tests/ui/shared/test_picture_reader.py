"""Pictures of strangers are read in a process of its own: turned, made smaller, drawn anew, or refused in words."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QImage
from support.pictures import PLACE, RED, encoded, image, turned_jpeg
from support.png_bytes import promised_png

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.picture_records import MOST_PICTURE_BYTES, MOST_SIDE
from desktop.services.chat.pictures import PictureService

FORMS = ["png", "jpeg", "webp", "bmp"]
GIF = (
    b"GIF89a\x04\x00\x02\x00\x80\x00\x00\xc0\x30\x30\x00\x00\xff!\xf9\x04\x00\x0a\x00\x00\x00,\x00\x00\x00\x00\x04\x00"
    b"\x02\x00\x00\x02\x03\x84\x8f\x59\x00;"
)


@pytest.fixture
def pictures() -> Iterator[PictureService]:
    made = PictureService()
    yield made
    made.close()


def colours(data: bytes) -> tuple[str, str]:
    """What the left and the right of a picture look like: "red" or "blue"."""
    read = QImage.fromData(data)
    points = (read.pixelColor(1, read.height() // 2), read.pixelColor(read.width() - 2, read.height() // 2))
    left, right = ("red" if abs(c.red() - RED.red()) + abs(c.blue() - RED.blue()) < 40 else "blue" for c in points)
    return left, right


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_is_read_and_kept_as_png_or_jpeg(pictures: PictureService, form: str) -> None:
    read = pictures.read(encoded(image(300, 200), form))
    assert (read.width, read.height) == (300, 200) and read.media_type in ("image/png", "image/jpeg")
    assert colours(read.data) == ("red", "blue")


def test_a_gif_is_its_first_frame(pictures: PictureService) -> None:
    read = pictures.read(GIF)
    assert (read.width, read.height, read.media_type) == (4, 2, "image/png")


def test_a_large_picture_is_made_smaller_and_its_shape_stays(pictures: PictureService) -> None:
    for form in ("png", "jpeg"):
        read = pictures.read(encoded(image(4000, 1000), form))
        assert (read.width, read.height) == (MOST_SIDE, MOST_SIDE // 4) and colours(read.data) == ("red", "blue")
    small = pictures.read(read.data, 100)
    assert (small.width, small.height) == (100, 25)


@pytest.mark.parametrize(("orientation", "size", "seen"), [
    (1, (200, 100), ("red", "blue")), (3, (200, 100), ("blue", "red")), (6, (100, 200), None), (8, (100, 200), None),
])  # fmt: skip
def test_a_picture_stands_as_its_camera_was_held(
    pictures: PictureService, orientation: int, size: tuple[int, int], seen: tuple[str, str] | None
) -> None:
    read = pictures.read(turned_jpeg(image(200, 100), orientation))
    assert (read.width, read.height) == size
    if seen is not None:
        assert colours(read.data) == seen


def test_a_large_turned_picture_fits_its_longest_side(pictures: PictureService) -> None:
    read = pictures.read(turned_jpeg(image(4000, 2000), 6))
    assert (read.width, read.height) == (MOST_SIDE // 2, MOST_SIDE)


def test_neither_place_nor_text_of_the_file_is_kept(pictures: PictureService) -> None:
    for data in (turned_jpeg(image(200, 100), 1), encoded(image(200, 100), "png", PLACE.decode())):
        assert PLACE in data or b"Comment" in data
        read = pictures.read(data)
        assert PLACE not in read.data and b"Exif" not in read.data and b"Comment" not in read.data


def test_what_shines_through_lies_on_white(pictures: PictureService) -> None:
    clear = QImage(20, 20, QImage.Format.Format_ARGB32)
    clear.fill(0)
    assert QImage.fromData(pictures.read(encoded(clear)).data).pixelColor(5, 5).name() == "#ffffff"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (promised_png(50_000, 50_000), "too large: 50,000 x 50,000 pixels"),
        (promised_png(20_000, 2), "too narrow"),
        (encoded(image(300, 200))[:200], "damaged"),
        (encoded(image(300, 200), "jpeg")[:-40], "damaged"),
        (encoded(image(300, 200), "webp")[:60], "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(400), "damaged"),
        (b"GIF89a", "damaged"),
        (b"%PDF-1.7 not a picture", "no picture that Heft can read"),
        (b"<svg><image href='file:///etc/passwd'/></svg>", "no picture that Heft can read"),
        (b"", "no picture that Heft can read"),
        (bytes(MOST_PICTURE_BYTES + 1), "too large"),
    ],
    ids=[
        "50,000 pixels",
        "narrow",
        "cut PNG",
        "cut JPEG",
        "cut WebP",
        "no PNG",
        "bare GIF",
        "PDF",
        "SVG",
        "empty",
        "MB",
    ],
)
def test_what_cannot_be_read_is_refused_in_words_and_the_next_one_is_read(
    pictures: PictureService, data: bytes, words: str
) -> None:
    with pytest.raises(HeftError, match=words) as refused:
        pictures.read(data)
    assert refused.value.kind is FailureKind.BAD_ATTACHMENT and refused.value.hint
    assert pictures.read(encoded(image(20, 10))).width == 20


def test_a_process_that_does_not_end_is_given_up_in_words() -> None:
    made = PictureService(deadline_seconds=0.0)
    try:
        with pytest.raises(HeftError, match="could not be read") as refused:
            made.read(encoded(image(20, 10)))
        assert refused.value.kind is FailureKind.BAD_ATTACHMENT
    finally:
        made.close()


def test_pictures_are_read_from_any_thread(pictures: PictureService) -> None:
    widths: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: widths.append(pictures.read(encoded(image(n, 10))).width))
        for n in range(20, 24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(widths) == [20, 21, 22, 23]
