"""Files of every other format: recognised by their bytes, whatever their name, and broken ones with a reason."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support import gguf_bytes
from support import model_files as m
from support.recognised import facts, read

from desktop.core.formats import recognise
from desktop.core.gguf import BytesSource, SubSource, read_header
from desktop.store.format_catalog import format_catalog
from desktop.store.gguf_files import FileSource


def numpy_bytes(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 4920739232\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in &middot; Hub</title></head></html>"

KINDS = {
    "safetensors": m.small_safetensors(),
    "ggml": m.old_ggml(b"lmgg", None, m.LLAMA_7B),
    "ggmf": m.old_ggml(b"fmgg", 1, m.LLAMA_7B),
    "ggjt": m.old_ggml(b"tjgg", 3, m.LLAMA_7B),
    "ggla": m.old_ggml(b"algg", 1, (16, 32)),
    "imatrix": m.old_imatrix(),
    "pickle": m.harmless_pickles()[2],
    "pytorch": m.torch_zip(),
    "onnx": m.onnx(),
    "tensorrt": b"ftrt\x61\0\0\0" + bytes(100),
    "savedmodel": m.saved_model(),
    "keras": m.keras_zip(),
    "keras-hdf5": m.hdf5("keras"),
    "hdf5": m.hdf5("plain"),
    "tflite": b"\x1c\0\0\0TFL3" + bytes(100),
    "numpy": numpy_bytes([1.0, 2.0]),
    "lfs-pointer": POINTER,
    "html": PAGE,
    "empty": b"",
    "archive": m.zipped({"a.txt": b"hello"}),
    "program": b"\x7fELF\x02\x01\x01" + bytes(100),
    "image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "text": "Das ist ein Text, größer als nötig.\n".encode(),
    "unknown": b"\xfe\xdc\xba\x98 not a model",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.gguf", "x", "model.safetensors"])
def test_bytes_tell_the_format_whatever_the_name(kind: str, name: str) -> None:
    summary = read(KINDS[kind], name)
    assert summary.id == kind
    assert summary.title and summary.what and summary.advice


def test_a_gguf_file_is_left_to_its_own_parser() -> None:
    for version in (1, 2, 3):
        assert recognise(BytesSource(gguf_bytes.model().header(version=version)[0]), "x.bin", format_catalog()) is None


# -- llamafile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stub", [b"MZqFpD='\n" + b"\x90" * 500, b"\x7fELF" + bytes(300), b"#!/bin/sh\nexit\n"])
def test_the_gguf_inside_a_llamafile_is_found_and_read(tmp_path: Path, starter_model: Path, stub: bytes) -> None:
    file = tmp_path / "model.llamafile"
    m.llamafile(file, starter_model.read_bytes()[: 4 << 20], stub)
    with FileSource(file) as source:
        summary = recognise(source, file.name, format_catalog())
        assert summary is not None
        assert summary.id == "llamafile"
        assert summary.gguf_offset is not None
        inside = read_header(SubSource(source, summary.gguf_offset, summary.gguf_bytes))
    with FileSource(starter_model) as source:
        alone = read_header(source)
    assert inside.tensors == alone.tensors
    assert inside.metadata.keys() == alone.metadata.keys()
    assert inside.file_bytes == summary.gguf_bytes == 4 << 20
    assert facts(summary)["Starts with"] == "-m x.gguf"


def test_a_llamafile_whose_model_is_none_gives_no_offset(tmp_path: Path) -> None:
    file = tmp_path / "x.llamafile"
    m.llamafile(file, b"nothing of that kind")
    summary = read(file.read_bytes())
    assert (summary.id, summary.gguf_offset) == ("llamafile", None)
    assert any("does not begin like a GGUF" in finding.message for finding in summary.findings)


def test_zip64_directories_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Archives above 4 GB have such a directory; with the limits lowered the standard library writes one at once.
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 10)
    monkeypatch.setattr("zipfile.ZIP_FILECOUNT_LIMIT", 1)
    packed = m.zipped({"x.gguf": gguf_bytes.model().header()[0], "y": b"yy" * 20})
    assert b"PK\x06\x06" in packed
    for stub in (b"MZ" + bytes(333), b"\x7fELF"):
        summary = read(stub + packed)
        assert summary.id == "llamafile"
        assert summary.gguf_offset is not None
        assert (stub + packed)[summary.gguf_offset :].startswith(gguf_bytes.model().header()[0])


def test_a_part_of_a_source_ends_where_it_should() -> None:
    part = SubSource(BytesSource(b"0123456789"), 3, 4)
    assert part.size == 4
    assert bytes(part.window(1, 2)) == b"456"
    assert bytes(part.window(9, 1)) == b""
    assert SubSource(BytesSource(b"0123"), 3, 100).size == 1


# -- graphs --------------------------------------------------------------------------------------


def test_onnx_is_counted() -> None:
    summary = read(m.onnx())
    assert facts(summary) | {
        "IR version": "8",
        "Operators ai.onnx": "version 17",
        "Operations": "1",
        "Graph": "g",
    } == facts(summary)
    (row,) = summary.tensors
    assert (row.name, row.shape, row.dtype, row.bytes) == ("w", (8, 4), "FLOAT16", 64)
    assert m.onnx()[row.offset : row.offset + 64] == bytes(64)
    assert summary.metadata == {"k": "v"}
    assert not summary.findings


@pytest.mark.parametrize(("location", "severity"), [("model.onnx.data", "note"), ("../../etc/passwd", "error")])
def test_onnx_weights_elsewhere_are_told(location: str, severity: str) -> None:
    (finding,) = read(m.onnx(location)).findings
    assert finding.severity == severity


def test_a_saved_model_that_writes_files_is_dangerous() -> None:
    plain, reaching = read(m.saved_model()), read(m.saved_model("WriteFile"))
    assert (plain.danger, reaching.danger) == ("none", "dangerous")
    assert facts(plain)["TensorFlow version"] == "2.15.0"
    assert facts(plain)["Signatures"] == "serving_default"
    assert "WriteFile" in reaching.findings[0].message


# -- Keras ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", ["keras", "keras-latest"])
def test_keras_attributes_are_read_from_hdf5(headers: str) -> None:
    summary = read(m.hdf5(headers))
    assert facts(summary) | {"Keras version": "2.15.0", "Backend": "tensorflow", "Model class": "Sequential"} == facts(
        summary
    )
    assert (summary.danger == "dangerous") == (headers == "keras")  # that one has a Lambda layer


def test_a_lambda_layer_in_a_keras_zip_is_dangerous() -> None:
    assert read(m.keras_zip()).danger == "none"
    assert read(m.keras_zip("Lambda")).danger == "dangerous"


# -- old ggml ------------------------------------------------------------------------------------


def test_old_files_tell_their_hyperparameters() -> None:
    summary = read(KINDS["ggjt"])
    assert facts(summary) | {"Version": "3", "Layers": "32", "Vocabulary": "32,000", "File type": "Q4_0"} == facts(
        summary
    )


def test_a_whisper_model_is_told_apart() -> None:
    summary = read(m.old_ggml(b"lmgg", None, m.WHISPER_TINY))
    assert "Whisper" in summary.title
    assert "whisper.cpp" in summary.runs_on


# -- files that are no models --------------------------------------------------------------------


def test_a_pointer_says_how_large_the_model_is() -> None:
    summary = read(POINTER)
    assert f"{len(POINTER)} bytes" in summary.what
    assert facts(summary)["The model"] == "4.9 GB"
    assert "git lfs pull" in summary.advice


def test_a_web_page_shows_its_title() -> None:
    assert facts(read(PAGE))["Title of the page"] == "Sign in &middot; Hub"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (gzip.compress(b"x" * 99, mtime=0), "gzip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7z"),
        (b"Rar!\x1a\x07\x01\0" + bytes(50), "RAR"),
        (b"\xfd7zXZ\0" + bytes(50), "xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(50), "Zstandard"),
        (m.zipped({"model.gguf": b"x"}), "zip"),
    ],
)
def test_archives_are_named(data: bytes, kind: str) -> None:
    summary = read(data)
    assert (summary.id, facts(summary)["Kind"]) == ("archive", kind)


def test_a_tar_is_named() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    assert facts(read(buffer.getvalue()))["Kind"] == "tar"


def test_arrays_of_objects_are_dangerous() -> None:
    objects = numpy_bytes(np.array([{}], dtype=object))
    assert read(objects).danger == "dangerous"
    assert read(m.zipped({"a.npy": objects})).danger == "dangerous"
    assert read(m.zipped({"a.npy": numpy_bytes([1])})).danger == "none"


def test_names_decide_only_what_bytes_leave_open() -> None:
    noise = b"\xfe\xdc\xba\x98" * 50
    assert read(noise, "model.gguf.part").id == "partial"
    assert read(noise, "abc123.incomplete").id == "partial"
    assert read(noise, "model.gguf.part2of3").id == "gguf-part"
    assert read(m.small_safetensors(), "model.part").id == "safetensors"


def test_unknown_files_show_their_first_bytes() -> None:
    shown = facts(read(b"\xfe\xdc\x00AB" + bytes(range(256))))
    assert shown["First bytes"].startswith("fe dc 00 41 42")
    assert shown["As text"].startswith("...AB")
    assert "zeros" in read(bytes(9000)).findings[0].message


@pytest.mark.parametrize(
    "kind", [k for k, data in KINDS.items() if len(data) > 60 and k not in ("text", "html", "unknown")]
)
def test_a_file_cut_anywhere_gives_a_summary(kind: str) -> None:
    data = KINDS[kind]
    for end in range(1, len(data), max(1, len(data) // 60)):
        summary = recognise(BytesSource(data[:end]), "x", format_catalog())
        assert summary is not None
        json.dumps([f.value for f in summary.facts])


def test_a_name_that_promises_another_format_is_a_finding() -> None:
    for data in (b"GGML" + bytes(40), b"gguf" + bytes(40), b"\x01\xfex"):
        (found,) = [f for f in read(data, "Model.GGUF").findings if "The name says GGUF" in f.message]
        assert (found.severity, found.offset) == ("error", 0) and f"{data[:4]!r}" in found.message
        assert "b'GGUF' was expected" in found.message and found.reason and found.action
    for data in (POINTER, PAGE, m.torch_zip(), b"Access to model x is restricted."):  # what it is, not what it is not
        told = read(data, "Model.GGUF")
        (found,) = [f for f in told.findings if f.message == told.what]
        assert (found.severity, found.offset, found.action) == ("error", 0, told.advice)
        assert f"b'GGUF' was expected, not {data[:4]!r}" in found.reason
    for data in (b"", b"\0" * 7 + b"\x10{}", b"\x02" + bytes(7) + b"[]", b"ab"):
        (found,) = [f for f in read(data, "m.safetensors").findings if f.message.startswith("The ")]
        assert found.severity == "error" and found.offset == 0
    assert read(m.small_safetensors(), "m.safetensors").findings == ()
    assert not any("The name" in f.message for f in read(b"GGML" + bytes(40)).findings)
