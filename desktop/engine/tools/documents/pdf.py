"""Text of PDFs, by PDFium (pypdfium2), page by page. Scripts and forms in them are not run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from desktop.core.documents.text import DocumentNote, DocumentText, Paging
from desktop.core.progress import Progress, Report
from desktop.engine.tools.documents import refusals
from desktop.engine.tools.documents.gathered import MOST_PAGES, Gathered, plain_lines

KIND = "PDF"
_PASSWORD = 4  # FPDF_ERR_PASSWORD of public/fpdfview.h
_SECURITY = 5  # FPDF_ERR_SECURITY: a scheme that PDFium does not know
_HYPHEN = re.compile(r"[\x02\ufffe](?:\n)?")  # how PDFium marks a word that goes on in the next line
_TELL_EVERY = 10  # pages


def read_pdf(path: Path, report: Report) -> DocumentText:
    """Raises HeftError."""
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in (_PASSWORD, _SECURITY) or "assword" in str(error):
            raise refusals.locked(KIND) from error
        raise refusals.damaged("a PDF", str(error)) from error
    try:
        return _text(document, report)
    finally:
        document.close()


def _text(document: Any, report: Report) -> DocumentText:
    pages = len(document)
    if pages > MOST_PAGES:
        raise refusals.too_many_pages(pages, MOST_PAGES)
    if not pages:
        raise refusals.damaged("a PDF", "it has no pages")
    gathered = Gathered(Paging.PAGES)
    empty = unread = 0
    for number in range(pages):
        gathered.page()
        text = _page_text(document, number)
        unread += text is None
        if text and text.strip():
            gathered.line(text.rstrip())
        else:
            empty += 1
        if number % _TELL_EVERY == 0:
            report(Progress(number, pages, "pages"))
    if unread == pages:
        raise refusals.damaged("a PDF", "none of its pages can be read")
    if empty == pages:
        raise refusals.no_text(
            "This PDF has no text: its pages are pictures.",
            "Run text recognition (OCR) over it, and attach what comes of it.",
        )
    if empty:
        gathered.remark(DocumentNote.EMPTY_PAGES, count=empty)
    return gathered.result(KIND)


def _page_text(document: Any, number: int) -> str | None:
    """None for a page that PDFium cannot read."""
    import pypdfium2 as pdfium

    try:
        page = document[number]
        try:
            words = page.get_textpage()
            try:
                text = str(words.get_text_bounded())
            finally:
                words.close()
        finally:
            page.close()
    except pdfium.PdfiumError:
        return None
    return plain_lines(_HYPHEN.sub("", text.replace("\r\n", "\n")))
