"""Text of honest documents of each kind: pages and lines kept, and what a reader should know of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.forge_documents import forge_docx, forge_epub, forge_odt, forge_pdf, page_of, paragraph

from desktop.core.documents.text import DocumentNote, DocumentText, Paging, TextPlace
from desktop.core.progress import unheard
from desktop.engine.tools.documents.extractor import read_document

LATIN = "Grüße aus Köln – 5 €"


def read(path: Path, name: str = "") -> DocumentText:
    return read_document(path, name or path.name, unheard)


def written(folder: Path, name: str, data: bytes) -> DocumentText:
    path = folder / name
    path.write_bytes(data)
    return read(path)


def notes(document: DocumentText) -> dict[DocumentNote, tuple[str, int]]:
    return {remark.note: (remark.detail, remark.count) for remark in document.remarks}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_in_each_of_its_forms_is_read_without_a_word(tmp_path: Path, encoding: str) -> None:
    found = written(tmp_path, "a.txt", f"{LATIN}\r\nzweite Zeile\r".encode(encoding))
    assert found.text == f"{LATIN}\nzweite Zeile\n" and not found.remarks


@pytest.mark.parametrize(("encoding", "named"), [("cp1252", "Windows-1252"), ("gb18030", "GB 18030")])
def test_an_older_encoding_is_read_and_said(tmp_path: Path, encoding: str, named: str) -> None:
    text = LATIN if encoding == "cp1252" else "合同的终止需要提前三个月书面通知。"
    found = written(tmp_path, "a.txt", text.encode(encoding))
    assert found.text == text and notes(found) == {DocumentNote.LEGACY_ENCODING: (named, 0)}


def test_characters_that_are_damaged_are_counted(tmp_path: Path) -> None:
    found = written(tmp_path, "a.txt", b"\xff\xfea\0b\0\0\xd8c\0")
    assert notes(found) == {DocumentNote.DAMAGED_CHARACTERS: ("", 1)}


def test_tables_and_code_stay_as_they_are(tmp_path: Path) -> None:
    table = 'name,price\n"a, b",5\n'
    assert written(tmp_path, "a.csv", table.encode()).text == table
    assert written(tmp_path, "a.py", b"def f():\n\treturn 1\n").text == "def f():\n\treturn 1\n"


def test_a_pdf_has_its_pages_and_lines(tmp_path: Path) -> None:
    found = read(forge_pdf(tmp_path / "a.pdf", [f"Title\n{LATIN}", "Second page\nwith (brackets)\nand a third line"]))
    assert found.format == "PDF" and found.paging is Paging.PAGES and not found.remarks
    assert page_of(found, 1).split("\n")[:2] == ["Title", LATIN]
    assert found.place(found.text.index("third line")) == TextPlace(2, 3)


def test_pages_of_a_pdf_that_are_pictures_are_counted(tmp_path: Path) -> None:
    found = read(forge_pdf(tmp_path / "a.pdf", ["text", None, None]))
    assert notes(found) == {DocumentNote.EMPTY_PAGES: ("", 2)} and len(found.page_starts) == 3


def test_a_word_document_has_headings_lists_tables_and_notes(tmp_path: Path) -> None:
    row = "<w:tr>{}</w:tr>"
    cell = "<w:tc>{}</w:tc>"
    table = "<w:tbl>" + row.format(cell.format(paragraph("left")) + cell.format(paragraph("right"))) + "</w:tbl>"
    item = "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>an item</w:t></w:r></w:p>"
    body = paragraph("Title", "Heading1") + paragraph("Text & more") + item + table
    note = (
        f"<w:footnotes xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>{paragraph('the note')}"
    )
    found = read(forge_docx(tmp_path / "a.docx", body, {"word/footnotes.xml": f"{note}</w:footnotes>".encode()}))
    assert [line for line in found.text.split("\n") if line] == [
        "# Title", "Text & more", "- an item", "left | right", "the note",
    ]  # fmt: skip
    assert found.paging is Paging.NONE


def test_what_was_deleted_or_moved_and_field_codes_are_no_text(tmp_path: Path) -> None:
    changes = (
        "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>kept</w:t><w:tab/><w:t>on</w:t></w:r></w:p>"
    )
    assert read(forge_docx(tmp_path / "a.docx", changes)).text.strip() == "kept\ton"


def test_pages_of_a_word_document_are_where_word_broke_them(tmp_path: Path) -> None:
    broken = "<w:br w:type='page'/>", "<w:lastRenderedPageBreak/>"
    body = paragraph("one") + paragraph("two", before="".join(broken)) + paragraph("three", before=broken[1])
    found = read(forge_docx(tmp_path / "a.docx", body))
    assert [page_of(found, number).strip() for number in (1, 2, 3)] == ["one", "two", "three"]


def test_macros_are_left_out_and_said(tmp_path: Path) -> None:
    found = read(forge_docx(tmp_path / "a.docm", paragraph("text"), {"word/vbaProject.bin": b"Sub AutoOpen"}))
    assert DocumentNote.MACROS_IGNORED in notes(found) and "AutoOpen" not in found.text


def test_an_opendocument_text(tmp_path: Path) -> None:
    body = (
        "<text:h text:outline-level='2'>Title</text:h>"
        "<text:p>one<text:s text:c='2'/>two<text:line-break/>three</text:p>"
        "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>"
        "<text:p>page<text:soft-page-break/>break</text:p>"
    )
    found = read(forge_odt(tmp_path / "a.odt", body))
    lines = [line for line in found.text.split("\n") if line]
    assert lines == ["## Title", "one  two", "three", "- item", "page", "break"]
    assert found.place(found.text.index("break")) == TextPlace(2, 1)


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path: Path) -> None:
    found = read(forge_epub(tmp_path / "a.epub", ["<h1>One</h1><p>first</p>", "<p>second&nbsp;one</p>"]))
    assert found.format == "EPUB book" and found.paging is Paging.SECTIONS
    assert "# One" in page_of(found, 1) and "second" in page_of(found, 2)


def test_a_web_page_is_what_a_reader_sees(tmp_path: Path) -> None:
    page = (
        "<!doctype html><html><head><title>A page</title><style>p{color:red}</style><script>evil()</script></head>"
        "<body><h2>Head</h2><p>One   paragraph\nover lines &amp; more</p><ul><li>first<li>second</ul>"
        "<table><tr><th>a<th>b<tr><td>1<td>2</table><pre>x\n  y</pre><svg><text>no</text></svg></body></html>"
    )
    found = written(tmp_path, "a.html", page.encode())
    lines = [line for line in found.text.split("\n") if line]
    assert lines == [
        "A page", "## Head", "One paragraph over lines & more", "- first", "- second", "a | b", "1 | 2", "x", "  y",
    ]  # fmt: skip


def test_a_web_page_in_the_encoding_that_it_names(tmp_path: Path) -> None:
    page = "<html><head><meta charset=shift_jis></head><body>契約の終了</body></html>"
    found = written(tmp_path, "a.html", page.encode("shift_jis"))
    assert "契約の終了" in found.text and notes(found)[DocumentNote.LEGACY_ENCODING][0] == "shift_jis"


def test_what_a_file_is_its_bytes_say_and_a_wrong_name_is_said(tmp_path: Path) -> None:
    path = forge_pdf(tmp_path / "a.txt", ["inside"])
    found = read(path)
    assert found.format == "PDF" and notes(found) == {DocumentNote.OTHER_TYPE: ("PDF", 0)}
    plain = tmp_path / "b.pdf"
    plain.write_text("only text")
    assert notes(read(plain)) == {DocumentNote.OTHER_TYPE: ("text", 0)}
