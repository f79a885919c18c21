"""Search and files against the local Hub."""

from pathlib import Path
from typing import Any

import pytest
from support.hub_server import BytesContent, HubServer, Repo, SparseContent

from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.records import SearchQuery
from desktop.hub.search import HubSearch


def gguf(number: int, **fields: object) -> Repo:
    return Repo(
        f"maker/Model-{number:03d}-GGUF",
        {"model-Q4_K_M.gguf": SparseContent(b"GGUF", 1000 + number), "README.md": BytesContent(b"# A model")},
        {
            "downloads": number,
            "likes": 1000 - number,
            "lastModified": f"2026-01-{1 + number % 28:02d}T00:00:00.000Z",
            "trendingScore": number % 7,
            "tags": ["gguf", "conversational", "license:mit", "base_model:org/Model", "base_model:quantized:org/Model"],
            "gguf": {
                "total": number * 10**9,
                "architecture": "llama",
                "context_length": 8192,
                "chat_template": "{{x}}",
            },
            **fields,
        },
    )


@pytest.fixture
def search(client: HubClient, tmp_path: Path) -> HubSearch:
    return HubSearch(client, tmp_path / "answers")


def test_a_summary_says_what_the_hub_says(hub: HubServer, search: HubSearch) -> None:
    hub.add(gguf(8))
    (repo,) = search.first_page(SearchQuery(text="model")).repos
    assert (repo.id, repo.author, repo.downloads, repo.likes) == ("maker/Model-008-GGUF", "maker", 8, 992)
    assert (repo.architecture, repo.parameters, repo.context_length) == ("llama", 8_000_000_000, 8192)
    assert (repo.formats, repo.license, repo.base_model) == (("GGUF",), "mit", "org/Model")
    assert (repo.gated, repo.base_relation, repo.file_names[0]) == ("", "quantized", "model-Q4_K_M.gguf")
    assert repo.updated == 1767916800.0


def test_pages_are_fetched_when_they_are_wanted(hub: HubServer, search: HubSearch) -> None:
    for number in range(70):
        hub.add(gguf(number))
    query = SearchQuery(sort="downloads")
    page = search.first_page(query)
    assert [repo.downloads for repo in page.repos] == list(range(69, 39, -1))
    assert len(hub.exchanges) == 1
    page = search.next_page(query, page)
    assert [repo.downloads for repo in page.repos] == list(range(39, 9, -1))
    page = search.next_page(query, page)
    assert len(page.repos) == 10 and not page.next
    assert search.next_page(query, page).repos == ()
    assert len(list(search.results(query, 45))) == 45
    assert len(hub.exchanges) == 5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (SearchQuery(sort="likes"), ["maker/Model-001-GGUF", "maker/Model-002-GGUF", "maker/Model-003-GGUF"]),
        (SearchQuery(text="002"), ["maker/Model-002-GGUF"]),
        (SearchQuery(parameters_min=1_500_000_000, parameters_max=2_500_000_000), ["maker/Model-002-GGUF"]),
        (SearchQuery(license="gemma"), ["maker/Model-003-GGUF"]),
        (SearchQuery(gated=True), ["maker/Model-001-GGUF"]),
        (SearchQuery(author="nobody"), []),
        (SearchQuery(task="vision"), ["maker/Model-002-GGUF"]),
        (SearchQuery(task="chat"), ["maker/Model-002-GGUF", "maker/Model-001-GGUF"]),
        (SearchQuery(formats=("AWQ",)), ["maker/Small-AWQ"]),
        (SearchQuery(formats=("AWQ", "MLX")), ["maker/Small-AWQ"]),
    ],
)
def test_filters(hub: HubServer, search: HubSearch, query: SearchQuery, expected: list[str]) -> None:
    hub.add(gguf(1, gated="manual"))
    hub.add(gguf(2, pipeline_tag="image-text-to-text"))
    hub.add(gguf(3, tags=["gguf", "license:gemma"]))
    hub.add(Repo("maker/Small-AWQ", {"model.safetensors": BytesContent(b"x")}, {"tags": ["safetensors", "awq"]}))
    found = [repo.id for repo in search.first_page(query).repos]
    assert found == expected if query.sort == "likes" else sorted(found) == sorted(expected)


def test_gguf_versions_of_another_format(hub: HubServer, search: HubSearch) -> None:
    hub.add(gguf(1))
    hub.add(gguf(2))
    hub.add(gguf(3, tags=["gguf", "base_model:other/Thing", "base_model:quantized:other/Thing"]))
    hub.add(Repo("maker/Model-AWQ", {}, {"tags": ["awq", "base_model:quantized:org/Model"]}))
    versions = search.first_page(SearchQuery(base_model="org/Model", sort="downloads"))
    assert [repo.id for repo in versions.repos] == ["maker/Model-002-GGUF", "maker/Model-001-GGUF"]


def test_files_have_sizes_and_checksums(hub: HubServer, search: HubSearch) -> None:
    repo = hub.add(gguf(8))
    found = search.files(repo.id)
    model, readme = found.files
    assert (model.path, model.size_bytes, model.sha256) == (
        "model-Q4_K_M.gguf", 1008, repo.files["model-Q4_K_M.gguf"].sha256,
    )  # fmt: skip
    assert (readme.size_bytes, readme.sha256) == (9, "")
    assert (found.commit, found.chat_template) == (repo.commit, "{{x}}")
    assert found.summary.total_bytes == 1017


def test_earlier_answers_serve_without_a_network_and_say_so(
    hub: HubServer, search: HubSearch, client: HubClient
) -> None:
    hub.add(gguf(8))
    query = SearchQuery(text="model")
    fresh, files = search.first_page(query), search.files("maker/Model-008-GGUF")
    hub.close()
    stale = search.first_page(query)
    assert stale.repos == fresh.repos
    assert stale.stale_since is not None and "cannot be reached" in stale.problem
    assert search.files("maker/Model-008-GGUF").files == files.files
    with pytest.raises(HubError) as caught:
        search.first_page(SearchQuery(text="never asked"))
    assert caught.value.kind == "no-network"


def test_a_refusal_is_not_papered_over(hub: HubServer, search: HubSearch) -> None:
    hub.add(gguf(8))
    search.files("maker/Model-008-GGUF")
    del hub.repos["maker/Model-008-GGUF"]
    with pytest.raises(HubError) as caught:
        search.files("maker/Model-008-GGUF")
    assert caught.value.kind == "repo-not-found"


def test_one_odd_result_does_not_hide_the_others(hub: HubServer, search: HubSearch) -> None:
    hub.add(gguf(1, downloads="many", trendingScore=0))
    hub.add(gguf(2))
    assert [repo.id for repo in search.first_page(SearchQuery()).repos] == ["maker/Model-002-GGUF"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "bad-json"}, "bad-answer"),
        ({"kind": "cut", "after": 20}, "interrupted"),
        ({"kind": "status", "status": 500}, "hub-down"),
        ({"kind": "status", "status": 404}, "repo-not-found"),
        ({"kind": "slow", "seconds": 3.0}, "timeout"),
    ],
)
def test_faults(
    hub: HubServer,
    client: HubClient,
    search: HubSearch,
    fault: dict[str, Any],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.add(gguf(1))
    hub.fail(**fault)
    with monkeypatch.context() as hasty, pytest.raises(HubError) as caught:
        if kind == "timeout":
            hasty.setattr(client, "_read_seconds", 0.5)
        search.first_page(SearchQuery())
    assert caught.value.kind == kind
    assert len(search.first_page(SearchQuery()).repos) == 1
