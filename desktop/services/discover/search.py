"""Searching the Hub with an eye on this machine: results, and whether a typical variant of each would fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from desktop.core.hub_address import HubAddress, hub_address, is_on_hub
from desktop.core.pools import Pool
from desktop.core.spelling import near, words_of
from desktop.hub.records import RepoSummary, SearchPage, SearchQuery
from desktop.hub.search import PAGE_SIZE, HubSearch
from desktop.services.discover.tables import DataTables

FitMark = Literal["gpu", "partial", "cpu", "too-large", "unknown"]

_TYPICAL_BITS = 4.89  # per weight, of Q4_K_M: the variant most people take (shared measure of services/picker)
_CONTEXT_SHARE = 1.1  # weights plus a context of some thousand tokens
_COMPUTE_BYTES = 300_000_000
_LOOKED_AT = 20  # results looked at for each one wanted, before a search for what fits gives up


class SearchService:
    """Results of the Hub, page by page. Thread-safe; calls wait for the network."""

    def __init__(self, search: HubSearch, pools: Callable[[], Sequence[Pool]]) -> None:
        """``pools`` is the memory there is, main memory first (see ``core.pools.pools_of``)."""
        self._search = search
        self._pools = pools
        self._seen: frozenset[str] = frozenset()

    def first_page(self, query: SearchQuery, size: int = PAGE_SIZE) -> SearchPage:
        """See ``HubSearch.first_page``."""
        return self._noted(self._search.first_page(query, size))

    def next_page(self, query: SearchQuery, page: SearchPage) -> SearchPage:
        """See ``HubSearch.next_page``."""
        return self._noted(self._search.next_page(query, page))

    def address(self, text: str) -> HubAddress | None:
        """What a typed or pasted text names on the Hub that is asked; None for words to search for."""
        return hub_address(text, self._search.endpoint)

    def is_address(self, text: str) -> bool:
        """Whether a text can only be an address: a link, ``hf:`` or a copied command; OWNER/REPO may be words too."""
        return is_on_hub(text, self._search.endpoint)

    def named(self, address: HubAddress) -> SearchPage:
        """The repo of an address as the only result. Raises HubError, also where there is no such repo."""
        found = self._search.files(address.repo)
        return SearchPage(repos=(found.summary,), stale_since=found.stale_since, problem=found.problem)

    def near(self, text: str) -> tuple[str, ...]:
        """What a search that found nothing may have meant, by the names of models and those seen in results."""
        return near(text, DataTables().name_words | self._seen)

    def results(self, query: SearchQuery, limit: int, *, only_fitting: bool = False) -> Iterator[RepoSummary]:
        """Up to ``limit`` results, fetched as they are taken; with ``only_fitting`` those that fit this machine."""
        if not only_fitting:
            yield from self._search.results(query, limit)
            return
        pools = self._pools()
        for repo in self._search.results(query, limit * _LOOKED_AT):
            if limit <= 0:
                return
            if fit_mark(repo, pools) in ("gpu", "partial", "cpu"):
                yield repo
                limit -= 1

    def _noted(self, page: SearchPage) -> SearchPage:
        self._seen |= words_of(repo.id for repo in page.repos)  # replaced as a whole: other threads read it
        return page

    def mark(self, repo: RepoSummary) -> FitMark:
        """Where a Q4_K_M of this model would go, by its number of parameters alone: a first hint, no promise."""
        return fit_mark(repo, self._pools())


def fit_mark(repo: RepoSummary, pools: Sequence[Pool]) -> FitMark:
    """See :meth:`SearchService.mark`. Formats other than GGUF are not run here, so nothing is said of them."""
    if not repo.parameters or "GGUF" not in repo.formats:
        return "unknown"
    needed = repo.parameters * _TYPICAL_BITS / 8 * _CONTEXT_SHARE + _COMPUTE_BYTES
    main, gpus = pools[0], pools[1:]
    gpu_bytes = sum(pool.free_bytes for pool in gpus)
    if gpus and needed <= gpu_bytes:
        return "gpu"
    # A GPU that shares main memory adds none.
    extra = sum(pool.free_bytes for pool in gpus if not pool.shared)
    if needed > main.free_bytes + extra:
        return "too-large"
    return "partial" if gpus else "cpu"
