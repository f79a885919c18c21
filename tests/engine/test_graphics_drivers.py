"""desktop/engine/graphics_drivers.py on trees of files that stand for computers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.engine.graphics_drivers import device_nodes, driver_files, surroundings, why_no_vulkan

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is read off Linux' own files")


@pytest.fixture
def computer(tmp_path: Path) -> Path:
    """One with a card and its driver."""
    add(tmp_path / "dev" / "dri" / "renderD128")
    add(tmp_path / "usr" / "share" / "vulkan" / "icd.d" / "radeon_icd.json", "{}")
    return tmp_path


def add(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_card_with_a_driver_may_be_found(computer: Path) -> None:
    assert why_no_vulkan({}, computer) == ""
    assert device_nodes(computer) == [str(computer / "dev/dri/renderD128")]


def test_without_a_card_nothing_is_looked_for(computer: Path) -> None:
    (computer / "dev" / "dri" / "renderD128").unlink()
    assert "no graphics card" in why_no_vulkan({}, computer)
    assert why_no_vulkan({"GGML_VK_VISIBLE_DEVICES": "0"}, computer) == ""  # a software device, asked for
    add(computer / "dev" / "nvidia0")
    assert why_no_vulkan({}, computer) == ""


def test_a_card_without_a_driver_is_said(computer: Path) -> None:
    (driver,) = driver_files({}, computer)
    driver.unlink()
    assert "No Vulkan driver" in why_no_vulkan({}, computer)
    for place in ("etc/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "etc/xdg/vulkan/icd.d"):
        file = add(computer / place / "nvidia_icd.json")
        assert why_no_vulkan({}, computer) == "", place
        file.unlink()


def test_the_users_own_folders_and_variables_count(computer: Path, tmp_path: Path) -> None:
    own = add(tmp_path / "home" / ".local" / "share" / "vulkan" / "icd.d" / "own.json")
    named = add(tmp_path / "named.json")
    usual = computer / "usr/share/vulkan/icd.d/radeon_icd.json"
    assert driver_files({"HOME": str(tmp_path / "home")}, computer) == sorted([own, usual])
    assert driver_files({"VK_ADD_DRIVER_FILES": str(named)}, computer) == sorted([named, usual])
    assert driver_files({"VK_DRIVER_FILES": str(named)}, computer) == [named]
    assert driver_files({"VK_ICD_FILENAMES": str(own.parent)}, computer) == [own]
    assert driver_files({"VK_DRIVER_FILES": "/nonexistent"}, computer) == []
    assert driver_files({"VK_DRIVER_FILES": ""}, computer) == []
    assert driver_files({"XDG_DATA_DIRS": str(tmp_path / "elsewhere")}, computer) == []


def test_another_driver_card_or_choice_makes_other_surroundings(computer: Path) -> None:
    seen = {surroundings({}, computer)}
    assert surroundings({"EDITOR": "ed"}, computer) in seen
    seen.add(surroundings({"GGML_VK_VISIBLE_DEVICES": "0"}, computer))
    add(computer / "usr/share/vulkan/icd.d/radeon_icd.json", "{ }")  # updated
    seen.add(surroundings({}, computer))
    add(computer / "sys/module/nvidia/version", "580.1\n")
    seen.add(surroundings({}, computer))
    add(computer / "dev" / "nvidia0")
    seen.add(surroundings({}, computer))
    assert len(seen) == 5
