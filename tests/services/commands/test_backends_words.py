"""``heft backends``: its words and its document, with trials that are told what they found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.backend_builder import scripted_builder

from desktop.cli import main
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.engine import backend_trial
from desktop.engine.api import Hello
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.engine.device_records import Device
from desktop.engine.further_backends import FOLDER_VARIABLE
from desktop.services.engine import backend_building
from desktop.services.engine_services import EngineServices

Capture = pytest.CaptureFixture[str]
CARD = "NVIDIA GeForce RTX 4070"
ANSWERS: dict[str, Tried | HeftError] = {
    "libggml-vulkan.so": Tried("Vulkan", (ProvenDevice("Vulkan0", CARD, "01:00.0", "gpu", 0.0008, 151.2, 40.0),)),
    "libggml-cuda.so": Tried("CUDA", (ProvenDevice("CUDA0", CARD, "01:00.0", "gpu", 0.0004, 212.0, 40.0),)),
    "libggml-sycl.so": HeftError("it computes a wrong answer.", kind=FailureKind.REFUSED_BACKEND),
}


@pytest.fixture(autouse=True)
def answers(heft_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tried | HeftError]:
    """What each library says of itself in its trial; the engine has a processor alone."""
    known = dict(ANSWERS)

    def trial(file: Path, **_options: Any) -> Tried:
        found = known[file.name]
        if isinstance(found, HeftError):
            raise found
        return found

    processor = Device("CPU", "A processor", "CPU", "cpu", 1 << 34, 1 << 33)
    monkeypatch.setenv(FOLDER_VARIABLE, str(heft_home / "backends"))
    monkeypatch.setattr(backend_trial, "try_library", trial)
    monkeypatch.setattr(
        EngineServices, "describe_engine", lambda _self: Hello("llama.cpp 1", (), ("CPU",), (processor,), ())
    )
    return known


def library(folder: Path, name: str) -> str:
    file = folder / f"libggml-{name}.so"
    file.write_bytes(b"a library")
    return str(file)


def said(capsys: Capture, *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["backends", *arguments]) == code
    return capsys.readouterr()


def document(capsys: Capture, *arguments: str, code: int = 0) -> Any:
    return json.loads(said(capsys, *arguments, "--json", code=code)[0])


def test_what_is_used_and_what_its_trial_said(tmp_path: Path, capsys: Capture) -> None:
    out, _ = said(capsys)
    assert "CPU  serves A processor" in out and "heft backends back" not in out
    out, told = said(capsys, "add", library(tmp_path, "vulkan"))
    assert told.startswith("heft: Vulkan computed the known answer on ") and f"serves {CARD}" in told
    assert "(off by 0.08% at most)" in out and f"{CARD} 151 tok/s, processor 40 tok/s" in out
    assert out.rstrip().endswith("What was before the last change: heft backends back")
    (row, _) = document(capsys)["backends"]
    assert (row["name"], row["used"], row["origin"], row["size_bytes"]) == ("Vulkan", True, "added", 9)
    assert row["devices"][0]["served_by"] == "Vulkan" and row["devices"][0]["tokens_per_second"] == 151.2
    assert row["tried_at"].endswith("+00:00")


def test_one_card_of_two_backends_is_chosen_and_gone_back_from(tmp_path: Path, capsys: Capture) -> None:
    said(capsys, "add", library(tmp_path, "vulkan"))
    said(capsys, "add", library(tmp_path, "cuda"))
    assert [row["name"] for row in document(capsys)["backends"]][:2] == ["CUDA", "Vulkan"]
    cuda = document(capsys)["backends"][0]["devices"][0]
    assert cuda["others"] == [{"backend": "Vulkan", "tokens_per_second": 151.2}]
    assert f"{CARD} 212 tok/s (1.4 times as quick as Vulkan, 151 tok/s), processor 40 tok/s" in said(capsys)[0]
    assert f"heft: Vulkan serves {CARD}" in said(capsys, "use", "vulkan")[1]
    assert "What was before the last change is used again" in said(capsys, "back")[1]
    assert "heft: CUDA is not used any more." in said(capsys, "remove", "cuda")[1]
    assert "heft: Vulkan computed the known answer" in said(capsys, "try", "vulkan")[1]


def test_one_that_fails_its_trial_is_refused_and_leaves_nothing(
    tmp_path: Path, heft_home: Path, capsys: Capture, answers: dict[str, Tried | HeftError]
) -> None:
    error = document(capsys, "add", library(tmp_path, "sycl"), code=1)["error"]
    assert error["kind"] == "refused-backend" and "wrong answer" in error["message"]
    assert list((heft_home / "backends").glob("*.so")) == []
    said(capsys, "add", library(tmp_path, "vulkan"))
    answers["libggml-vulkan.so"] = ANSWERS["libggml-sycl.so"]
    told = said(capsys, "try", "vulkan", code=1)[1]
    assert "libggml-vulkan.so failed its trial: it computes a wrong answer" in told and "the others stay" in told


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("add",), 2, "Say which: heft backends add FILE"),
        (("back", "vulkan"), 2, "'vulkan' is one word too many."),
        (("build", "metal"), 2, "'metal' is none that Heft can build."),
        (("use", "nothing"), 1, "nothing"),
        (("add", "/nowhere/libggml-x.so"), 1, "There is no file libggml-x.so."),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], code: int, message: str, capsys: Capture) -> None:
    assert message in document(capsys, *words, code=code)["error"]["message"]


def test_a_build_says_what_it_takes_before_and_what_came_of_it(
    heft_home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = scripted_builder()
    monkeypatch.setattr(backend_building, "CudaBuilder", builder)
    monkeypatch.setattr(backend_building, "installed", lambda: None)
    monkeypatch.setattr(backend_building, "can_fetch", lambda: True)
    out, told = said(capsys, "build", "cuda", "--architecture", "8.9")
    assert "heft: Building llama.cpp's CUDA backend. It takes about " in told and "fetches 602.6 MB" in told
    assert f"serves {CARD} since " in told and "CUDA  serves" in out and builder.asked == ["89"]
    error = document(capsys, "build", "cuda", "--architecture", "Ada", code=2)["error"]
    assert error["message"] == "'Ada' is no architecture of NVIDIA's cards."
