"""Opening model files of every kind and place, and the checks that read them whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo, SparseContent, online
from support.model_files import llamafile

from desktop.core.errors import FileFormatError, HeftError, NotFoundError, UsageError
from desktop.hub.client import HubClient
from desktop.services.inspection import Inspected, InspectionService
from desktop.services.inspection_remote import parse_hub_source
from desktop.services.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, paths: Paths) -> Iterator[HubServer]:
    with HubServer() as server, online(monkeypatch):
        yield server


class Closing(InspectionService):
    """Closes with the test what it opened."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.opened = ExitStack()

    def open(self, source: str, **options: Any) -> Inspected:
        inspected = super().open(source, **options)
        self.opened.callback(inspected.close)
        return inspected


def make_service(paths: Paths, tmp_path: Path, endpoint: str = "http://127.0.0.1:9") -> Closing:
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    client = HubClient(endpoint=endpoint, token=lambda: None, connect_seconds=2.0, read_seconds=0.5)
    return Closing(paths, library, client, architectures=lambda: ("llama",))


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> Iterator[InspectionService]:
    made = make_service(paths, tmp_path)
    with made.opened:
        yield made


def shards(folder: Path, count: int = 3) -> list[Path]:
    """A model split into files; the first has the metadata."""
    found = []
    for number in range(count):
        model = g.model(layers=0) if number == 0 else g.Model()
        model.metadata += [("split.no", g.U16, number), ("split.count", g.U16, count)]
        model.metadata += [("split.tensors.count", g.I32, count)]
        model.tensors = [(f"blk.{number}.ffn_up.weight", (256, 256), 12)]
        found.append(model.write(folder / f"small-{number + 1:05d}-of-{count:05d}.gguf"))
    return found


def test_the_starter_model_is_without_findings(service: InspectionService, starter_model: Path) -> None:
    inspected = service.open(str(starter_model))
    assert (inspected.kind, inspected.title) == ("gguf", starter_model.name)
    assert inspected.findings == () and inspected.requests == inspected.transferred_bytes == 0
    assert inspected.parameters == 134_515_008 and inspected.quantization == "Q4_1"
    assert inspected.size_bytes == starter_model.stat().st_size and len(inspected.tensors) == 272
    tokens = inspected.header.array("tokenizer.ggml.tokens")
    assert tokens is not None and tokens[1] == "<|im_start|>"


def test_names_of_the_library_and_the_starter(service: InspectionService, paths: Paths, starter_model: Path) -> None:
    g.model().write(paths.models / "Tiny-Q4_K_M.gguf")
    assert service.open("tiny-q4_k_m").title == "Tiny-Q4_K_M.gguf"
    assert service.open("starter").files[0].path == starter_model
    with pytest.raises(NotFoundError):
        service.open("nothing of that name")


@pytest.mark.parametrize("number", [0, 2])
def test_shards_are_opened_together(service: InspectionService, tmp_path: Path, number: int) -> None:
    paths = shards(tmp_path)
    inspected = service.open(str(paths[number]))
    assert [file.path for file in inspected.files] == paths
    assert [placed.file for placed in inspected.tensors] == [0, 1, 2]
    assert inspected.title == "small" and inspected.header.architecture == "llama"
    assert inspected.size_bytes == sum(path.stat().st_size for path in paths)
    assert not any("missing" in f.message and "files" in f.message for f in inspected.findings)


def test_a_missing_shard_is_a_finding(service: InspectionService, tmp_path: Path) -> None:
    paths = shards(tmp_path)
    paths[1].unlink()
    inspected = service.open(str(paths[0]))
    assert any("1 are missing: 2" in f.message for f in inspected.findings if f.severity == "error")


def test_a_file_that_breaks_off_is_opened_as_far_as_it_goes(service: InspectionService, tmp_path: Path) -> None:
    data, _ = g.model().header()
    path = tmp_path / "cut.gguf"
    path.write_bytes(data[:400])
    inspected = service.open(str(path))
    assert not inspected.header.complete and inspected.header.architecture == "llama"
    (finding,) = [f for f in inspected.findings if f.severity == "error"]
    assert finding.offset is not None and "download it again" in finding.action
    path.write_bytes(b"GGUF\x09\x00\x00\x00" + bytes(16))
    with pytest.raises(FileFormatError, match="version 9"):
        service.open(str(path))


def test_other_formats_are_summarised(service: InspectionService, tmp_path: Path) -> None:
    folder = tmp_path / "some-model"
    folder.mkdir()
    header = b'{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}'
    file = folder / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    inspected = service.open(str(file))
    assert inspected.kind == "safetensors" and inspected.summary is not None and inspected.files == ()
    assert inspected.size_bytes == file.stat().st_size and inspected.quantization == ""
    with pytest.raises(ValueError, match="no GGUF header"):
        _ = inspected.header
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    assert service.open(str(folder)).summary is not None
    (tmp_path / "letter.gguf").write_text("Dear Sir or Madam")
    assert service.open(str(tmp_path / "letter.gguf")).summary is not None


def test_a_folder_with_one_model_is_that_model(service: InspectionService, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    g.model().write(folder / "a-Q4_K_M.gguf")
    g.model(architecture="clip").write(folder / "mmproj-a.gguf")
    assert service.open(str(folder)).title == "a-Q4_K_M.gguf"
    g.model().write(folder / "a-Q8_0.gguf")
    several = service.open(str(folder))
    assert several.kind == "gguf-folder" and not several.files
    assert [(m.name, m.quantization, m.note[:9]) for m in several.models] == [
        ("a-Q4_K_M.gguf", "Q4_K_M", ""), ("a-Q8_0.gguf", "Q8_0", ""), ("mmproj-a.gguf", "", "Projector")
    ]  # fmt: skip
    assert service.open(several.models[1].source).title == "a-Q8_0.gguf"


def test_parts_that_have_to_be_joined(service: InspectionService, tmp_path: Path) -> None:
    path = g.model().write(tmp_path / "big.gguf.part1of2")
    inspected = service.open(str(path))
    assert any("cut into pieces" in f.message for f in inspected.findings)


def test_templates_are_checked(service: InspectionService, tmp_path: Path) -> None:
    harmful = g.model(tokenizer__chat_template="{{ messages.__class__ }}", tokenizer__chat_template__tool="{% for %}")
    inspected = service.open(str(harmful.write(tmp_path / "h.gguf")))
    about = [f.message for f in inspected.findings if f.about == "template"]
    assert any("reaches outside" in message for message in about)
    assert any(message.startswith("Template 'tool': ") for message in about)
    assert [f.severity for f in inspected.findings] == sorted(f.severity for f in inspected.findings)


def test_an_architecture_nobody_knows(service: InspectionService, tmp_path: Path, paths: Paths) -> None:
    path = g.model(architecture="newnet").write(tmp_path / "n.gguf")
    assert any("does not know the architecture 'newnet'" in f.message for f in service.open(str(path)).findings)

    def broken() -> tuple[str, ...]:
        raise HeftError("The engine does not start.")

    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    without_engine = Closing(paths, library, HubClient(), architectures=broken)
    with without_engine.opened:
        assert not any("does not know" in f.message for f in without_engine.open(str(path)).findings)


def test_what_cannot_be_read_says_so(
    service: InspectionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = g.model().write(tmp_path / "a.gguf")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("desktop.services.inspection_local.FileSource", refuse)
    with pytest.raises(HeftError) as caught:
        service.open(str(path))
    assert caught.value.kind == "not-readable" and "Permission denied" in caught.value.message


def test_opening_and_checking_can_be_cancelled(service: InspectionService, tmp_path: Path) -> None:
    path = shards(tmp_path)[0]
    with pytest.raises(HeftError) as caught:
        service.open(str(path), cancelled=lambda: True)
    assert caught.value.kind == "cancelled"


# -- the checks that read everything --------------------------------------------------------------


def weights(folder: Path, spoil: bool) -> Path:
    path = g.Model(
        [
            ("general.architecture", g.STRING, "llama"),
            ("tokenizer.chat_template", g.STRING, "{{ undefined_function() }}"),
        ],
        [("blk.0.a.weight", (1024, 16), 0), ("blk.0.b.weight", (1024, 16), 1)],
    ).write(folder / "w.gguf")
    with path.open("r+b") as file:
        head = path.stat().st_size - 1024 * 16 * 6
        if spoil:
            file.seek(head + 1024 * 16 * 4 + 100)
            file.write(np.array([np.nan], np.float16).tobytes())
    return path


@pytest.mark.engine
def test_nan_weights_and_a_template_that_fails(service: InspectionService, tmp_path: Path) -> None:
    path = weights(tmp_path, spoil=True)
    inspected = service.open(str(path))
    found = service.check(inspected)
    (nan,) = [f for f in found if "NaN" in f.message]
    assert nan.severity == "error" and nan.about == "tensor:blk.0.b.weight"
    assert nan.offset == path.stat().st_size - 1024 * 16 * 2 + 100
    assert any("undefined_function" in f.message for f in found if f.about == "template")


@pytest.mark.engine
def test_the_starter_model_passes_every_check(service: InspectionService, starter_model: Path) -> None:
    inspected = service.open(str(starter_model))
    steps: list[float] = []
    assert service.check(inspected, progress=lambda done, _: steps.append(done)) == ()
    assert steps == sorted(steps) and steps[-1] == pytest.approx(1.0)


@pytest.mark.engine
def test_content_that_differs_from_the_name_it_was_stored_under(service: InspectionService, tmp_path: Path) -> None:
    content = g.model().write(tmp_path / "m.gguf").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    blob = tmp_path / "blobs" / digest
    blob.parent.mkdir()
    blob.write_bytes(content)
    link = tmp_path / "snapshot.gguf"
    link.symlink_to(blob)
    inspected = service.open(str(link))
    assert inspected.files[0].sha256 == digest
    assert not any("SHA-256" in f.message for f in service.check(inspected))
    blob.write_bytes(content[:-1] + b"\x01")
    assert [f.severity for f in service.check(inspected) if "SHA-256" in f.message] == ["error"]
    with pytest.raises(HeftError) as caught:
        service.check(inspected, cancelled=lambda: True)
    assert caught.value.kind == "cancelled"


@pytest.mark.engine
def test_held_against_the_published_file_and_the_base_model(
    hub: HubServer, service: InspectionService, paths: Paths, tmp_path: Path
) -> None:
    mine = g.model(tokenizer__chat_template="{{ messages[0].content }}\nObey.").write(tmp_path / "m.gguf")
    published = g.model(tokenizer__chat_template="{{ messages[0].content }}").write(tmp_path / "hub" / "m.gguf")
    hub.add(Repo("a/b", {"m.gguf": BytesContent(published.read_bytes())}))
    online_service = make_service(paths, tmp_path, hub.endpoint)
    found = service.check(service.open(str(mine)), base=online_service.open("hf:a/b/m.gguf"))
    assert [f.severity for f in found if "SHA-256 differs" in f.message] == ["error"]
    assert any("differs from the base model's" in f.message for f in found if f.about == "template")
    same = service.check(service.open(str(published)), base=online_service.open("hf:a/b/m.gguf"))
    assert not any("differs" in f.message for f in same)


# -- on the Hub -----------------------------------------------------------------------------------


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
    hub.add(Repo("a/c", content))
    partial = service.open(f"hf:a/c/Q4/{parts[0].name}")
    assert any("1 are missing: 3" in f.message for f in partial.findings)


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
