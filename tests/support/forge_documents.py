"""Documents made by hand, honest and hostile: PDFs, Word and OpenDocument files, books."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from desktop.core.documents.text import DocumentText

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")  # ISO 32000-1, 7.6.3.3


def page_of(document: DocumentText, number: int) -> str:
    """The text of one page, from 1."""
    bounds = (*document.page_starts, len(document.text))
    return document.text[bounds[number - 1] : bounds[number]]


# -- PDF ---------------------------------------------------------------------------------------------


def forge_pdf(path: Path, pages: Sequence[str | None], *, password: str = "") -> Path:
    """A PDF of these pages, each line of a page on its own; None is a page that is a picture.

    With a password it is encrypted as PDF 1.1 does (40-bit RC4), which every reader knows.
    """
    contents = [_content(page) for page in pages]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects: dict[int, bytes] = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    }
    trailer = b""
    key = b""
    if password:
        identity = hashlib.md5(b"heft").digest()
        owner = _rc4(hashlib.md5(_padded("owner")).digest()[:5], _padded(password))
        key = hashlib.md5(_padded(password) + owner + (-4 & 0xFFFFFFFF).to_bytes(4, "little") + identity).digest()[:5]
        user = _rc4(key, _PADDING)
        last = 4 + 2 * len(pages)
        objects[last] = b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (_hex(owner), _hex(user))
        trailer = b"/Encrypt %d 0 R/ID[<%s><%s>]" % (last, _hex(identity), _hex(identity))
    for number, plain in enumerate(contents):
        page, stream = 4 + 2 * number, 5 + 2 * number
        objects[page] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % stream
        )
        own = hashlib.md5(key + stream.to_bytes(3, "little") + b"\0\0").digest()[:10]
        content = _rc4(own, plain) if key else plain
        objects[stream] = b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)
    path.write_bytes(_file(objects, trailer))
    return path


def forge_pages(path: Path, claimed: int) -> Path:
    """A small PDF whose page tree holds one page so many times."""
    kids = b"4 0 R " * claimed
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Count %d/Kids[%s]>>" % (claimed, kids),
        4: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    }
    path.write_bytes(_file(objects))
    return path


def _content(page: str | None) -> bytes:
    if page is None:
        return b"q 500 0 0 700 40 40 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI Q"
    lines = [line.encode("cp1252", "replace") for line in page.split("\n")]
    marks = b"\n".join(b"(%s) Tj T*" % _literal(line) for line in lines)
    return b"BT /F1 11 Tf 14 TL 50 800 Td\n%s\nET" % marks


def _literal(line: bytes) -> bytes:
    return line.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: Mapping[int, bytes], trailer: bytes = b"") -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    places: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size = max(objects) + 1
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 00001 f \n"
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(out)


def _padded(password: str) -> bytes:
    return (password.encode("latin-1") + _PADDING)[:32]


def _hex(data: bytes) -> bytes:
    return data.hex().encode()


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


# -- archives ----------------------------------------------------------------------------------------


def forge_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    """An archive of these parts, in this order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def word_body(body: str, before: str = "") -> bytes:
    """A Word document's main part; ``body`` is WordprocessingML with the prefix w."""
    return f"<?xml version='1.0'?>{before}<w:document xmlns:w='{_W}'><w:body>{body}</w:body></w:document>".encode()


def paragraph(text: str, style: str = "", before: str = "") -> str:
    """A paragraph; ``before`` stands before its text in the run."""
    named = f"<w:pPr><w:pStyle w:val='{style}'/></w:pPr>" if style else ""
    return f"<w:p>{named}<w:r>{before}<w:t xml:space='preserve'>{escape(text)}</w:t></w:r></w:p>"


def forge_docx(path: Path, body: str, more: Mapping[str, bytes] | None = None, before: str = "") -> Path:
    """A Word document."""
    types = b"<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>"
    parts = {"[Content_Types].xml": types, "word/document.xml": word_body(body, before)}
    return forge_zip(path, {**parts, **(more or {})})


def forge_odt(path: Path, body: str) -> Path:
    """An OpenDocument text; ``body`` uses the prefixes text and table."""
    urn = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f"<office:document-content xmlns:office='{urn}office:1.0' xmlns:text='{urn}text:1.0'"
        f" xmlns:table='{urn}table:1.0'><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>"
    )
    media_type = b"application/vnd.oasis.opendocument.text"
    return forge_zip(path, {"mimetype": media_type, "content.xml": content.encode()})


def forge_epub(path: Path, chapters: Iterable[str]) -> Path:
    """A book of these chapters, each the inside of an HTML body, listed in the order of the spine."""
    container = (
        b"<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
        b"<rootfile full-path='OEBPS/book.opf'/></rootfiles></container>"
    )
    items, refs, parts = "", "", dict[str, bytes]()
    for number, chapter in enumerate(chapters):
        name = f"{9 - number}.xhtml"  # the spine's order is not that of the names
        items += f"<item id='c{number}' href='{name}' media-type='application/xhtml+xml'/>"
        refs += f"<itemref idref='c{number}'/>"
        parts[f"OEBPS/{name}"] = f"<!DOCTYPE html><html><body>{chapter}</body></html>".encode()
    package = (
        f"<package xmlns='http://www.idpf.org/2007/opf'><manifest>{items}</manifest><spine>{refs}</spine></package>"
    )
    first = {"mimetype": b"application/epub+zip", "META-INF/container.xml": container}
    return forge_zip(path, {**first, "OEBPS/book.opf": package.encode(), **parts})
