"""What the Hub says of repos and files, as frozen values."""

from __future__ import annotations

from typing import Literal

import msgspec

Sort = Literal["trending", "downloads", "likes", "updated"]
Task = Literal["chat", "code", "vision", "embedding"]
Format = Literal[
    "GGUF", "safetensors", "AWQ", "GPTQ", "EXL2", "EXL3", "FP8", "bitsandbytes", "MLX", "ONNX", "PyTorch", "other"
]


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the Hub. Everything left out is not asked for.

    ``parameters_min`` and ``parameters_max`` count weights; ``formats`` keeps repos that hold one of them;
    ``base_model`` finds the versions made from that repo.
    """

    text: str = ""
    sort: Sort = "trending"
    task: Task | None = None
    parameters_min: int | None = None
    parameters_max: int | None = None
    license: str | None = None
    gated: bool | None = None
    author: str | None = None
    formats: tuple[Format, ...] = ("GGUF",)
    base_model: str | None = None


class RepoSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One search result.

    ``parameters`` count weights, ``context_length`` tokens, ``updated`` is seconds since the epoch; they are None
    where the Hub does not say. ``gated`` is "" (open), "auto" or "manual". ``gguf_bytes`` is the size of the GGUF
    the Hub looked into. ``file_names`` are empty where the answer did not list them.
    """

    id: str
    author: str = ""
    downloads: int = 0
    likes: int = 0
    updated: float | None = None
    gated: str = ""
    private: bool = False
    architecture: str = ""
    parameters: int | None = None
    context_length: int | None = None
    formats: tuple[Format, ...] = ()
    license: str = ""
    base_models: tuple[str, ...] = ()
    base_relation: str = ""
    task: str = ""
    tags: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    total_bytes: int | None = None

    @property
    def base_model(self) -> str:
        """The repo this one was made from; "" when it does not say."""
        return self.base_models[0] if self.base_models else ""


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of results; ``next`` asks for the one after ("" at the end).

    ``stale_since`` (seconds since the epoch) is set where the Hub could not be asked and an earlier answer is
    shown; ``problem`` then says why.
    """

    repos: tuple[RepoSummary, ...]
    next: str = ""
    stale_since: float | None = None
    problem: str = ""


class RepoFile(msgspec.Struct, frozen=True):
    """A file of a repo: ``path`` in it and ``size_bytes``.

    The Hub knows the sha256 of large files ("" for small ones) and the ``git_id`` (git's object id) of small ones.
    """

    path: str
    size_bytes: int
    sha256: str = ""
    git_id: str = ""

    @property
    def etag(self) -> str:
        """The name of its content: what the Hub sends as ETag and the cache stores it under."""
        return self.sha256 or self.git_id


class RepoFiles(msgspec.Struct, frozen=True, kw_only=True):
    """A repo with all its files at ``commit``. ``summary`` is what a search would say of it.

    ``gguf`` are the facts the Hub read from one GGUF file (total, architecture, context_length, ...).
    ``stale_since`` and ``problem`` as in :class:`SearchPage`.
    """

    id: str
    commit: str
    files: tuple[RepoFile, ...]
    summary: RepoSummary
    chat_template: str = ""
    stale_since: float | None = None
    problem: str = ""
