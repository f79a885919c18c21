"""A Vulkan device without a graphics card: Mesa's driver in software, through the backend beside the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.engine.backends import engine_package

DEVICE = "Vulkan0"
_LIBRARY = "libggml-vulkan.so"
_DRIVERS = Path("/usr/share/vulkan/icd.d")


def lavapipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the engine offers it; ``folder`` takes the backend. Left out where the driver or the backend is not
    there.
    """
    driver = next(iter(sorted(_DRIVERS.glob("lvp_icd*.json"))), None)
    library = engine_package() / "lib" / "further" / _LIBRARY
    if driver is None or not library.is_file():
        pytest.skip("no software driver for Vulkan, or an engine without its Vulkan backend")
    folder.mkdir(mode=0o700)
    (folder / _LIBRARY).symlink_to(library)
    monkeypatch.setenv("VK_DRIVER_FILES", str(driver))
    monkeypatch.setenv("GGML_VK_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("HEFT_BACKENDS", str(folder))
