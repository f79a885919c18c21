"""What people paste to name a repo on the Hub or a file in it, as one form: ``hf:OWNER/REPO[/FILE|:LABEL][@REV]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

PREFIX = "hf:"
_PART = r"[A-Za-z0-9][\w.\-]*"
_REPO = rf"(?P<repo>{_PART}/{_PART})"
_INSIDE = r"/(?P<file>[^@\r\n]+?)|:(?P<label>[\w.\-]+)"
_ADDRESS = re.compile(rf"(?:hf:)?\s*/*{_REPO}(?:{_INSIDE})?/?(?:@(?P<rev>\S+))?", re.IGNORECASE)
# The page of a repo, of a folder in it (tree) or of a file: shown (blob), downloaded (resolve) or as text (raw).
# Slashes of a revision are quoted.
_PAGE = re.compile(rf"/{_REPO}(?:/(?:(?:tree|blob|resolve|raw)/(?P<rev>[^/]+)(?:/(?P<file>.+?))?)?)?/?")
_LINK = re.compile(r"https?://|(?:www\.)?(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_NO_OWNERS = frozenset(
    {"api", "blog", "collections", "datasets", "docs", "models", "organizations", "papers", "spaces"}
)


@dataclass(frozen=True)
class HubAddress:
    """A repo, or a file or folder in it ("" for none), at a revision (None: the newest).

    ``label`` names a variant by its quantization, as llama.cpp's -hf and Ollama do: OWNER/REPO:Q4_K_M.
    """

    repo: str
    file: str = ""
    revision: str | None = None
    label: str = ""

    def __str__(self) -> str:
        inside = f"/{self.file}" if self.file else f":{self.label}" if self.label else ""
        return f"{PREFIX}{self.repo}{inside}{f'@{self.revision}' if self.revision else ''}"

    def beside(self, file: str) -> HubAddress:
        """Another file of the same repo and revision."""
        return HubAddress(self.repo, file, self.revision)


def is_on_hub(text: str) -> bool:
    """Whether a text can only mean something on the Hub: it begins with ``hf:`` or is a link."""
    return text.strip().lower().startswith(PREFIX) or _LINK.match(text.strip()) is not None


def hub_address(text: str) -> HubAddress | None:
    """The address in ``text``, with or without ``hf:``, or in a link to a page of the Hub; None when there is none."""
    text = text.strip().strip("\"'<>")
    address = _linked(text) if _LINK.match(text) else _written(text)
    if address is None or ".." in (*address.repo.split("/"), *address.file.split("/")):
        return None
    return address


def _written(text: str) -> HubAddress | None:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    return HubAddress(found["repo"], (found["file"] or "").strip("/"), found["rev"], found["label"] or "")


def _linked(text: str) -> HubAddress | None:
    if ":" in text.rpartition("/")[2] and "://" not in text:  # Ollama's way: hf.co/OWNER/REPO:LABEL
        return _written(text.partition("/")[2])
    link = urlsplit(text if "://" in text else f"https://{text}")
    found = _PAGE.fullmatch(link.path)
    if found is None or found["repo"].partition("/")[0].lower() in _NO_OWNERS:
        return None
    file, revision = unquote(found["file"] or ""), unquote(found["rev"] or "")
    shown = parse_qs(link.query).get("show_file_info", [""])[0]  # the Hub's own view of a GGUF file
    return HubAddress(found["repo"], shown or file, None if revision in ("", "main") else revision)
