"""``heft config``: lists, shows, sets and resets; what is not taken is refused with what is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from desktop.cli import main
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``heft config ARGUMENTS``; exit code and standard output."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)

    def call(*arguments: str) -> tuple[int, str]:
        code = main(["config", *arguments])
        return code, capsys.readouterr().out

    return call


def _document(run: Run, *arguments: str) -> list[dict[str, Any]]:
    code, out = run(*arguments, "--json")
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)["settings"]
    return found


def test_lists_every_option_with_default_and_page(run: Run) -> None:
    listed = _document(run)
    assert [row["key"] for row in listed] == [option.key for option in options.OPTIONS]
    assert all({"key", "value", "default", "page"} <= row.keys() for row in listed)
    assert all(row["value"] == row["default"] for row in listed)
    code, out = run()
    assert code == 0 and "theme" in out and "General" in out and "changed" not in out


def test_sets_shows_and_resets(run: Run, paths: Paths) -> None:
    assert run("ram_reserve_bytes", "2,5 GB") == (0, "2500000000\n")
    assert SettingsStore(paths.settings).get(options.RAM_RESERVE) == 2_500_000_000
    (row,) = _document(run, "ram_reserve_bytes")
    assert (row["value"], row["default"], row["page"]) == (2_500_000_000, 1_000_000_000, "engine")
    assert "changed" in run()[1]
    assert run("--reset", "ram_reserve_bytes") == (0, "1000000000\n")
    assert SettingsStore(paths.settings).load().is_default(options.RAM_RESERVE)


def test_nothing_is_a_value_too(run: Run, paths: Paths) -> None:
    run("download_folder", "/models")
    assert run("download_folder") == (0, "/models\n")
    assert run("download_folder", "") == (0, "-\n")
    assert SettingsStore(paths.settings).get(options.DOWNLOAD_FOLDER) == ""


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("theme", "purple"), "It takes system, light or dark."),
        (("threads", "-1"), "It takes a whole number from 0 to 1,024 (0: auto)."),
        (("hub_endpoint", "hub.example"), "It takes an address such as https://HOST (https, http), or nothing: "
         "the Hugging Face Hub."),
        (("colour",), "See: heft config"),
        (("hub_endpont", "x"), "Did you mean 'hub_endpoint'?"),
        (("--reset", "theme", "light"), "See: heft config --help"),
    ],
)  # fmt: skip
def test_bad_usage_says_what_is_accepted(run: Run, paths: Paths, arguments: tuple[str, ...], hint: str) -> None:
    code, out = run(*arguments, "--json")
    error = json.loads(out)["error"]
    assert (code, error["kind"], error["hint"]) == (2, "usage", hint)
    assert not paths.settings.exists()


def test_a_password_is_not_shown(run: Run) -> None:
    run("proxy", "http://me:secret@proxy.example:3128")
    assert "secret" not in run()[1] + run("proxy")[1] + json.dumps(_document(run))
    assert run("proxy")[1] == "http://me:…@proxy.example:3128\n"


def test_what_the_environment_overrules_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    (row,) = _document(run, "hub_endpoint")
    assert row["overruled_by"] == "HF_ENDPOINT"
    assert "HF_ENDPOINT goes before it" in run()[1]


def test_remembered_things_are_no_settings(run: Run) -> None:
    assert run("window", "--json")[0] == 2
