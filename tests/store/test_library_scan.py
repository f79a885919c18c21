"""Scans of real folder layouts: what is found, joined, attached, merged, and what is said about the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.core.cancelled import CancelledError
from desktop.core.errors import NotFoundError
from desktop.core.model_kind import ModelKind
from desktop.core.progress import Progress
from desktop.store.gguf_files import FileSource
from desktop.store.library import Library, LibraryModel
from desktop.store.locations import Location, known_locations


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "cache" / "headers.json")


def _projector() -> g.Model:
    return g.Model(
        [("general.architecture", g.STRING, "clip"), ("general.type", g.STRING, "mmproj")],
        [("v.patch_embd.weight", (256, 256), 1)],
    )


def _by_name(models: tuple[LibraryModel, ...]) -> dict[str, LibraryModel]:
    assert len({model.name for model in models}) == len(models)
    return {model.name: model for model in models}


def _hub_file(cache: Path, repo: str, name: str, model: g.Model, digest: str, revision: str = "r1") -> Path:
    blob = cache / f"models--{repo.replace('/', '--')}" / "blobs" / digest
    if not blob.exists():
        model.write(blob)
    link = cache / f"models--{repo.replace('/', '--')}" / "snapshots" / revision / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    return link


def _ollama_model(root: Path, where: str, layers: list[tuple[str, str, g.Model | None]]) -> Path:
    listed = []
    for kind, digest, model in layers:
        if model is not None:
            model.write(root / "blobs" / f"sha256-{digest}")
        listed.append({"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{digest}", "size": 1})
    manifest = root / "manifests" / where
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": listed}))
    return manifest


def test_facts_come_from_the_header(tmp_path: Path, library: Library, starter_model: Path) -> None:
    path = g.model().write(tmp_path / "m" / "Claims-To-Be-Q8_0.gguf")
    scan = library.scan([Location("heft", tmp_path / "m"), Location("starter", starter_model)])
    small, starter = scan.models
    assert (small.path, small.files, small.source, small.problem) == (path, (path,), "heft", "")
    assert (small.architecture, small.quantization, small.context_length) == ("llama", "Q4_K_M", 4096)
    assert small.parameters == 256 * 512 + 2 * (256 + 256 * 1024 + 256 * 64)
    assert small.size_bytes == path.stat().st_size and small.modified == pytest.approx(path.stat().st_mtime)
    assert (starter.name, starter.quantization, starter.parameters) == (
        "SmolLM2-135M-Instruct.Q4_1",
        "Q4_1",
        134_515_008,
    )


def test_hugging_face_cache(tmp_path: Path, library: Library) -> None:
    cache = tmp_path / "hub"
    first = _hub_file(cache, "Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf", g.model(), "a" * 64)
    again = _hub_file(cache, "Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf", g.model(), "a" * 64, revision="r2")
    (cache / "models--Qwen--Qwen3-8B-GGUF" / "blobs" / ("b" * 64 + ".incomplete")).write_bytes(b"GGUF")
    dangling = first.with_name("gone.gguf")
    dangling.symlink_to(tmp_path / "nowhere")
    g.model().write(cache / "datasets--x--y" / "snapshots" / "r1" / "no-model.gguf")
    (model,) = library.scan([Location("huggingface", cache)]).models
    assert (model.path, model.also_in, model.source) == (first, (again,), "huggingface")


def test_shards_and_projectors(tmp_path: Path, library: Library) -> None:
    repo = tmp_path / "lm" / "unsloth" / "gemma-3-27b-it-GGUF"
    projector = _projector().write(repo / "mmproj-F16.gguf")
    shards = [
        g.model(split__no=n, split__count=2).write(repo / "Q4_K_M" / f"gemma-3-27b-it-Q4_K_M-0000{n + 1}-of-00002.gguf")
        for n in range(2)
    ]
    single = g.model().write(repo / "gemma-3-27b-it-Q2_K.gguf")
    g.Model([("general.architecture", g.STRING, "llama"), ("general.type", g.STRING, "imatrix")]).write(
        repo / "imatrix.gguf"
    )
    models = _by_name(library.scan([Location("lmstudio", tmp_path / "lm")]).models)
    assert set(models) == {"gemma-3-27b-it-Q4_K_M", "gemma-3-27b-it-Q2_K", "imatrix"}
    assert models["imatrix"].kind is ModelKind.IMATRIX
    joined = models["gemma-3-27b-it-Q4_K_M"]
    assert joined.files == tuple(shards) and joined.path == shards[0]
    assert joined.size_bytes == sum(path.stat().st_size for path in shards)
    assert joined.parameters == 2 * models["gemma-3-27b-it-Q2_K"].parameters
    assert joined.mmproj == (projector,) and models["gemma-3-27b-it-Q2_K"].mmproj == (projector,)
    assert joined.problem == models["gemma-3-27b-it-Q2_K"].problem == "" and single.exists()


def test_ollama_manifests(tmp_path: Path, library: Library) -> None:
    root = tmp_path / "ollama"
    weights, projector = "c" * 64, "d" * 64
    _ollama_model(root, "registry.ollama.ai/library/gemma3/4b", [
        ("model", weights, g.model(architecture="gemma3")),
        ("projector", projector, _projector()),
        ("template", "e" * 64, None),
    ])  # fmt: skip
    latest = _ollama_model(root, "registry.ollama.ai/library/gemma3/latest", [("model", weights, None)])
    _ollama_model(root, "hf.co/org/repo/Q4", [("model", "f" * 64, g.model())])
    (root / "manifests" / "registry.ollama.ai" / "library" / "evil").mkdir()
    (root / "manifests/registry.ollama.ai/library/evil/x").write_text(
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../secret"}]}'
    )
    (root / "manifests/registry.ollama.ai/library/evil/y").write_bytes(b"\xff not json")
    models = _by_name(library.scan([Location("ollama", root)]).models)
    assert set(models) == {"gemma3:4b", "hf.co/org/repo:Q4"}
    assert models["gemma3:4b"].path == root / "blobs" / f"sha256-{weights}"
    assert models["gemma3:4b"].mmproj == (root / "blobs" / f"sha256-{projector}",)
    assert models["gemma3:4b"].also_in == (latest,)


def test_one_content_in_several_stores_is_one_entry(tmp_path: Path, library: Library) -> None:
    digest = "1" * 64
    hub = _hub_file(tmp_path / "hub", "o/r", "m-Q4_K_M.gguf", g.model(), digest)
    _ollama_model(tmp_path / "ollama", "registry.ollama.ai/library/m/q4", [("model", digest, g.model())])
    hard = tmp_path / "lm" / "x" / "y" / "m-Q4_K_M.gguf"
    hard.parent.mkdir(parents=True)
    os.link(hub.resolve(), hard)
    soft = tmp_path / "mine" / "m.gguf"
    soft.parent.mkdir()
    soft.symlink_to(hard)
    (model,) = library.scan(
        [
            Location("huggingface", tmp_path / "hub"),
            Location("lmstudio", tmp_path / "lm"),
            Location("ollama", tmp_path / "ollama"),
            Location("folder", tmp_path / "mine"),
        ]
    ).models
    assert model.path == hub
    assert model.also_in == (hard, tmp_path / "ollama" / "blobs" / f"sha256-{digest}", soft)


def test_broken_files_are_entries_with_a_problem(tmp_path: Path, library: Library, vocab_dir: Path) -> None:
    folder = tmp_path / "m"
    whole = g.model().write(folder / "whole.gguf")
    (folder / "cut-Q5_0.gguf").write_bytes(whole.read_bytes()[:100])
    (folder / "short.gguf").write_bytes(whole.read_bytes()[:-5000])
    (folder / "empty.gguf").write_bytes(b"")
    (folder / "text.gguf").write_text("<html>not found</html>")
    (folder / "vocabulary.gguf").write_bytes((vocab_dir / "ggml-vocab-bert-bge.gguf").read_bytes())
    g.model(split__no=0, split__count=3).write(folder / "shard-00001-of-00003.gguf")
    g.model(split__no=1, split__count=2).write(folder / "renamed.gguf")
    (folder / "joined.gguf.part1of2").write_bytes(whole.read_bytes())
    (folder / "joined.gguf.part2of2").write_bytes(b"rest")
    _projector().write(tmp_path / "m" / "alone" / "mmproj-other.gguf")
    lora = g.model()
    lora.metadata.append(("general.type", g.STRING, "adapter"))
    lora.write(folder / "lora.gguf")
    (folder / "folder.gguf").mkdir()
    os.mkfifo(folder / "pipe.gguf")
    models = _by_name(library.scan([Location("folder", folder)]).models)
    said = {name: model.problem for name, model in models.items()}
    assert said.pop("whole") == ""
    expected = {
        "cut-Q5_0": "not complete",
        "short": "beyond the end",
        "empty": "The file has no bytes",
        "text": "A page of a website",
        "vocabulary": "",
        "shard": "split into 3 files, of which 2 are missing: 2, 3.",
        "renamed": "split into 2 files, of which 1 is missing: 1.",
        "joined": "cut into 2 pieces",
        "mmproj-other": "without its model",
        "lora": "",
    }
    assert said.keys() == expected.keys()
    for name, words in expected.items():
        assert words in said[name], name
    assert models["vocabulary"].kind is ModelKind.VOCABULARY and models["lora"].kind is ModelKind.ADAPTER
    assert models["mmproj-other"].kind is ModelKind.PROJECTOR
    assert models["cut-Q5_0"].quantization == "Q5_0"  # only the name tells
    assert len(models["joined"].files) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_and_folders(tmp_path: Path, library: Library) -> None:
    secret = g.model().write(tmp_path / "m" / "secret.gguf")
    secret.chmod(0)
    closed = tmp_path / "m" / "closed"
    closed.mkdir(mode=0)
    try:
        scan = library.scan([Location("folder", tmp_path / "m")])
    finally:
        closed.chmod(0o700)
    assert scan.unreadable == (closed,)
    assert "cannot be read" in scan.models[0].problem


def test_links_in_a_circle_and_trash(tmp_path: Path, library: Library) -> None:
    path = g.model().write(tmp_path / "m" / "a" / "x.gguf")
    (tmp_path / "m" / "a" / "up").symlink_to(tmp_path / "m")
    (tmp_path / "m" / "self.gguf").symlink_to(tmp_path / "m" / "self.gguf")
    g.model().write(tmp_path / "m" / ".Trash-1000" / "files" / "deleted.gguf")
    scan = library.scan([Location("folder", tmp_path / "m"), Location("folder", tmp_path / "not there")])
    assert [model.path for model in scan.models] == [path]
    assert scan.unreadable == ()


def test_a_file_that_vanishes_is_left_out(tmp_path: Path, library: Library) -> None:
    first = g.model().write(tmp_path / "m" / "a.gguf")
    second = g.model().write(tmp_path / "m" / "b.gguf")

    def vanish(progress: Progress) -> None:
        if progress.total:
            second.unlink(missing_ok=True)

    scan = library.scan([Location("folder", tmp_path / "m")], progress=vanish)
    assert [model.path for model in scan.models] == [first]


def test_only_new_and_changed_files_are_opened_again(tmp_path: Path) -> None:
    folder, cache = tmp_path / "m", tmp_path / "cache" / "headers.json"
    paths = [g.model().write(folder / f"{n}.gguf") for n in range(3)]
    location = [Location("folder", folder)]
    before = Library(cache).scan(location).models
    # The same size and time: the remembered header is used, whatever the bytes are now.
    stamp = paths[0].stat()
    paths[0].write_bytes(b"x" * stamp.st_size)
    os.utime(paths[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert Library(cache).scan(location).models == before
    os.utime(paths[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert "Text, no model" in Library(cache).scan(location).models[0].problem
    paths[1].unlink()
    Library(cache).scan(location)
    assert str(paths[1]) not in cache.read_text()
    cache.write_bytes(b"{ broken")
    assert len(Library(cache).scan(location).models) == 2


def test_progress_and_cancel(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "headers.json"
    for n in range(5):
        g.model().write(tmp_path / "m" / f"{n}.gguf")
    steps: list[Progress] = []
    library = Library(cache)
    library.scan([Location("folder", tmp_path / "m")], progress=steps.append)
    assert [step.done for step in steps if step.total] == [0, 1, 2, 3, 4]
    assert [step.done for step in steps if not step.total] == [1, 2, 3, 4, 5]
    cache.unlink()
    seen: list[Progress] = []
    with pytest.raises(CancelledError):
        library.scan(
            [Location("folder", tmp_path / "m")],
            progress=seen.append,
            cancelled=lambda: bool(seen) and seen[-1].total > 0 and seen[-1].done >= 2,
        )
    assert seen[-1].done == 2
    assert cache.exists()  # what was read is kept


def test_describing_one_file_brings_its_shards_and_projector(tmp_path: Path, library: Library) -> None:
    folder = tmp_path / "any"
    names = [f"m-Q4_K_M-0000{n}-of-00002.gguf" for n in (1, 2)]
    shards = tuple(g.model(split__no=n, split__count=2).write(folder / name) for n, name in enumerate(names))
    projector = _projector().write(folder / "mmproj-m-f16.gguf")
    g.model().write(folder / "other.gguf")
    model = library.describe(shards[1])
    assert (model.path, model.files, model.mmproj, model.problem) == (shards[0], shards, (projector,), "")
    with pytest.raises(NotFoundError):
        library.describe(folder / "none.gguf")


def test_where_other_programs_keep_their_models(tmp_path: Path) -> None:
    def roots(environ: dict[str, str], source: str) -> list[Path]:
        return [place.root for place in known_locations(environ, tmp_path) if place.source == source]

    assert roots({}, "huggingface") == [tmp_path / ".cache/huggingface/hub"]
    assert roots({"XDG_CACHE_HOME": "/c"}, "huggingface") == [Path("/c/huggingface/hub")]
    assert roots({"HF_HOME": "/h", "XDG_CACHE_HOME": "/c"}, "huggingface") == [Path("/h/hub")]
    assert roots({"HF_HUB_CACHE": "/x", "HF_HOME": "/h"}, "huggingface") == [Path("/x")]
    assert roots({}, "lmstudio") == [tmp_path / ".lmstudio/models", tmp_path / ".cache/lm-studio/models"]
    assert roots({}, "ollama")[0] == tmp_path / ".ollama/models"
    assert roots({"OLLAMA_MODELS": "/o"}, "ollama")[0] == Path("/o")


def test_file_source_reads_any_window(tmp_path: Path) -> None:
    data = bytes(range(256)) * 2000
    path = tmp_path / "bytes"
    path.write_bytes(data)
    with FileSource(path) as source:
        assert source.size == len(data)
        for offset, count in (
            (0, 10),
            (70_000, 200_000),
            (5, 3),
            (len(data) - 2, 2),
            (len(data) - 2, 50),
            (len(data), 1),
        ):
            window = bytes(source.window(offset, count))
            assert window[:count] == data[offset : offset + count]
            assert data[offset:].startswith(window)


def test_ten_thousand_files(tmp_path: Path) -> None:
    blob = g.model().write(tmp_path / "one.gguf")
    for n in range(100):
        (tmp_path / "m" / f"{n}").mkdir(parents=True)
    raw = blob.read_bytes()[:1200]
    for n in range(10_000):
        (tmp_path / "m" / f"{n % 100}" / f"model-{n}-Q4_K_M.gguf").write_bytes(raw)
    library = Library(tmp_path / "headers.json")
    locations = [Location("folder", tmp_path / "m")]
    assert len(library.scan(locations).models) == 10_000
    reads: list[Progress] = []
    assert len(library.scan(locations, progress=reads.append).models) == 10_000
    assert reads[-1].total == 10_000
