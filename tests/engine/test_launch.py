"""What a server is started with: the plan, and a folder of its own."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from desktop.engine.api import Load
from desktop.engine.server.launch import Place, arguments, environment


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Place()


def option(options: list[str], name: str) -> str:
    return options[options.index(name) + 1]


def test_everything_that_takes_memory_is_named(place: Place) -> None:
    load = Load("/models/a.gguf", 4096, cache_type_k="q8_0", cache_type_v="q8_0", gpu_layers=7, threads=3)
    options = arguments(load, 7, place, template="", packs=True)
    wanted = {
        "--model": "/models/a.gguf", "--ctx-size": "4096", "--batch-size": "512", "--ubatch-size": "512",
        "--cache-type-k": "q8_0", "--cache-type-v": "q8_0", "--gpu-layers": "7", "--threads": "3",
        "--parallel": "1", "--fit": "off", "--cache-ram": "0", "--ctx-checkpoints": "2", "--spec-type": "none",
    }  # fmt: skip
    assert {name: option(options, name) for name in wanted} == wanted
    assert "--chat-template-file" not in options and "--no-repack" not in options


def test_so_many_tokens_are_computed_at_once_as_the_context_has(place: Place) -> None:
    for context, batch, told in ((4096, 2048, "2048"), (1024, 2048, "1024"), (4096, 64, "64")):
        options = arguments(Load("/a", context, batch=batch), 0, place, template="", packs=True)
        assert {option(options, name) for name in ("--batch-size", "--ubatch-size")} == {told}


def test_a_template_stands_in_a_file_of_the_private_folder(place: Place) -> None:
    file = Path(option(arguments(Load("/a", 256), 0, place, template="{{ x }}", packs=False), "--chat-template-file"))
    assert file.parent == place.folder and file.read_text() == "{{ x }}"
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    place.close()
    assert not place.folder.exists()


def test_options_of_the_environment_are_taken_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "99")
    monkeypatch.setenv("GGML_BACKEND_PATH", "/tmp/evil.so")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    given = environment(place, "key", [Path("/b/libggml-vulkan.so")])
    assert not {"LLAMA_ARG_CTX_SIZE", "GGML_BACKEND_PATH", "HF_TOKEN"} & given.keys()
    assert given["HEFT_BACKEND_FILES"] == "/b/libggml-vulkan.so" and given["HEFT_PARENT_PID"] == str(os.getpid())


def test_the_folder_of_a_heft_that_was_killed_goes_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    left, running, other = (tmp_path / f"heft-{name}-x" for name in (gone.pid, os.getpid(), "notes"))
    for folder in (left, running, other):
        folder.mkdir()
    Place()
    assert not left.exists() and running.exists() and other.exists()
