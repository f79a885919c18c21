"""Devices turned by hand: what is set is what is shown, and what is shown is what is set."""

from __future__ import annotations

import pytest

from desktop.core.device_choice import DeviceChoice, choice_of
from desktop.core.errors import UsageError
from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.pools import Pool, offered_devices

GB = 1_000_000_000
CARD = Gpu("RTX 4070", "nvidia", 12 * GB, 9 * GB, probe="nvml", engine_devices=("CUDA0", "Vulkan0"))
SMALL = Gpu("RTX 3050", "nvidia", 4 * GB, 3 * GB, probe="nvml", engine_devices=("CUDA1",))
SOFTWARE = Gpu("llvmpipe", total_bytes=2 * GB, free_bytes=2 * GB, kind="software", engine_devices=("Vulkan1",))
LENT = (
    Gpu("RTX 4090 of studio", "nvidia", 24 * GB, 22 * GB, kind="remote", engine_devices=("RPC0",), worker="studio"),
    Gpu("RTX 4080 of studio", "nvidia", 16 * GB, 15 * GB, kind="remote", engine_devices=("RPC1",), worker="studio"),
)


def there(*gpus: Gpu) -> tuple[Pool, ...]:
    return offered_devices(Machine(Cpu("x"), Memory(16 * GB, 16 * GB), gpus, engine=EngineInfo("llama.cpp b1")))


ALL = there(CARD, SMALL, SOFTWARE, *LENT)


def shown(choice: DeviceChoice) -> list[tuple[str, bool]]:
    return [(device.name, device.on) for device in choice.devices]


def chosen(devices: str | None, offered: tuple[Pool, ...] = ALL, **more: str) -> DeviceChoice:
    return choice_of(LoadSettings(devices=devices, **more), offered)  # type: ignore[arg-type]


def test_what_is_offered_says_how_large_it_is_and_what_it_is() -> None:
    told = [(pool.engine_device, pool.total_bytes // GB, pool.software, pool.left_for, pool.worker) for pool in ALL]
    assert told == [
        ("CUDA0", 12, False, "", ""),
        ("CUDA1", 4, False, "", ""),
        ("Vulkan1", 2, True, "software", ""),
        ("RPC0", 24, False, "lent", "studio"),
        ("RPC1", 16, False, "lent", "studio"),
    ]
    assert there(Gpu("A card of a profile", total_bytes=GB)) == ()


@pytest.mark.parametrize(
    ("devices", "on"),
    [
        (None, ["CUDA0", "CUDA1"]),
        ("none", []),
        ("vulkan0", ["CUDA0"]),  # another backend's name of the same card
        ("CUDA1,CUDA0", ["CUDA1", "CUDA0"]),
        ("here,@Studio", ["CUDA0", "CUDA1", "RPC0", "RPC1"]),
        ("Vulkan1,CUDA1,Vulkan1", ["Vulkan1", "CUDA1"]),
        ("CUDA7,CUDA0", ["CUDA7", "CUDA0"]),
        ("@cellar", ["@cellar"]),
    ],
)
def test_what_is_set_is_on_and_in_its_order(devices: str | None, on: list[str]) -> None:
    choice = chosen(devices)
    assert [device.name for device in choice.used] == on
    left = [name for name, used in shown(choice) if not used]
    assert left == [pool.engine_device for pool in ALL if pool.engine_device not in on]
    assert [device.name for device in choice.devices if device.pool is None] == [
        name for name in on if name in ("CUDA7", "@cellar")
    ]


@pytest.mark.parametrize(
    "devices", [None, "none", "CUDA1", "CUDA1,CUDA0", "here,@studio", "@studio", "Vulkan1,CUDA1", "RPC1", "CUDA7,CUDA0"]
)
def test_what_is_shown_is_written_as_it_was_set(devices: str | None) -> None:
    settings = LoadSettings(4096, devices=devices)
    assert choice_of(settings, ALL).over(settings) == settings


def test_the_devices_that_heft_takes_by_itself_are_left_to_it() -> None:
    assert chosen("CUDA0,CUDA1").asked is None and chosen("CUDA1").switched("CUDA0", True).asked == "CUDA1,CUDA0"
    assert chosen("CUDA1").switched("CUDA0", True).moved("CUDA0", -1).asked is None


def test_a_device_is_switched_and_the_last_one_leaves_the_processor() -> None:
    off = chosen(None).switched("CUDA0", False)
    assert off.asked == "CUDA1" and shown(off)[0] == ("CUDA0", False)  # it stays where it was
    assert off.switched("CUDA1", False).asked == "none"
    assert off.switched("CUDA0", True).asked is None
    assert chosen(None).switched("Vulkan1", True).asked == "CUDA0,CUDA1,Vulkan1"


def test_another_computer_s_devices_go_together() -> None:
    both = chosen(None).switched("RPC1", True)
    assert [device.name for device in both.used] == ["CUDA0", "CUDA1", "RPC0", "RPC1"]
    assert both.asked == "here,@studio"
    first = both.moved("RPC1", -9)
    assert [device.name for device in first.used] == ["RPC0", "RPC1", "CUDA0", "CUDA1"]
    assert first.asked == "@studio,CUDA0,CUDA1"


def test_shares_go_with_their_devices() -> None:
    choice = chosen(None, tensor_split="3,1")
    assert choice.moved("CUDA1", -1).over(LoadSettings()).tensor_split == "1,3"
    more = choice.switched("Vulkan1", True)
    free = {pool.engine_device: pool.free_bytes for pool in ALL}
    assert more.shares == (3, 1, round(4 * free["Vulkan1"] / (free["CUDA0"] + free["CUDA1"]), 2))
    assert more.switched("CUDA0", False).shares == more.shares[1:]
    alone = choice.switched("CUDA0", False)
    assert alone.shares == () and alone.over(LoadSettings()).tensor_split is None


def test_a_share_that_is_set_is_set_for_all() -> None:
    choice = chosen(None, main_device="CUDA1").with_share("CUDA1", 10, (26, 7))
    assert choice.over(LoadSettings(devices="x")) == LoadSettings(tensor_split="26,10")
    assert choice.with_share("CUDA0", 0.5, (1, 1)).shares == (0.5, 10)


def test_shares_of_other_devices_are_no_shares_of_these() -> None:
    assert chosen(None, tensor_split="1,2,3").shares == ()


def test_the_main_device_is_one_of_those_that_are_on() -> None:
    choice = chosen(None, main_device="cuda1")
    assert choice.main == "CUDA1"
    assert choice.switched("CUDA1", False).main is None and choice.switched("CUDA0", False).main is None
    assert choice.moved("CUDA1", -1).main == "CUDA1"


def test_shares_of_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="Shares of nothing"):
        LoadSettings(tensor_split="0,0").checked()
    assert LoadSettings(tensor_split="0,1").checked()
