"""``heft run --image``: a model that sees is asked about a picture; what cannot be is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.forge_vision import forge_projector
from support.png_bytes import plain_png, promised_png

from desktop.cli.main import main

pytest.importorskip("PySide6", reason="pictures are read by Qt's readers")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    made = tmp_path / "harbour.png"
    made.write_bytes(plain_png(64, 64))
    return made


@pytest.fixture
def seer(starter_model: Path, tmp_path: Path) -> Path:
    """The starter beside a projector."""
    folder = tmp_path / "seer"
    folder.mkdir()
    (folder / "Seer-135M-Q4_1.gguf").symlink_to(starter_model)
    forge_projector(folder / "mmproj-Seer-135M-F32.gguf", 576)
    return folder / "Seer-135M-Q4_1.gguf"


def told(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, object]:
    assert main([*arguments, "--json"]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.engine
def test_a_picture_is_part_of_the_question(heft_home: Path, capsys: Capture, seer: Path, picture: Path) -> None:
    asked = ("run", str(seer), "--prompt", "What is this?", "--max-tokens", "4", "--context", "1k")
    plain, seen = told(capsys, *asked), told(capsys, *asked, "--image", str(picture))
    assert (seen["projector"], seen["media"]) == (str(seer.with_name("mmproj-Seer-135M-F32.gguf")), ["image"])
    assert 10 < int(str(seen["prompt_tokens"])) - int(str(plain["prompt_tokens"])) < 24
    devices = seen["loaded_devices"]
    assert isinstance(devices, list) and devices[0]["projector_bytes"] > 0


@pytest.mark.engine
def test_a_model_without_a_projector_is_told_what_to_do(heft_home: Path, capsys: Capture, picture: Path) -> None:
    asked = ("run", "starter", "--prompt", "What?", "--max-tokens", "4", "--image", str(picture))
    refused = told(capsys, *asked, code=1)["error"]
    assert isinstance(refused, dict)
    assert refused["kind"] == "takes-no-media" and "projector" in refused["hint"]


@pytest.mark.parametrize(
    ("option", "data", "kind", "words"),
    [
        ("--image", None, "not-readable", "could not be read"),
        ("--image", b"", "bad-attachment", "is empty"),
        ("--image", b"Dear Sir", "bad-attachment", "neither a picture nor sound"),
        ("--image", promised_png(50_000, 50_000), "bad-attachment", "too large"),
        ("--sound", plain_png(8, 8), "usage", "is no sound"),
    ],
)
def test_what_cannot_be_attached_is_refused_before_a_model_is_loaded(
    heft_home: Path, capsys: Capture, tmp_path: Path, option: str, data: bytes | None, kind: str, words: str
) -> None:
    file = tmp_path / "file.png"
    if data is not None:
        file.write_bytes(data)
    code = 2 if kind == "usage" else 1
    refused = told(capsys, "run", "starter", "--prompt", "What?", option, str(file), code=code)["error"]
    assert isinstance(refused, dict)
    assert refused["kind"] == kind and words in refused["message"] and refused["hint"]


def test_a_text_that_is_continued_takes_no_pictures(heft_home: Path, capsys: Capture, picture: Path) -> None:
    refused = told(capsys, "run", "starter", "--prompt", "x", "--raw", "--image", str(picture), code=2)["error"]
    assert isinstance(refused, dict) and refused["kind"] == "usage"
