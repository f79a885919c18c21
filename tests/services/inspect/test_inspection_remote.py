"""Opening files and repos on the Hub, as a person names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo, SparseContent
from support.inspecting import make_service, shards
from support.model_files import llamafile

from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.services.inspect.remote import parse_hub_source
from desktop.store.paths import Paths


def test_sources_on_the_hub_are_parsed() -> None:
    assert str(parse_hub_source("hf:a/b/c.gguf")) == "hf:a/b/c.gguf"
    parsed = parse_hub_source("https://hub.example/a/b/resolve/refs%2Fpr%2F1/UD/c-00001-of-00002.gguf")
    assert (parsed.repo, parsed.file, parsed.revision) == ("a/b", "UD/c-00001-of-00002.gguf", "refs/pr/1")
    for wrong in ("hf:", "hf:a", "hf:a/b/c@", "hf:a/b/../c", "https://hub.example/datasets/a/b"):
        with pytest.raises(UsageError):
            parse_hub_source(wrong)


def test_a_file_on_the_hub(hub: HubServer, paths: Paths, tmp_path: Path, vocab_dir: Path) -> None:
    head = (vocab_dir / "ggml-vocab-starcoder.gguf").read_bytes()
    hub.add(Repo("a/b", {"m.gguf": SparseContent(head, 4_000_000_000)}))
    service = make_service(paths, tmp_path, hub.endpoint)
    first = service.open("hf:a/b/m.gguf")
    assert (first.title, first.size_bytes, first.is_remote) == ("m.gguf", 4_000_000_000, True)
    assert 0 < first.requests <= 3 and first.transferred_bytes <= len(head) + (512 << 10)
    assert len(first.files[0].sha256) == 64
    assert (second := service.open("hf:a/b/m.gguf")).requests == 1 and second.transferred_bytes == 0


def test_shards_on_the_hub(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    parts = shards(tmp_path / "parts")
    content = {f"Q4/{path.name}": BytesContent(path.read_bytes()) for path in parts}
    hub.add(Repo("a/b", dict(content)))
    service = make_service(paths, tmp_path, hub.endpoint)
    whole = service.open(f"hf:a/b/Q4/{parts[1].name}")
    assert [file.name for file in whole.files] == [path.name for path in parts] and whole.title == "small"
    del content[f"Q4/{parts[2].name}"]
    hub.add(Repo("a/c", dict(content)))
    partial = service.open(f"hf:a/c/Q4/{parts[0].name}")
    assert any("1 is missing: 3" in f.message for f in partial.findings)


def test_a_piece_on_the_hub_says_so(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    data = g.model().write(tmp_path / "m").read_bytes()
    hub.add(
        Repo("a/b", {f"m.gguf-split-{n}": BytesContent(part) for n, part in (("a", data[:9000]), ("b", data[9000:]))})
    )
    inspected = make_service(paths, tmp_path, hub.endpoint).open("hf:a/b/m.gguf-split-a")
    assert "A piece of a file that was cut." in [finding.message for finding in inspected.findings]
    assert not any("beyond the end" in finding.message for finding in inspected.findings)
    assert inspected.fault is None  # Heft joins them when it downloads the variant


def test_other_formats_on_the_hub(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}'
    tensors = len(header).to_bytes(8, "little") + header + bytes(8)
    hub.add(Repo("a/b", {"model.safetensors": SparseContent(tensors, 3_000_000_000), "x.bin": BytesContent(b"ab" * 9)}))
    service = make_service(paths, tmp_path, hub.endpoint)
    inspected = service.open("hf:a/b/model.safetensors")
    assert inspected.kind == "safetensors" and inspected.transferred_bytes < 1 << 20
    assert service.open("hf:a/b/x.bin").summary is not None


def test_a_private_file_says_what_is_missing(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    model = BytesContent(g.model().header()[0])
    hub.add(Repo("a/b", {"m.gguf": model}, {"gated": "manual"}))
    service = make_service(paths, tmp_path, hub.endpoint)
    with pytest.raises(HeftError) as caught:
        service.open("hf:a/b/m.gguf")
    assert caught.value.kind.startswith("gated") and caught.value.hint


def test_a_repo_of_gguf_files_is_a_list_to_choose_from(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    parts = shards(tmp_path / "parts")
    files = {f"Q8_0/{path.name}": BytesContent(path.read_bytes()) for path in parts}
    small = BytesContent(g.model().write(tmp_path / "small.gguf").read_bytes())
    files |= {"m-Q4_K_M.gguf": small, "mmproj-m-F16.gguf": small, "README.md": BytesContent(b"# Models")}
    fields = {"tags": ["gguf", "license:mit", "base_model:quantized:o/base"], "gated": "manual"}
    hub.add(Repo("a/b", dict(files), fields))
    service = make_service(paths, tmp_path, hub.endpoint)
    for source in ("hf:a/b", f"{hub.endpoint}/a/b/tree/main"):
        repo = service.open(source)
        assert (repo.kind, repo.title, repo.source, repo.is_remote) == ("gguf-folder", "a/b", "hf:a/b", True)
        assert [(m.source, m.quantization, m.files) for m in repo.models] == [
            ("hf:a/b/Q8_0/small-00001-of-00003.gguf", "Q8_0", 3),
            ("hf:a/b/m-Q4_K_M.gguf", "Q4_K_M", 1),
            ("hf:a/b/mmproj-m-F16.gguf", "F16", 1),
        ]
        assert repo.summary is not None and repo.summary.base_model == "o/base"
        assert any("licence" in fact.value for fact in repo.summary.facts)
        assert any("no token" in finding.message for finding in repo.findings)  # the card may not be read
    with pytest.raises(HeftError, match="no token"):
        service.open("hf:a/b/Q8_0")
    hub.repos["a/b"].fields["gated"] = False
    folder = service.open("hf:a/b/Q8_0")
    assert folder.source == "hf:a/b/Q8_0/small-00001-of-00003.gguf" and len(folder.files) == 3


def test_a_repo_of_another_format(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    config = b'{"model_type":"llama","num_hidden_layers":4,"quantization_config":{"quant_method":"awq","bits":4}}'
    card = b"---\nbase_model: o/base\n---\n" + b"x" * 3_000_000
    weights = SparseContent(b"\x02\0\0\0\0\0\0\0{}", 2_000_000_000)
    names = {"config.json": BytesContent(config), "README.md": BytesContent(card), "model.safetensors": weights}
    hub.add(Repo("a/b", dict(names)))
    repo = make_service(paths, tmp_path, hub.endpoint).open("hf:a/b")
    assert repo.kind == "awq" and repo.summary is not None
    assert repo.summary.base_model == "o/base" and repo.summary.advice and repo.summary.runs_on
    assert [(m.name, m.format) for m in repo.models] == [("model.safetensors", "safetensors")]
    assert repo.requests == len(hub.exchanges) and repo.transferred_bytes < 200_000
    assert hub.sent_bytes("model.safetensors") == 0


def test_a_repo_with_one_model_is_that_model(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    hub.add(Repo("a/b", {"m.gguf": BytesContent(g.model().write(tmp_path / "m.gguf").read_bytes())}))
    found = make_service(paths, tmp_path, hub.endpoint).open("hf:a/b")
    assert (found.title, found.source, found.requests) == ("m.gguf", "hf:a/b/m.gguf", len(hub.exchanges))


def test_a_variant_by_its_label(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    model = BytesContent(g.model().write(tmp_path / "m.gguf").read_bytes())
    hub.add(Repo("a/b", dict.fromkeys(("m-Q4_K_M.gguf", "m-F16.gguf", "mmproj-m-F16.gguf"), model)))
    service = make_service(paths, tmp_path, hub.endpoint)
    assert service.open("hf:a/b:q4_k_m").source == "hf:a/b/m-Q4_K_M.gguf"
    assert service.open("hf:a/b:F16").source == "hf:a/b/m-F16.gguf"
    with pytest.raises(NotFoundError) as caught:
        service.open("hf:a/b:Q9")
    assert "no variant Q9" in caught.value.message and "Q4_K_M" in caught.value.hint


def test_a_misspelt_file_on_the_hub(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    hub.add(Repo("a/b", {f"Q/Model-{label}.gguf": BytesContent(b"GGUF") for label in ("Q4_K_M", "Q8_0")}))
    service = make_service(paths, tmp_path, hub.endpoint)
    for wrong, hint in (
        ("model-q4_k_m.gguf", "Did you mean Q/Model-Q4_K_M.gguf"),
        ("other", "See what is there: hf:a/b"),
    ):
        with pytest.raises(HeftError) as caught:
            service.open(f"hf:a/b/{wrong}")
        assert caught.value.kind == "file-not-found" and caught.value.hint.startswith(hint)


def test_a_list_of_yesterday_serves_without_the_hub(hub: HubServer, paths: Paths, tmp_path: Path) -> None:
    hub.add(Repo("a/b", {f"{label}.gguf": BytesContent(b"GGUF") for label in ("Q4_K_M", "Q8_0")}))
    service = make_service(paths, tmp_path, hub.endpoint)
    first = service.open("hf:a/b")
    hub.fail("status", "/api/models/a/b", status=503, times=9)
    again = service.open("hf:a/b")
    assert again.models == first.models and again.requests == 0
    assert any("This is the list of 2" in finding.message for finding in again.findings)


def test_a_llamafile_on_the_hub(hub: HubServer, paths: Paths, tmp_path: Path, vocab_dir: Path) -> None:
    gguf = (vocab_dir / "ggml-vocab-starcoder.gguf").read_bytes()
    local = tmp_path / "m.llamafile"
    llamafile(local, gguf, stub=b"MZqFpD='\n" + b"\x90" * 30_000_000)
    hub.add(Repo("a/b", {"m.llamafile.bin": BytesContent(local.read_bytes())}))
    service = make_service(paths, tmp_path, hub.endpoint)
    with service.opened:
        found, here = service.open("hf:a/b/m.llamafile.bin"), service.open(str(local))
        assert found.kind == here.kind == "llamafile" and found.header.metadata.keys() == here.header.metadata.keys()
        assert found.files[0].base == here.files[0].base > 30_000_000
        tokens = found.header.array("tokenizer.ggml.tokens")
        assert tokens is not None and len(tokens) == 49_152 and tokens[0]
        assert found.requests == len(hub.exchanges) <= 8
        assert found.transferred_bytes <= len(gguf) + (768 << 10)


def test_a_broken_header_on_the_hub_is_opened_as_far_as_it_goes(
    hub: HubServer, paths: Paths, tmp_path: Path, vocab_dir: Path
) -> None:
    cut = (vocab_dir / "ggml-vocab-starcoder.gguf").read_bytes()[:700_000]
    (tmp_path / "m.gguf").write_bytes(cut)
    hub.add(Repo("a/b", {"m.gguf": BytesContent(cut), "letter.gguf": BytesContent(b"Dear Sir or Madam")}))
    service = make_service(paths, tmp_path, hub.endpoint)
    with service.opened:
        found, here = service.open("hf:a/b/m.gguf"), service.open(str(tmp_path / "m.gguf"))
        assert found.findings == here.findings and found.findings[0].severity == "error"
        assert found.header.metadata.keys() == here.header.metadata.keys()
    assert service.open("hf:a/b/letter.gguf").kind == "text"
