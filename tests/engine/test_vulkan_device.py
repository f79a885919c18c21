"""The Vulkan backend itself on a device in software: listed, loaded onto and computing as the processor does."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine import driven_engine
from support.vulkan import DRIVER_FILES, shipped_library, use_lavapipe_alone

from desktop.engine.graphics_drivers import VISIBLE_DEVICES

pytestmark = pytest.mark.engine
LAYERS = 3
QUESTION = "Name the days of the week."  # whose first tokens are no near tie between two


@pytest.fixture(autouse=True)
def vulkan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend that the engine brings, and lavapipe."""
    use_lavapipe_alone(monkeypatch, tmp_path / "backends")


def test_layers_on_a_vulkan_device_answer_as_the_processor_does(tmp_path: Path, starter_model: Path) -> None:
    with driven_engine(tmp_path) as engine:
        (device,) = [device for device in engine.hello().devices if device.backend == "Vulkan"]
        assert device.total_bytes > 0
        answers = {}
        for layers, devices in ((0, "none"), (LAYERS, device.name)):
            assert engine.load(starter_model, 256, gpu_layers=layers, devices=devices).gpu_layers == layers
            answers[layers], _ = engine.ask(QUESTION, max_tokens=6)
    assert answers[LAYERS] == answers[0] != ""


def test_a_software_device_is_never_taken_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE_DEVICES)
    (tmp_path / "backends" / shipped_library().name).symlink_to(shipped_library())  # one of the user's is tried anyway
    with driven_engine(tmp_path) as engine:
        hello = engine.hello()
    assert {device.name for device in hello.devices} == {"CPU"}
    assert len(hello.left_out) == 1 and "no device" in hello.left_out[0]


@pytest.mark.parametrize(
    ("driver", "device"),
    [
        ('{"file_format_version": "1.0.0", "ICD": {"library_path": "/nonexistent.so", "api_version": "1.3.0"}}', "0"),
        ("no driver file", "0"),
        ("", "7"),
    ],
    ids=["its library is missing", "it is no driver file", "there is no such device"],
)
def test_a_driver_that_does_not_work_is_a_sentence(
    driver: str, device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if driver:
        (tmp_path / "driver.json").write_text(driver)
        monkeypatch.setenv(DRIVER_FILES, str(tmp_path / "driver.json"))
    monkeypatch.setenv(VISIBLE_DEVICES, device)
    with driven_engine(tmp_path) as engine:
        hello = engine.hello()
    assert {device.name for device in hello.devices} == {"CPU"}
    assert len(hello.left_out) == 1 and "libggml-vulkan.so was left out" in hello.left_out[0]
