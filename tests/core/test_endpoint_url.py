"""Addresses of other servers in whatever form they are pasted, and models of theirs by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.endpoint_model import EndpointModel, endpoint_model
from desktop.core.endpoint_url import in_the_clear, is_own_network, name_of, normal_url, ways_to_ask
from desktop.core.errors import UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://studio.local:8080/v1", "http://studio.local:8080/v1"),
        ("http://studio.local:8080", "http://studio.local:8080/v1"),
        ("http://studio.local:8080/", "http://studio.local:8080/v1"),
        ("studio.local:8080//", "http://studio.local:8080/v1"),
        ("  'http://studio.local:8080/v1/'  ", "http://studio.local:8080/v1"),
        ("http://studio.local:8080/v1/chat/completions", "http://studio.local:8080/v1"),
        ("http://studio.local:8080/v1//chat/completions/", "http://studio.local:8080/v1"),
        ("http://studio.local:8080/v1/models", "http://studio.local:8080/v1"),
        ("http://studio.local:8080/v1/models/some%2Fmodel", "http://studio.local:8080/v1"),
        ("https://openrouter.ai/api/v1/", "https://openrouter.ai/api/v1"),
        ("https://api.example.com/openai/v1beta", "https://api.example.com/openai/v1beta"),
        ("api.example.com", "https://api.example.com/v1"),
        ("192.168.1.7:1234", "http://192.168.1.7:1234/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
        ("HTTPS://API.Example.COM:443/v1", "https://api.example.com/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ("gpu-box:8000", "http://gpu-box:8000/v1"),
    ],
)
def test_one_address_in_every_form(written: str, meant: str) -> None:
    assert normal_url(written) == meant
    assert normal_url(meant) == meant


@pytest.mark.parametrize(
    "written",
    ["", "   ", "http://", "ftp://studio.local", "http://studio.local:0", "http://studio.local:99999", "two words",
     "http://me:secret@studio.local/v1", "https://api.example.com/v1?key=secret", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_no_secret_is_repeated(written: str) -> None:
    with pytest.raises(UsageError) as refused:
        normal_url(written)
    assert refused.value.hint
    assert "secret" not in refused.value.message + refused.value.hint


def test_what_else_may_have_been_meant() -> None:
    assert ways_to_ask("http://studio/v1") == ("http://studio/v1",)
    assert ways_to_ask("http://studio/proxy") == ("http://studio/proxy", "http://studio/proxy/v1", "http://studio/v1")
    assert ways_to_ask("https://example.com/v1beta/openai") == (
        "https://example.com/v1beta/openai", "https://example.com/v1beta/openai/v1", "https://example.com/v1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("10.1.2.3", True),
        ("172.16.0.1", True), ("172.32.0.1", False), ("192.168.178.20", True), ("169.254.1.1", True),
        ("100.100.1.2", True), ("fd00::1", True), ("fe80::1%eth0", True), ("studio.local", True), ("studio", True),
        ("box.lan", True), ("box.home.arpa", True), ("::ffff:192.168.1.1", True), ("::ffff:8.8.8.8", False),
        ("8.8.8.8", False), ("2001:db8::1", False), ("api.openai.com", False), ("local.example.com", False),
        ("192.168.1.1.example.com", False), ("studio.local.", True),
    ],
)  # fmt: skip
def test_which_hosts_are_in_ones_own_network(host: str, own: bool) -> None:
    assert is_own_network(host) is own


def test_only_http_beyond_it_is_in_the_clear() -> None:
    assert in_the_clear("http://api.example.com/v1")
    assert not in_the_clear("https://api.example.com/v1")
    assert not in_the_clear("http://192.168.1.7:8080/v1")


def test_what_a_server_is_called() -> None:
    urls = ("http://studio.local:8080/v1", "https://api.openai.com/v1", "http://10.0.0.5:80/v1", "http://localhost/v1")
    assert [name_of(url) for url in urls] == ["studio", "openai", "10.0.0.5", ""]


def test_a_model_of_another_server_is_named_by_server_and_model() -> None:
    model = EndpointModel("studio", "org/some-model")
    assert model.identity == "endpoint:studio/org/some-model"
    assert endpoint_model(model.identity) == model
    assert model.title == "some-model" and EndpointModel("studio", "/models/a.gguf").title == "a"
    for other in ("endpoint:studio", "endpoint:studio/", "endpoint:/x", "hf:org/repo/file.gguf", "/models/a.gguf", ""):
        assert endpoint_model(other) is None


def test_its_plan_names_it_where_another_names_a_file(tmp_path: Path) -> None:
    ref = ModelRef("some-model", "endpoint:studio/org/some-model")
    assert ref.path is None and ref.elsewhere is not None
    assert LoadPlan(ref, LoadSettings(), 0).where == "endpoint:studio/org/some-model"
    file = tmp_path / "a.gguf"
    here = local_ref(file)
    assert here.elsewhere is None and LoadPlan(here, LoadSettings(), 1).where == str(file)
