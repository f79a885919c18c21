"""A Vulkan device without a graphics card: Mesa's lavapipe, in software, slow and exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.engine.backends import engine_package
from desktop.engine.builder.vulkan import LIBRARY
from desktop.engine.further_backends import FOLDER_VARIABLE, TRIAL_MODEL_VARIABLE
from desktop.engine.graphics_drivers import VISIBLE_DEVICES

_DRIVERS = Path("/usr/share/vulkan/icd.d")
DRIVER_FILES = "VK_DRIVER_FILES"


def shipped_library() -> Path:
    """The Vulkan backend beside this engine, as packaging/test.sh puts it there; else the test is left out."""
    library = engine_package() / "lib" / "further" / LIBRARY
    if not library.is_file():
        pytest.skip("the engine has no Vulkan backend (packaging/build_engine.py --vulkan)")
    return library


def use_lavapipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on it is this computer's Vulkan device, asked for by name; without one the test is left out."""
    driver = next(iter(sorted(_DRIVERS.glob("lvp_icd*.json"))), None)
    if driver is None:
        pytest.skip("mesa-vulkan-drivers is not installed")
    shipped_library()
    monkeypatch.setenv(DRIVER_FILES, str(driver))
    monkeypatch.setenv(VISIBLE_DEVICES, "0")


def use_lavapipe_alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The same, beside no backend of the user's (``folder`` is theirs, new), tried without the starter."""
    use_lavapipe(monkeypatch)
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.delenv(TRIAL_MODEL_VARIABLE, raising=False)
