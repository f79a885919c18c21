"""How the repository of a model recommends to sample it: its generation_config.json, or that of its base model."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from desktop.core.errors import HeftError
from desktop.core.sampling_defaults import GENERATION_CONFIG, generation_sampling
from desktop.core.sampling_fields import SamplingValues
from desktop.hub.client import HubClient
from desktop.hub.records import RepoFiles
from desktop.hub.search import HubSearch

_MOST_BYTES = 1 << 18  # published ones have less than 4 kB


def recommended_sampling(client: HubClient, search: HubSearch, listing: RepoFiles) -> SamplingValues:
    """What a listed repo recommends, else what the model recommends that it was made from; {} where neither does.

    Never an error: a download does not wait for it longer than for one answer of the Hub each, nor fail of it.
    """
    try:
        for repo in _repos(search, listing):
            if any(file.path == GENERATION_CONFIG and file.size_bytes <= _MOST_BYTES for file in repo.files):
                return generation_sampling(_document(client, repo))
    except (HeftError, OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return {}


def _repos(search: HubSearch, listing: RepoFiles) -> Iterator[RepoFiles]:
    yield listing
    if base := listing.summary.base_model:
        yield search.files(base)


def _document(client: HubClient, repo: RepoFiles) -> object:
    content = bytearray()
    with client.opened(repo.id, GENERATION_CONFIG, repo.commit or None) as (_, response):
        for chunk in response.iter_bytes() if response is not None else ():
            content += chunk
            if len(content) > _MOST_BYTES:
                return None
    return msgspec.json.decode(bytes(content))
