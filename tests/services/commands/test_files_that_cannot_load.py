"""Files and sets that the engine cannot load: one sentence each, the same in library, run, fit and inspect."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes as g
from support.model_files import old_ggml, old_imatrix

from desktop.cli import main

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 4920739232\n".encode()
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
TO_TAKE = "Take the model's GGUF version from the Hub: it brings the encoder as a projector (mmproj) beside it."


def split(path: Path, part: int, parts: int, share: slice, architecture: str = "llama") -> Path:
    """A part of a model of seven tensors."""
    found = g.model(architecture=architecture, split__no=part, split__count=parts, split__tensors__count=7)
    found.tensors = found.tensors[share]
    return found.write(path)


def pieces(folder: Path, names: tuple[str, ...]) -> Path:
    """A model that was cut by its bytes."""
    whole = g.model().write(folder / "whole").read_bytes()
    (folder / "whole").unlink()
    step = -(-len(whole) // len(names))
    for at, name in enumerate(names):
        (folder / name).write_bytes(whole[at * step : (at + 1) * step])
    return folder / names[0]


def lone_piece(folder: Path) -> Path:
    first = pieces(folder, ("big.Q8_0.gguf-split-a", "big.Q8_0.gguf-split-b"))
    (folder / "big.Q8_0.gguf-split-b").unlink()
    return first


def all_in_one(folder: Path) -> Path:
    return split(folder / "m-00001-of-00003.gguf", 0, 3, slice(None))


def four_digits(folder: Path) -> Path:
    split(folder / "m-0002-of-0002.gguf", 1, 2, slice(4, None))
    return split(folder / "m-0001-of-0002.gguf", 0, 2, slice(4))


def made_for_ollama(folder: Path) -> Path:
    """As Ollama exports a model that sees: text model and vision tower in one file."""
    found = g.model(architecture="gemma3", gemma3__vision__block_count=2)
    found.tensors += [("v.blk.0.attn_q.weight", (256, 64), 12), ("mm.0.weight", (256, 64), 12)]
    return found.write(folder / "m.gguf")


def written(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


CASES: list[tuple[Callable[[Path], Path], str, str]] = [
    (
        written("m-Q4_K_M.gguf", POINTER),
        "This is a pointer of 135 bytes, not the model: Git LFS keeps the model elsewhere.",
        "Run `git lfs pull` in the folder, or download the file again from the Hub.",
    ),
    (
        written("m-Q4_K_M.gguf", PAGE),
        "A page of a website, saved in place of the model: most often a login or an error page.",
        "Download the file again; sign in first, or accept the model's conditions on its page.",
    ),
    (
        written("m.gguf", b'{"error":"Repository not found"}'),
        'Text, no model. It begins: {"error":"Repository not found"}',
        "Look for the GGUF file of the model.",
    ),
    (
        written("m.gguf", old_ggml(b"tjgg", 3, (32000, 4096, 256, 32, 32, 128, 2))),
        "A llama.cpp model of April to August 2023, the last form before GGUF.",
        "Look for a GGUF version of the same model, or convert this one with an old convert_llama_ggml_to_gguf.py.",
    ),
    (
        lambda folder: pieces(folder, ("big.Q8_0.gguf-split-a", "big.Q8_0.gguf-split-b")),
        "A file that was cut into 2 pieces, which the engine does not load.",
        "Join them into one file: “Join pieces” in the Library, or heft library --join NAME.",
    ),
    (
        lambda folder: pieces(folder, ("big.gguf.part1of3", "big.gguf.part2of3", "big.gguf.part3of3")),
        "A file that was cut into 3 pieces, which the engine does not load.",
        "Join them into one file: “Join pieces” in the Library, or heft library --join NAME.",
    ),
    (
        lone_piece,
        "A piece of a file that was cut; the others are not beside it.",
        "Download the missing pieces into the same folder.",
    ),
    (
        lambda folder: split(folder / "m-00001-of-00003.gguf", 0, 3, slice(4)),
        "The model is split into 3 files, of which 2 are missing: 2, 3.",
        "Download the missing parts into the same folder.",
    ),
    (
        all_in_one,
        "The file holds all 7 tensors of the model, but says that it is part 1 of 3, so the engine looks for the "
        "others.",
        "Put the other parts beside it, or take a version of the model that is one file.",
    ),
    (
        four_digits,
        "The engine does not find the parts of this model, since it looks for numbers of five digits.",
        "Rename them to m-00001-of-00002.gguf and so on.",
    ),
    (
        made_for_ollama,
        "Made for Ollama's engine: the model and its image or sound encoder are one file, which llama.cpp does not "
        "load.",
        TO_TAKE,
    ),
    (
        lambda folder: g.model(architecture="gptoss").write(folder / "m.gguf"),
        "Made for Ollama's engine: only it knows the architecture gptoss, which llama.cpp calls gpt-oss.",
        "Take the model's GGUF version for llama.cpp from the Hub.",
    ),
    (
        lambda folder: g.Model([("general.name", g.STRING, "x")], [("a.weight", (256, 512), 8)]).write(
            folder / "m.gguf"
        ),
        "general.architecture is missing, so the engine cannot tell how to run it.",
        "Look for another or a newer file of this model.",
    ),
]


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("make", "message", "hint"), CASES)
def test_one_sentence_everywhere(
    heft_home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], Path],
    message: str,
    hint: str,
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    path = make(folder)
    told(capsys, "config", "library_folders", str(folder))
    (row,) = [m for m in told(capsys, "library")["models"] if m["source"] == "folder"]
    assert row["problem"] == f"{message} {hint}"
    for command in (("run", str(path), "--prompt", "hi"), ("run", row["title"], "--prompt", "hi")):
        error = told(capsys, *command, code=1)["error"]
        assert (error["message"], error["hint"]) == (f"{row['name']} cannot be loaded. {message}", hint)
    error = told(capsys, "fit", str(path), code=1)["error"]
    assert (error["message"].endswith(f" cannot be loaded. {message}"), error["hint"]) == (True, hint)
    problems = told(capsys, "inspect", str(path))["problems"]
    assert [(p["severity"], p["action"]) for p in problems if p["message"] == message] == [("error", hint)]


def test_a_name_alone_makes_no_part(heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files that say of themselves that they are whole: whatever their names say of others."""
    for name in ("all-00001-of-00003.gguf", "one-0001-of-0002.gguf", "one-0002-of-0002.gguf"):
        g.model().write(tmp_path / "here" / name)
    told(capsys, "config", "library_folders", str(tmp_path / "here"))
    rows = [m for m in told(capsys, "library")["models"] if m["source"] == "folder"]
    assert [(row["name"], row["problem"]) for row in rows] == [
        ("all-00001-of-00003", ""),
        ("one-0001-of-0002", ""),
        ("one-0002-of-0002", ""),
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("imatrix.gguf", "imatrix"), ("diffusion.gguf", "diffusion"), ("whisper.gguf", "audio")]
)
def test_what_is_no_model_has_its_kind(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    """The old importance matrix, a picture model as stable-diffusion.cpp writes it, a model of sound."""
    path = tmp_path / "here" / name
    path.parent.mkdir()
    match kind:
        case "imatrix":
            path.write_bytes(old_imatrix())
        case "diffusion":
            g.Model([], [("model.diffusion_model.input_blocks.0.0.weight", (256, 4), 1)]).write(path)
        case _:
            g.model(architecture="whisper").write(path)
    told(capsys, "config", "library_folders", str(path.parent))
    (row,) = [m for m in told(capsys, "library")["models"] if m["source"] == "folder"]
    assert (row["kind"], row["problem"]) == (kind, "")
    assert told(capsys, "run", str(path), "--prompt", "hi", code=1)["error"]["kind"] == "cannot-chat"
    assert told(capsys, "fit", str(path), code=1)["error"]["kind"] == "no-language-model"
