"""What an option says is what happens: each is read when it is needed, so that a change counts at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo
from support.proxy_server import HERE, ProxyServer, resolve_here
from support.published import profile

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import local_ref
from desktop.core.pools import pools_of
from desktop.hub.errors import HubError
from desktop.hub.search import HubSearch
from desktop.services.container import Container
from desktop.services.models.library import LibraryService
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


@pytest.fixture
def made(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with Container(paths) as container:
        yield container


@pytest.fixture
def settings(made: Container) -> SettingsStore:
    return made.settings


# -- memory kept free, threads -------------------------------------------------------------------


def test_memory_kept_free_counts_in_every_plan(settings: SettingsStore, made: Container) -> None:
    machines = made.machine
    own = machines.now(profile("rtx-4060-8gb"))
    before = [pool.reserve_bytes for pool in pools_of(own)]
    settings.set(options.RAM_RESERVE, 3_000_000_000)
    settings.set(options.GPU_RESERVE, 2_000_000_000)
    own = machines.now(own)
    after = pools_of(own)
    assert (before, [pool.reserve_bytes for pool in after]) == ([10**9, 6 * 10**8], [3 * 10**9, 2 * 10**9])
    assert after[1].free_bytes == (own.gpus[0].free_bytes or 0) - 2_000_000_000
    assert msgspec.to_builtins(own)["reserves"] == {"ram_bytes": 3_000_000_000, "gpu_bytes": 2_000_000_000}


@pytest.mark.engine
def test_a_load_that_says_nothing_takes_the_threads_of_the_settings(
    settings: SettingsStore, made: Container, starter_model: Path
) -> None:
    settings.set(options.THREADS, 3)
    ref = local_ref(starter_model)
    assert made.planning.for_load(ref).threads == 3
    assert made.planning.for_load(ref, LoadSettings(threads=7)).threads == 7
    settings.set(options.RAM_RESERVE, 2_000_000_000)
    fit = made.planning.for_load(ref).fit
    assert fit is not None and fit.pools[0].reserve_bytes == 2_000_000_000
    made.planning.remember(ref, LoadSettings(threads=5))
    assert made.planning.for_load(ref).threads == 5


# -- where models are ----------------------------------------------------------------------------


def test_only_the_stores_that_are_used_and_the_folder_of_downloads_are_looked_into(
    settings: SettingsStore, paths: Paths, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    g.model(layers=1).write(home / ".lmstudio" / "models" / "me" / "one" / "one-Q4_K_M.gguf")
    g.model(layers=2).write(tmp_path / "down" / "two-Q4_K_M.gguf")
    library = LibraryService(paths, settings, environ={}, home=home)

    def names() -> set[str]:
        return {model.path.name for model in library.scan() if model.source != "starter"}

    assert names() == {"one-Q4_K_M.gguf"}
    settings.set(options.USE_LMSTUDIO, False)
    assert names() == set()
    settings.set(options.DOWNLOAD_FOLDER, str(tmp_path / "down"))
    assert names() == {"two-Q4_K_M.gguf"}


def test_a_store_that_is_not_used_holds_no_copy(settings: SettingsStore, made: Container) -> None:
    copies = made.copies
    assert copies._used("ollama")
    settings.set(options.USE_OLLAMA, False)
    assert not copies._used("ollama") and copies._used("lmstudio")


# -- the Hub -------------------------------------------------------------------------------------


@pytest.fixture
def served(hub: HubServer, settings: SettingsStore, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    hub.add(Repo("me/model", {"a.gguf": BytesContent(b"x")}))
    settings.set(options.HUB_ENDPOINT, hub.endpoint)
    return hub


def test_another_address_is_asked_at_once(
    served: HubServer, settings: SettingsStore, made: Container, tmp_path: Path
) -> None:
    client = made.hub
    search = HubSearch(client, tmp_path / "answers")
    assert search.files("me/model").files and client.endpoint == served.endpoint
    with HubServer([Repo("me/model", {"b.gguf": BytesContent(b"y")})]) as mirror:
        settings.set(options.HUB_ENDPOINT, mirror.endpoint)
        assert [file.path for file in search.files("me/model").files] == ["b.gguf"]


def test_the_environment_goes_before(settings: SettingsStore, made: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.set(options.HUB_ENDPOINT, "https://mirror.example")
    assert made.hub_endpoint() == "https://mirror.example"
    monkeypatch.setenv("HF_ENDPOINT", "https://other.example")
    assert made.hub_endpoint() == ""


def test_offline_asks_nobody_and_says_what_to_do(
    served: HubServer, settings: SettingsStore, made: Container, tmp_path: Path
) -> None:
    search = HubSearch(made.hub, tmp_path / "answers")
    settings.set(options.HUB_OFFLINE, True)
    with pytest.raises(HubError) as caught:
        search.files("me/model")
    assert (caught.value.kind, caught.value.settings_page) == ("offline-mode", "hub")
    assert "heft config hub_offline off" in caught.value.hint and served.exchanges == []
    settings.set(options.HUB_OFFLINE, False)
    assert search.files("me/model").files


def test_requests_go_through_the_proxy_with_its_password(
    served: HubServer, settings: SettingsStore, made: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_here(monkeypatch)
    endpoint = f"http://{HERE}:{urlsplit(served.endpoint).port}"
    settings.set(options.HUB_ENDPOINT, endpoint)
    search = HubSearch(made.hub, tmp_path / "answers")
    with ProxyServer(wants_password=True) as proxy:
        settings.set(options.PROXY, f"http://{proxy.address}")
        with pytest.raises(HubError) as caught:
            search.files("me/model")
        assert (caught.value.kind, caught.value.settings_page) == ("proxy", "network")
        settings.set(options.PROXY, f"http://me:secret@{proxy.address}")
        assert search.files("me/model").files
        asked, password = proxy.asked[-1]
        assert asked.startswith(f"{endpoint}/api/models/me/model") and password == "Basic bWU6c2VjcmV0"
        settings.reset(options.PROXY)
        count = len(proxy.asked)
        assert search.files("me/model").files and len(proxy.asked) == count
        settings.set(options.PROXY, f"http://me:secret@{proxy.address}")
    with pytest.raises(HubError) as caught:  # it is gone
        HubSearch(made.hub, tmp_path / "none").files("me/other")
    assert caught.value.kind == "proxy" and "secret" not in str(caught.value.__dict__)
