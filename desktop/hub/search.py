"""Searching the Hub page by page, and a repo's files. Answers are kept on disk, so that they serve offline too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from desktop.core.failures import FailureKind
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError, half_an_answer
from desktop.hub.formats import filter_of, formats_of
from desktop.hub.records import RepoFile, RepoFiles, RepoSummary, SearchPage, SearchQuery, Sort, Task
from desktop.hub.response_cache import ResponseCache

PAGE_SIZE = 30
_SORTS: dict[Sort, str] = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "updated": "lastModified",
}
# The Hub's own words for what a model is for: tags and pipeline tags.
_TASKS: dict[Task, tuple[str, str]] = {
    "chat": ("filter", "conversational"),
    "code": ("filter", "code"),
    "vision": ("pipeline_tag", "image-text-to-text"),
    "embedding": ("pipeline_tag", "feature-extraction"),
}
_EXPAND = (
    "author", "config", "downloads", "gated", "gguf", "lastModified", "library_name", "likes", "pipeline_tag",
    "private", "safetensors", "siblings", "tags",
)  # fmt: skip
# An earlier answer stands in for these; after a refusal (wrong token, no such repo) it would mislead.
_ABSENT = frozenset(
    {
        FailureKind.NO_NETWORK,
        FailureKind.OFFLINE_MODE,
        FailureKind.PROXY,
        FailureKind.TIMEOUT,
        FailureKind.INTERRUPTED,
        FailureKind.HUB_DOWN,
        FailureKind.RATE_LIMITED,
        FailureKind.CERTIFICATE,
        FailureKind.BAD_ANSWER,
        FailureKind.REDIRECTS,
    }
)


_NEEDED = ("id", "sha", "siblings", "gated", "private")  # without which a repo cannot be used


class _Size(msgspec.Struct):
    total: int | None = None
    architecture: str | None = None
    context_length: int | None = None
    chat_template: str | None = None


class _Lfs(msgspec.Struct):
    sha256: str | None = None
    size: int | None = None


class _Sibling(msgspec.Struct, rename={"blob_id": "blobId"}):
    rfilename: str
    blob_id: str | None = None
    size: int | None = None
    lfs: _Lfs | None = None


class _Item(msgspec.Struct, rename={"updated": "lastModified"}):
    """A model as the Hub tells of it; fields not named here are ignored."""

    id: str
    author: str | None = None
    downloads: int | None = None
    likes: int | None = None
    updated: str | None = None
    gated: bool | str | None = None
    private: bool | None = None
    gguf: _Size | None = None
    safetensors: _Size | None = None
    tags: list[str] | None = None
    pipeline_tag: str | None = None
    library_name: str | None = None
    config: dict[str, Any] | None = None
    siblings: list[_Sibling] | None = None
    sha: str | None = None


class HubSearch:
    """Questions to the Hub about repos. Thread-safe; every call asks the Hub once and waits for it."""

    def __init__(self, client: HubClient, folder: Path) -> None:
        """``folder`` keeps earlier answers for when the Hub cannot be asked."""
        self._client = client
        self._answers = ResponseCache(folder)

    @property
    def endpoint(self) -> str:
        """The Hub that is asked."""
        return self._client.endpoint

    def first_page(self, query: SearchQuery, size: int = PAGE_SIZE) -> SearchPage:
        """The first results. Raises HubError when the Hub cannot be asked and there is no earlier answer."""
        return self._page(f"/api/models?{urlencode(_parameters(query, size))}", query)

    def next_page(self, query: SearchQuery, page: SearchPage) -> SearchPage:
        """The results after ``page``; an empty page at the end."""
        return self._page(page.next, query) if page.next else SearchPage(repos=())

    def results(self, query: SearchQuery, limit: int) -> Iterator[RepoSummary]:
        """Up to ``limit`` results, fetched as they are taken."""
        page = self.first_page(query, min(limit, PAGE_SIZE))
        while True:
            for repo in page.repos:
                if limit <= 0:
                    return
                yield repo
                limit -= 1
            if not page.next or limit <= 0:
                return
            page = self.next_page(query, page)

    def files(self, repo: str, revision: str | None = None) -> RepoFiles:
        """A repo with its files. Raises HubError as :meth:`first_page`, and when the repo may not be read."""
        address = f"/api/models/{quote(repo)}"
        if revision:
            address += f"/revision/{quote(revision, safe='')}"
        question = f"{self._client.endpoint}{address}"
        try:
            item = _converted(self._client.json(f"{address}?blobs=true", repo=repo)[0])
        except HubError as error:
            known = self._answers.find(question, RepoFiles) if error.kind in _ABSENT else None
            if known is None:
                raise
            return msgspec.structs.replace(known[0], stale_since=known[1], problem=error.message)
        found = _repo_files(item)
        self._answers.keep(question, found)
        return found

    def _page(self, address: str, query: SearchQuery) -> SearchPage:
        question = address if "://" in address else f"{self._client.endpoint}{address}"
        try:
            items, following = self._client.json(address)
        except HubError as error:
            known = self._answers.find(question, SearchPage) if error.kind in _ABSENT else None
            if known is None:
                raise
            return msgspec.structs.replace(known[0], stale_since=known[1], problem=error.message)
        if not isinstance(items, list):
            raise half_an_answer(f"a list was expected, not {type(items).__name__}")
        repos = [summary for item in items if (summary := _listed(item)) is not None]
        wanted = set(query.formats) if len(query.formats) > 1 else set()  # one format is the Hub's filter
        page = SearchPage(
            repos=tuple(repo for repo in repos if not wanted or wanted.intersection(repo.formats)), next=following
        )
        self._answers.keep(question, page)
        return page


def _parameters(query: SearchQuery, size: int) -> list[tuple[str, str]]:
    found = [("sort", _SORTS[query.sort]), ("limit", str(size))]
    if query.text.strip():
        found.append(("search", query.text.strip()))
    if query.author:
        found.append(("author", query.author))
    if query.gated is not None:
        found.append(("gated", str(query.gated).lower()))
    if query.task:
        found.append(_TASKS[query.task])
    if query.license:
        found.append(("filter", f"license:{query.license}"))
    if query.base_model:
        found.append(("filter", f"base_model:quantized:{query.base_model}"))
    if len(query.formats) == 1 and filter_of(query.formats[0]):
        found.append(("filter", filter_of(query.formats[0])))
    limits = [
        f"{name}:{count / 1e9:.6g}B"
        for name, count in (("min", query.parameters_min), ("max", query.parameters_max))
        if count is not None
    ]
    if limits:
        found.append(("num_parameters", ",".join(limits)))
    return found + [("expand", name) for name in _EXPAND]


def _converted(item: Any) -> _Item:
    """A repo as the Hub tells of it. Facts that are not what the protocol says are left out; the files are not."""
    try:
        return msgspec.convert(item, _Item)
    except msgspec.ValidationError as error:
        try:
            return msgspec.convert({name: item[name] for name in _NEEDED if name in item}, _Item)
        except (msgspec.ValidationError, TypeError):
            raise half_an_answer(str(error)) from error


def _listed(item: Any) -> RepoSummary | None:
    """A result, or None for one that is not what the protocol says: the others still count."""
    try:
        return _summary(msgspec.convert(item, _Item))
    except msgspec.ValidationError:
        return None


def _summary(item: _Item) -> RepoSummary:
    tags = tuple(item.tags or ())
    names = tuple(sibling.rfilename for sibling in item.siblings or ())
    size = item.gguf or item.safetensors or _Size()
    architectures = (item.config or {}).get("architectures")
    model_type = str((item.config or {}).get("model_type") or "")
    relations = [tag.split(":", 2) for tag in tags if tag.startswith("base_model:")]
    sizes = [sibling.size for sibling in item.siblings or () if sibling.size is not None]
    return RepoSummary(
        id=item.id,
        author=item.author or item.id.partition("/")[0],
        downloads=item.downloads or 0,
        likes=item.likes or 0,
        updated=_seconds(item.updated),
        gated=item.gated if isinstance(item.gated, str) else "auto" if item.gated else "",
        private=bool(item.private),
        architecture=size.architecture or model_type or (str(architectures[0]) if architectures else ""),
        parameters=size.total,
        context_length=size.context_length or _context(item.config),
        formats=formats_of(item.id, tags, item.library_name or "", names, item.config),
        license=next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), ""),
        base_models=tuple(dict.fromkeys(parts[-1] for parts in relations)),
        base_relation=next((parts[1] for parts in relations if len(parts) == 3), ""),
        task=item.pipeline_tag or "",
        tags=tags,
        file_names=names,
        total_bytes=sum(sizes) if sizes else None,
    )


def _context(config: dict[str, Any] | None) -> int | None:
    found = (config or {}).get("max_position_embeddings")
    return found if isinstance(found, int) else None


def _repo_files(item: _Item) -> RepoFiles:
    files = []
    for sibling in item.siblings or ():
        large = sibling.lfs or _Lfs()
        size = sibling.size if sibling.size is not None else large.size
        git_id = "" if sibling.lfs else sibling.blob_id or ""  # of a large file it names the pointer
        files.append(RepoFile(sibling.rfilename, size or 0, large.sha256 or "", git_id))
    return RepoFiles(
        id=item.id,
        commit=item.sha or "",
        files=tuple(files),
        summary=_summary(item),
        chat_template=(item.gguf.chat_template if item.gguf else None) or "",
    )


def _seconds(moment: str | None) -> float | None:
    """Seconds since the epoch of an ISO 8601 moment; None for another text."""
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else None
    except ValueError:
        return None
