"""What people paste to name a repo on the Hub or a file in it, as one form: ``hf:OWNER/REPO[/FILE|:LABEL][@REV]``."""

from __future__ import annotations

import re
import shlex
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
_UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
_COMMAND = re.compile(r"(?:hf|huggingface-cli|ollama|llama-[a-z]+|git)\s+\S", re.IGNORECASE)
_REPO_OPTIONS = ("-hf", "-hfr", "--hf-repo")
_TAKES_VALUE = frozenset(
    {*_REPO_OPTIONS, "-hff", "--hf-file", "--include", "--exclude", "--revision", "--repo-type", "--local-dir",
     "--cache-dir", "--token", "--max-workers", "-m", "-c", "-n", "-p", "-ngl", "--port", "--host"}
)  # fmt: skip
_LABEL = re.compile(r"[\w.\-]+")
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


def is_on_hub(text: str, endpoint: str = "") -> bool:
    """Whether a text can only mean something on the Hub: ``hf:``, a link, or a command that names a repo of it.

    ``endpoint`` is the Hub that is used, where it is another one than the public (``HF_ENDPOINT``).
    """
    text = _bare(text)
    if text.lower().startswith(PREFIX) or _is_link(text, endpoint):
        return True
    return _command(text, endpoint) is not None


def hub_address(text: str, endpoint: str = "") -> HubAddress | None:
    """The address in ``text``; None when there is none.

    It may be written with or without ``hf:``, be a link to a page or file of the Hub or of the mirror ``endpoint``,
    or stand in a command people copy: hf download, ollama run, llama-server -hf, git clone.
    """
    text = _bare(text)
    address = _linked(text, endpoint) if _is_link(text, endpoint) else _written(text) or _command(text, endpoint)
    if address is None or ".." in (*address.repo.split("/"), *address.file.split("/")):
        return None
    return address


def _bare(text: str) -> str:
    """Without what is copied along with an address: space, quotes and brackets around it, marks that are not seen."""
    text = _UNSEEN.sub("", text).strip()
    if _COMMAND.match(text):  # its last quote belongs to one of its words
        return text
    text = text.strip("\"'`<>").strip()
    return text.lstrip("(").rstrip("),;.") if _LINK.match(text.lstrip("(")) else text


def _is_link(text: str, endpoint: str) -> bool:
    host = endpoint.partition("://")[2].rstrip("/").lower()
    return _LINK.match(text) is not None or (bool(host) and text.lower().startswith(f"{host}/"))


def _written(text: str) -> HubAddress | None:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    return HubAddress(found["repo"], (found["file"] or "").strip("/"), found["rev"], found["label"] or "")


def _linked(text: str, endpoint: str) -> HubAddress | None:
    if ":" in text.rpartition("/")[2] and "://" not in text:  # Ollama's way: hf.co/OWNER/REPO:LABEL
        return _written(text.partition("/")[2])
    try:
        link = urlsplit(text if "://" in text else f"https://{text}")
        mirror = urlsplit(endpoint)
    except ValueError:  # as of "https://["
        return None
    path = link.path
    if link.netloc.lower() == mirror.netloc.lower():
        path = path.removeprefix(mirror.path.rstrip("/"))
    found = _PAGE.fullmatch(path)
    if found is None or found["repo"].partition("/")[0].lower() in _NO_OWNERS:
        return None
    file, revision = unquote(found["file"] or ""), unquote(found["rev"] or "")
    shown = parse_qs(link.query).get("show_file_info", [""])[0]  # the Hub's own view of a GGUF file
    return HubAddress(found["repo"].removesuffix(".git"), shown or file, None if revision in ("", "main") else revision)


def _command(text: str, endpoint: str) -> HubAddress | None:
    """The repo a copied command names, with its file, label or revision."""
    if _COMMAND.match(text) is None:
        return None
    try:
        words = iter(shlex.split(text)[1:])
    except ValueError:  # a quote that does not end
        return None
    named: list[str] = []
    options: dict[str, str] = {}
    for word in words:
        option, equals, value = word.partition("=")
        if option in _TAKES_VALUE:
            options[option] = value if equals else next(words, "")
        elif not word.startswith("-"):
            named.append(word)
    named = [options[name] for name in _REPO_OPTIONS if name in options] or named
    if options.get("--repo-type", "model") != "model":
        return None
    for at, word in enumerate(named):
        address = _linked(word, endpoint) if _is_link(word, endpoint) else _written(word)
        if address is not None:
            following = named[at + 1] if at + 1 < len(named) else ""
            file = address.file or options.get("--hf-file", "") or options.get("-hff", "") or following
            label = address.label or options.get("--include", "").strip("*.")
            label = label if _LABEL.fullmatch(label) and not file else ""
            return HubAddress(address.repo, file, address.revision or options.get("--revision"), label)
    return None
