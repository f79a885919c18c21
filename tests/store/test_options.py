"""Options are declared whole: words, page, a default that they take, and a way to type each value."""

from __future__ import annotations

import re
from typing import Any

import pytest

from desktop.core.settings_pages import PAGES
from desktop.store import options
from desktop.store.options import ALL, OPTIONS, Option, matching

EXAMPLES: dict[str, tuple[str, Any]] = {
    "theme": (" Dark ", "dark"),
    "language": (" ZH_cn", "zh_CN"),
    "load_at_start": ("off", False),
    "library_folders": ("/a:/b c:/a", ("/a", "/b c")),
    "use_huggingface": ("no", False),
    "use_lmstudio": ("0", False),
    "use_ollama": ("false", False),
    "download_folder": ("/models", "/models"),
    "threads": ("1.024", 1024),
    "ram_reserve_bytes": ("1,5 GB", 1_500_000_000),
    "gpu_reserve_bytes": ("512MiB", 512 << 20),
    "reference_cache_bytes": ("20 GB", 20_000_000_000),
    "idle_minutes": (" 15", "15"),
    "serve_port": ("9.000", 9000),
    "serve_at_start": ("on", True),
    "serve_idle_minutes": ("Never", "never"),
    "serve_request_megabytes": ("128", 128),
    "serve_web_page": ("yes", True),
    "hub_endpoint": ("https://mirror.example/", "https://mirror.example"),
    "hub_offline": ("on", True),
    "proxy": ("http://me:secret@proxy.example:3128", "http://me:secret@proxy.example:3128"),
}


def test_the_bound_of_references_says_what_it_bounds() -> None:
    assert options.REFERENCE_CACHE.label.startswith("Disk space for measurements")


def test_keys_are_unique_and_name_what_the_file_holds() -> None:
    keys = [option.key for option in ALL]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z][a-z_]*", key) for key in keys)
    assert {"window", "last_model", "presets", "recent_inspected"} <= set(keys)
    assert "last_page" not in keys


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_each_option_says_what_it_is_and_takes_its_own_default(option: Option[Any]) -> None:
    assert option.page in PAGES and option.label and option.explanation and option.kind.accepts
    assert not option.label.endswith(".") and not option.explanation.endswith(".")
    assert option.kind.checked(option.default) == option.default
    text, value = EXAMPLES[option.key]
    assert option.kind.parsed(text) == value != option.default
    assert option.kind.parsed(option.kind.written(value)) == value
    with pytest.raises(ValueError):
        option.kind.parsed("\0no such value")


@pytest.mark.parametrize(
    ("words", "found"),
    [("dark theme", {"theme"}), ("gpu", {"gpu_reserve_bytes"}), ("mirror", {"hub_endpoint"}), ("nothing of it", set())],
)
def test_a_search_finds_options_by_any_of_their_words(words: str, found: set[str]) -> None:
    assert {option.key for option in matching(words)} == found


def test_a_variable_of_the_environment_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert options.HUB_ENDPOINT.overruled_by == ""
    monkeypatch.setenv("HF_ENDPOINT", "https://other.example")
    assert options.HUB_ENDPOINT.overruled_by == "HF_ENDPOINT"
    assert options.THEME.overruled_by == ""
