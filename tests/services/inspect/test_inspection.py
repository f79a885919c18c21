"""Opening model files of every kind and place, and the checks that read them whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import gguf_bytes as g
from support.hub_server import BytesContent, HubServer, Repo
from support.inspecting import Closing, make_service, shards

from desktop.core.cancelled import CancelledError
from desktop.core.errors import FileFormatError, HeftError, NotFoundError
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import InspectionService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> Iterator[InspectionService]:
    made = make_service(paths, tmp_path)
    with made.opened:
        yield made


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
    assert any("1 is missing: 2" in f.message for f in inspected.findings if f.severity == "error")


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
    assert inspected.findings[0].message == "A piece of a file that was cut; 1 of 2 pieces is missing."


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


def test_names_as_people_write_them(
    service: InspectionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = g.model().write(tmp_path / "my models" / "Smol Q4_1.gguf")
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in (f'"{path}"', f" {path} ", path.as_uri(), "~/my models/Smol Q4_1.gguf", "~/my models"):
        assert service.open(text).title == path.name


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{}/Smol Q4-1.gguf", "There is no file at {}/Smol Q4-1.gguf", "Did you mean {}/Smol Q4_1.gguf?"),
        ("{}/nowhere/x.gguf", "There is no file at", "There is no folder {}/nowhere either"),
        ("{}/dangling.gguf", "is a link to /nowhere/x, which is not there", ""),
        ("endpoint:studio/o/r", "endpoint:studio/o/r is a model of another server: there is no file", "in the chat"),
        ("o/r/x.gguf", "There is no file at o/r/x.gguf", "If it is on the Hub, write hf:o/r/x.gguf"),
        ("o/r", "There is no file at o/r", "If it is on the Hub, write hf:o/r"),
        ("C:\\models\\x.gguf", "There is no file at C:\\models\\x.gguf", "how Windows names files"),
        ("startr", "There is no model 'startr'", "Did you mean 'starter'?"),
        ("  ", "Nothing was named", "starter"),
        ("{}/pipe", "is no file, but a device or a pipe", "Name a file"),
    ],
)
def test_what_is_not_there_says_where_to_look(
    service: InspectionService, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    g.model().write(tmp_path / "Smol Q4_1.gguf")
    (tmp_path / "dangling.gguf").symlink_to("/nowhere/x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HeftError) as caught:
        service.open(text.format(tmp_path))
    assert message.format(tmp_path) in caught.value.message and hint.format(tmp_path) in caught.value.hint


def test_what_cannot_be_read_says_so(
    service: InspectionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = g.model().write(tmp_path / "a.gguf")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("desktop.services.inspect.local.FileSource", refuse)
    with pytest.raises(HeftError) as caught:
        service.open(str(path))
    assert caught.value.kind == "not-readable" and "Permission denied" in caught.value.message


def test_opening_and_checking_can_be_cancelled(service: InspectionService, tmp_path: Path) -> None:
    path = shards(tmp_path)[0]
    with pytest.raises(HeftError) as caught:
        service.open(str(path), cancelled=lambda: True)
    assert isinstance(caught.value, CancelledError)


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
    (failed,) = [f for f in found if f.about == "template" and "undefined_function" in f.message]
    assert "Chat uses ChatML instead" in failed.action


@pytest.mark.engine
def test_the_starter_model_passes_every_check(service: InspectionService, starter_model: Path) -> None:
    inspected = service.open(str(starter_model))
    steps: list[float] = []
    assert service.check(inspected, progress=lambda step: steps.append(step.fraction)) == ()
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
    assert isinstance(caught.value, CancelledError)


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
