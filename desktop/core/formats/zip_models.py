"""Models in zip archives: llamafile, PyTorch since 1.6, TorchScript, .keras, .npz; and zips that hold model files."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.errors import FileFormatError
from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.keras import keras_zip
from desktop.core.formats.numpy_files import NUMPY_HEADER, numpy_danger
from desktop.core.formats.pickle_scan import MAX_OPERATIONS, scan_pickle
from desktop.core.formats.pickles import judge
from desktop.core.formats.reading import broken_off, read
from desktop.core.formats.summary import Fact, Summary
from desktop.core.formats.zips import STORED, ZipEntry, data_offset, find_directory, read_entry
from desktop.core.gguf.source import ByteSource, BytesSource, SubSource
from desktop.core.text import one_line
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr

STARTS = (b"PK\x03\x04", b"MZ", b"jartsr", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"#!")
_MODEL_ENDINGS = (".gguf", ".safetensors", ".onnx", ".bin", ".pt", ".pth", ".h5", ".pb")
_MAX_PICKLE = 8 << 20  # bytes of an unpacked pickle; stored ones are followed where they lie
_MAX_ARGUMENTS = 64 << 10
_MAX_ARRAYS = 1_000


def looks_like(start: bytes) -> bool:
    """Whether a file may be a zip archive, with or without a program in front."""
    return start.startswith(STARTS)


def summarise(source: ByteSource, start: bytes, catalog: Catalog) -> Summary | None:
    """What a zip archive holds; None when the file is no zip archive. FileFormatError when it is a broken one."""
    entries = find_directory(source)
    if not entries:
        return None
    models = [e for e in entries if e.name.lower().endswith(".gguf") and e.method == STORED and not e.encrypted]
    if models and not start.startswith(b"PK"):
        return _llamafile(source, start, entries, models, catalog)
    pickles = [e for e in entries if e.name.lower().endswith((".pkl", ".pickle"))]
    if pickles:
        return _pytorch(source, entries, pickles, catalog)
    names = {entry.name for entry in entries}
    if {"config.json", "metadata.json"} <= names:
        return keras_zip(source, {entry.name: entry for entry in entries}, catalog)
    if all(name.endswith(".npy") for name in names):
        return _arrays(source, entries, catalog)
    return None if not start.startswith(b"PK") else _archive(entries, catalog)


def _llamafile(
    source: ByteSource, start: bytes, entries: Sequence[ZipEntry], models: Sequence[ZipEntry], catalog: Catalog
) -> Summary:
    largest = max(models, key=lambda entry: entry.bytes)
    offset: int | None = data_offset(source, largest)
    findings = [
        Finding(
            "warning",
            tr("This file is a program: starting it runs it with your rights."),
            tr("Heft reads the GGUF file inside and starts nothing."),
            tr("Start it only if you trust its maker."),
        )
    ]
    if offset is not None and read(source, offset, 4, "the GGUF file inside") != b"GGUF":
        message = f"'{one_line(largest.name)}' inside does not begin like a GGUF file."
        findings.append(
            Finding("error", message, tr("It would hold the weights."), tr("Download the file again."), offset)
        )
        offset = None
    facts = [
        Fact(tr("Program"), _program(start)),
        Fact(tr("Model inside"), f"{one_line(largest.name)}, {human_bytes(largest.bytes)}"),
    ]
    if len(models) > 1:
        others = ", ".join(one_line(entry.name, 60) for entry in models if entry is not largest)
        facts.append(Fact(tr("Other GGUF files"), one_line(others)))
    arguments = next((entry for entry in entries if entry.name == ".args"), None)
    if arguments is not None:
        text = read_entry(source, arguments, _MAX_ARGUMENTS).decode("utf-8", "replace")
        facts.append(Fact(tr("Starts with"), one_line(" ".join(text.split()))))
    return catalog.summary(
        "llamafile",
        facts=tuple(facts),
        findings=tuple(findings),
        gguf_offset=offset,
        gguf_bytes=largest.bytes if offset is not None else 0,
    )


def _program(start: bytes) -> str:
    if start.startswith((b"MZqFpD", b"jartsr")):
        return "Actually Portable Executable: Windows, Linux, macOS and BSD"
    return {b"\x7fE": "ELF: Linux and BSD", b"MZ": "PE: Windows", b"#!": "script"}.get(start[:2], "Mach-O: macOS")


def _pytorch(source: ByteSource, entries: Sequence[ZipEntry], pickles: Sequence[ZipEntry], catalog: Catalog) -> Summary:
    scans, problems, left = [], [], MAX_OPERATIONS
    for entry in pickles[:64]:
        try:
            content, base = _content(source, entry)
            scans.append(scan_pickle(content, 0, left))
            scans[-1].move(base)
            left -= min(left, scans[-1].operations)
        except FileFormatError as error:
            problems.append(broken_off(error, "This pickle could not be checked."))
    verdict = judge(scans)
    script = any("/code/" in entry.name or entry.name.endswith("constants.pkl") for entry in entries)
    raw = [entry for entry in entries if "/data/" in entry.name]
    facts = [Fact(tr("Pickles"), f"{len(pickles)}")]
    if raw:
        facts.append(
            Fact(tr("Weights"), f"{human_bytes(sum(entry.bytes for entry in raw))} in {counted(len(raw), 'file')}")
        )
    if verdict.tensors:
        facts.append(Fact(tr("Tensors"), f"{len(verdict.tensors):,}"))
    return catalog.summary(
        "torchscript" if script else "pytorch" if any(e.name.endswith("data.pkl") for e in pickles) else "pickle",
        danger="dangerous" if problems or len(pickles) > 64 else verdict.danger,
        facts=(*facts, *verdict.facts),
        findings=(*problems, *verdict.findings, *_duplicates(entries)),
        tensors=verdict.tensors,
    )


def _content(source: ByteSource, entry: ZipEntry) -> tuple[ByteSource, int | None]:
    """An entry's bytes, and where they begin in the archive when they are not packed."""
    if entry.method == STORED and not entry.encrypted:
        start = data_offset(source, entry)
        return SubSource(source, start, entry.bytes), start
    if entry.bytes > _MAX_PICKLE:
        raise FileFormatError(
            tr(
                "'{name}' unpacks to {bytes:,} bytes, more than Heft reads.",
                name=one_line(entry.name),
                bytes=entry.bytes,
            )
        )
    return BytesSource(read_entry(source, entry, _MAX_PICKLE)), None


def _duplicates(entries: Sequence[ZipEntry]) -> list[Finding]:
    if len({entry.name for entry in entries}) == len(entries):
        return []
    message, reason = "The archive holds two files of one name.", "Programs disagree on which one counts."
    return [Finding("warning", message, reason, tr("Look for another copy of the model."))]


def _arrays(source: ByteSource, entries: Sequence[ZipEntry], catalog: Catalog) -> Summary:
    heads = [read_entry(source, entry, NUMPY_HEADER) for entry in entries[:_MAX_ARRAYS]]
    return catalog.summary("numpy", facts=_listing(entries), **numpy_danger(heads))


def _archive(entries: Sequence[ZipEntry], catalog: Catalog) -> Summary:
    inside = [entry for entry in entries if entry.name.lower().endswith(_MODEL_ENDINGS)]
    findings = [
        Finding(
            "note",
            tr("A model file may be inside: {name}.", name=one_line(entry.name)),
            tr("Its name says so."),
            tr("Unpack the archive."),
        )
        for entry in inside[:1]
    ]
    return catalog.summary("archive", facts=(Fact(tr("Kind"), "zip"), *_listing(entries)), findings=tuple(findings))


def _listing(entries: Sequence[ZipEntry]) -> tuple[Fact, ...]:
    largest = sorted(entries, key=lambda entry: -entry.bytes)[:8]
    total = human_bytes(sum(entry.bytes for entry in entries))
    return (
        Fact(tr("Files"), f"{len(entries):,}, {total}"),
        *(
            Fact(tr("File {at}", at=at), f"{one_line(e.name, 80)}, {human_bytes(e.bytes)}")
            for at, e in enumerate(largest, 1)
        ),
    )
