"""The process that reads pictures of strangers with Qt's readers, within limits on pixels, memory and time.

Its owner (:mod:`desktop.services.chat.pictures`) has a deadline. What comes out is a picture drawn anew: neither place
nor camera nor any text of the file is in it, and a decoder that reads it later meets nothing that was not made here.
"""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QColorSpace, QImage, QImageReader, QPainter

from desktop.core.attachments import media_type_of
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.picture_records import LONGEST_SHAPE, MOST_PIXELS, Picture, PictureRequest
from desktop.core.words import tr
from desktop.engine.helper_process import serve
from desktop.ui.shared.encoded_image import encoded_image

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_DECODED_MIB = 768  # of one picture, in Qt's own reader
_MOST_PNG_BYTES = 1_500_000  # a larger one is a photograph, which JPEG keeps as well in less
_JPEG_QUALITY = 92
_FORMATS = {
    "image/png": b"png", "image/jpeg": b"jpeg", "image/webp": b"webp", "image/gif": b"gif", "image/bmp": b"bmp",
}  # fmt: skip
_SCAN_BEGINS, _IMAGE_ENDS = b"\xff\xda", b"\xff\xd9"  # ITU-T T.81, B.1.1.3


def read_picture(request: PictureRequest) -> Picture:
    """Raises HeftError: no picture that is known, too large, too narrow, damaged."""
    media_type = media_type_of(request.data)
    form = _FORMATS.get(media_type)
    if form is None:
        raise _refusal(tr("This is no picture that Heft can read."), tr("Attach a PNG, JPEG, WebP, GIF or BMP."))
    if form == b"jpeg" and request.data.rfind(_IMAGE_ENDS) < request.data.rfind(_SCAN_BEGINS):
        raise _damaged(tr("its end is missing"))  # Qt's reader fills the rest with grey and says nothing
    QImageReader.setAllocationLimit(_DECODED_MIB)
    buffer = QBuffer()
    buffer.setData(QByteArray(request.data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(form))
    reader.setAutoTransform(True)
    size = reader.size()
    wide, high = size.width(), size.height()
    if size.isEmpty():
        raise _damaged(reader.errorString())
    if wide * high > MOST_PIXELS:
        raise _refusal(
            tr("This picture is too large: {wide:,} x {high:,} pixels.", wide=wide, high=high),
            tr("Attach one of at most {most_pixels} million pixels.", most_pixels=MOST_PIXELS // 1_000_000),
        )
    if max(wide, high) > LONGEST_SHAPE * min(wide, high):
        raise _refusal(
            tr("This picture is too narrow to be seen by a model: {wide:,} x {high:,} pixels.", wide=wide, high=high),
            tr("Attach a part of it."),
        )
    if max(wide, high) > request.most_side:
        size.scale(request.most_side, request.most_side, Qt.AspectRatioMode.KeepAspectRatio)
        size = size.expandedTo(size.__class__(1, 1))
        if form == b"jpeg":
            reader.setScaledSize(size)  # its decoder makes it small at once
    image = reader.read()
    if image.isNull():
        raise _damaged(reader.errorString())
    if max(image.width(), image.height()) > request.most_side:
        side, keep = request.most_side, Qt.AspectRatioMode.KeepAspectRatio
        image = image.scaled(side, side, keep, Qt.TransformationMode.SmoothTransformation)
    return _encoded(_drawn(image), photograph=form == b"jpeg")


def _drawn(image: QImage) -> QImage:
    """On white and in sRGB; texts that Qt keeps with an image stay behind."""
    if image.colorSpace().isValid():
        image.convertToColorSpace(QColorSpace(QColorSpace.NamedColorSpace.SRgb))
    made = QImage(image.width(), image.height(), QImage.Format.Format_RGB888)
    made.fill(Qt.GlobalColor.white)
    painter = QPainter(made)
    painter.drawImage(0, 0, image)
    painter.end()
    return made


def _encoded(image: QImage, *, photograph: bool) -> Picture:
    png = b"" if photograph else encoded_image(image, "png")
    if png and len(png) <= _MOST_PNG_BYTES:
        return Picture(png, "image/png", image.width(), image.height())
    return Picture(encoded_image(image, "jpeg", _JPEG_QUALITY), "image/jpeg", image.width(), image.height())


def _damaged(why: str) -> HeftError:
    return _refusal(tr("This picture is damaged and cannot be read."), tr("Attach another file of it."), why)


def _refusal(message: str, hint: str, detail: str = "") -> HeftError:
    return HeftError(message, hint, detail=detail, kind=FailureKind.BAD_ATTACHMENT)


def main() -> None:
    """Serve requests until stdin closes."""
    serve(PictureRequest, lambda request, _progress: read_picture(request), memory_bytes=MEMORY_BYTES)


if __name__ == "__main__":
    main()
