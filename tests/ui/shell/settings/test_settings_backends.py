"""Settings > Engine, the card of backends: what is shown of each; adding, trying, choosing, removing, going back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.settings_dialog import Made
from support.widgets import click, find

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.progress import Progress
from desktop.engine import backend_trial
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.engine.backends import engine_package
from desktop.engine.further_backends import confirm, examine

CARD = "NVIDIA GeForce RTX 4070"
VULKAN = Tried("Vulkan", (ProvenDevice("Vulkan0", f"{CARD} (NVK)", "0000:01:00.0", "gpu", 0.0008, 151.2, 40.0),))
CUDA = Tried("CUDA", (ProvenDevice("CUDA0", CARD, "0000:01:00.0", "gpu", 0.0004, 212.0, 40.0),))
WRONG = HeftError("SYCL0 computes a wrong answer (an error of 87%, 2% is right).", kind=FailureKind.REFUSED_BACKEND)
Answers = dict[str, "Tried | HeftError"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "backends"
    folder.mkdir()
    return folder


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What each library says of itself in its trial, in no time."""
    known: Answers = {"libggml-vulkan.so": VULKAN, "libggml-cuda.so": CUDA, "libggml-sycl.so": WRONG}

    def trial(file: Path, **_options: Any) -> Tried:
        found = known[file.name]
        if isinstance(found, HeftError):
            raise found
        return found

    monkeypatch.setattr(backend_trial, "try_library", trial)
    return known


def put(folder: Path, *names: str) -> None:
    """Libraries that an earlier start has tried."""
    for name in names:
        (folder / f"libggml-{name}.so").write_bytes(b"a library")
        examine(str(folder), engine_package(), backend_trial.try_library)
    confirm(str(folder))


def shows(page: QWidget, name: str) -> str:
    found = page.findChild(QLabel, name)
    return found.text() if isinstance(found, QLabel) and found.isVisible() else ""


def row_of(page: QWidget, name: str) -> int:
    return next((row for row in range(9) if shows(page, f"backend{row}") == name), -1)


def state(page: QWidget, name: str) -> str:
    return shows(page, f"backend{row_of(page, name)}State")


def press(qtbot: QtBot, page: QWidget, name: str, what: str) -> None:
    click(qtbot, page, f"backend{row_of(page, name)}{what}")


@pytest.fixture
def page(made: Made, qtbot: QtBot, folder: Path, answers: Answers) -> Callable[[], QWidget]:
    """Opens the page; what is to be shown lies in the folder before."""

    def opened() -> QWidget:
        page = made.open("engine")
        qtbot.waitUntil(lambda: row_of(page, "CPU") >= 0)
        return page

    return opened


def test_each_backend_says_what_it_serves_and_what_its_trial_said(page: Callable[[], QWidget], folder: Path) -> None:
    put(folder, "vulkan", "sycl")
    (folder / "libggml-new.so").write_bytes(b"never tried")
    found = page()
    assert shows(found, "settingsBackendsAbout").startswith("A backend lets the engine compute on a graphics card")
    assert state(found, "Vulkan") == f"✓ serves {CARD} (NVK)"
    facts = shows(found, f"backend{row_of(found, 'Vulkan')}Facts")
    assert "libggml-vulkan.so · added by you · computed the known answer on " in facts
    assert "(off by 0.08% at most)" in facts
    speed = shows(found, f"backend{row_of(found, 'Vulkan')}Speed")
    assert speed == f"starter model in the trial: {CARD} (NVK) 151 tok/s, processor 40 tok/s"
    assert state(found, "libggml-sycl.so") == "✗ left out: SYCL0 computes a wrong answer (an error of 87%, 2% is right)"
    assert state(found, "libggml-new.so") == "will be tried at the engine's next start"
    assert state(found, "CPU") == "✓ serves A processor"
    assert not found.findChild(QPushButton, f"backend{row_of(found, 'CPU')}Remove")


def test_a_backend_is_added_serves_its_card_and_one_press_goes_back(
    page: Callable[[], QWidget], qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    put(folder, "vulkan")
    library = tmp_path / "libggml-cuda.so"
    library.write_bytes(b"a library")
    found = page()
    assert not find(found, QPushButton, "settingsBackendsBack").isEnabled()
    click(qtbot, found, "settingsBackendsAdd")
    (dialog,) = [each for each in found.findChildren(QFileDialog) if each.isVisible()]
    dialog.fileSelected.emit(str(library))
    dialog.close()
    qtbot.waitUntil(lambda: row_of(found, "CUDA") == 0)
    assert shows(found, "settingsBackendsState").startswith(f"CUDA was added and serves {CARD} since ")
    assert state(found, "CUDA").startswith(f"✓ serves {CARD} since ")
    qtbot.waitUntil(lambda: state(found, "Vulkan") == f"✓ {CARD} (NVK) is served by CUDA")
    speed = f"{CARD} 212 tok/s (1.4 times as quick as Vulkan, 151 tok/s), processor 40 tok/s"
    assert speed in shows(found, f"backend{row_of(found, 'CUDA')}Speed")
    speed = f"{CARD} (NVK) 151 tok/s (CUDA is 1.4 times as quick, 212 tok/s)"
    assert speed in shows(found, f"backend{row_of(found, 'Vulkan')}Speed")
    press(qtbot, found, "Vulkan", "Use")
    qtbot.waitUntil(lambda: state(found, "CUDA") == f"✓ {CARD} is served by Vulkan")
    click(qtbot, found, "settingsBackendsBack")
    qtbot.waitUntil(lambda: state(found, "CUDA").startswith(f"✓ serves {CARD}"))
    press(qtbot, found, "CUDA", "Remove")
    qtbot.waitUntil(lambda: row_of(found, "Vulkan") == 0)
    assert state(found, "Vulkan").startswith(f"✓ serves {CARD} (NVK)") and row_of(found, "CUDA") < 0
    assert not (folder / "libggml-cuda.so").exists()
    click(qtbot, found, "settingsBackendsBack")
    qtbot.waitUntil(lambda: row_of(found, "CUDA") == 0)
    assert (folder / "libggml-cuda.so").exists()


def test_a_library_that_fails_is_refused_in_words_and_leaves_nothing(
    page: Callable[[], QWidget], qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    library = tmp_path / "libggml-sycl.so"
    library.write_bytes(b"a library")
    found = page()
    click(qtbot, found, "settingsBackendsAdd")
    (dialog,) = [each for each in found.findChildren(QFileDialog) if each.isVisible()]
    dialog.fileSelected.emit(str(library))
    dialog.close()
    qtbot.waitUntil(lambda: "was not added: SYCL0 computes a wrong" in shows(found, "settingsBackendsState"))
    qtbot.waitUntil(find(found, QPushButton, "settingsBackendsAdd").isEnabled)
    assert not list(folder.rglob("*sycl*")) and row_of(found, "libggml-sycl.so") < 0


def test_a_backend_that_fails_now_is_left_out_when_it_is_tried_again(
    page: Callable[[], QWidget], qtbot: QtBot, folder: Path, answers: Answers
) -> None:
    put(folder, "vulkan")
    found = page()
    answers["libggml-vulkan.so"] = HeftError("it crashes the engine.", kind=FailureKind.REFUSED_BACKEND)
    press(qtbot, found, "Vulkan", "Try")
    qtbot.waitUntil(lambda: state(found, "libggml-vulkan.so") == "✗ left out: it crashes the engine")
    answers["libggml-vulkan.so"] = VULKAN
    press(qtbot, found, "libggml-vulkan.so", "Try")
    qtbot.waitUntil(lambda: state(found, "Vulkan") == f"✓ serves {CARD} (NVK)")


def test_a_trial_says_what_it_does_and_can_be_cancelled(
    page: Callable[[], QWidget], qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "vulkan")
    found = page()
    ended = threading.Event()

    def endless(file: Path, **options: Any) -> Tried:
        options["progress"](Progress(0, 1, "devices", note=CARD))
        while not options["cancelled"]():
            ended.wait(0.01)
        ended.set()
        raise CancelledError

    monkeypatch.setattr(backend_trial, "try_library", endless)
    press(qtbot, found, "Vulkan", "Try")
    qtbot.waitUntil(lambda: shows(found, "settingsBackendsState") == f"Computing the known answer on {CARD}…")
    assert not find(found, QPushButton, "settingsBackendsAdd").isEnabled()
    click(qtbot, found, "settingsBackendsCancel")
    qtbot.waitUntil(ended.is_set)
    qtbot.waitUntil(find(found, QPushButton, "settingsBackendsAdd").isEnabled)
    assert "cancelled" in shows(found, "settingsBackendsState")
    qtbot.waitUntil(lambda: state(found, "Vulkan") == f"✓ serves {CARD} (NVK)")


def test_the_folder_of_backends_is_made_and_opened(
    page: Callable[[], QWidget], qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    (tmp_path / "backends").rmdir()
    click(qtbot, page(), "settingsBackendsFolder")
    assert (tmp_path / "backends").is_dir() and opened == [f"file://{tmp_path / 'backends'}"]
