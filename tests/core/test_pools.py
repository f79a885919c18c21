"""Which devices a load may use: drivers in software never by themselves, unequal and busy cards, what is asked for."""

from pathlib import Path

import pytest
from support.forge_shapes import llama_8b

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.gguf import BytesSource, read_header
from desktop.core.hardware import Cpu, EngineInfo, Gpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, Weights, shape_of, weights_of
from desktop.core.placement import place
from desktop.core.pools import devices_for
from desktop.services.planning.device_words import gpu_words

GB = 1_000_000_000
CARD = Gpu("RTX 4070", "nvidia", 12 * GB, 12 * GB, probe="nvml", engine_devices=("CUDA0", "Vulkan0"))
SMALL = Gpu("RTX 3050", "nvidia", 4 * GB, 4 * GB, probe="nvml", engine_devices=("CUDA1",))
BUSY = Gpu("RTX 4070", "nvidia", 12 * GB, 400_000_000, probe="nvml", engine_devices=("CUDA0",))
INTEGRATED = Gpu("Iris Xe", "intel", 16 * GB, 14 * GB, shared_memory=True, engine_devices=("Vulkan1",))
SOFTWARE = Gpu("llvmpipe", total_bytes=2 * GB, free_bytes=2 * GB, kind="software", engine_devices=("Vulkan0",))

LENT = Gpu(
    "RTX 4090 of studio",
    total_bytes=24 * GB,
    free_bytes=22 * GB,
    kind="remote",
    engine_devices=("RPC0",),
    worker="studio",
)
REMOTE = Gpu("10.0.0.2:50052", total_bytes=24 * GB, free_bytes=22 * GB, kind="remote", engine_devices=("RPC0",))


def machine(*gpus: Gpu) -> Machine:
    return Machine(Cpu("x"), Memory(16 * GB, 16 * GB), gpus, engine=EngineInfo("llama.cpp b1"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelShape, Weights]:
    path = llama_8b().write(tmp_path_factory.mktemp("shapes") / "m.gguf")
    header = read_header(BytesSource(Path(path).read_bytes()[: 1 << 22]))
    shape = shape_of(header)
    assert shape is not None
    return shape, weights_of([header], shape)


@pytest.mark.parametrize(
    ("gpus", "asked", "used", "left", "told"),
    [
        ((), None, [], [], False),
        ((CARD,), None, ["CUDA0"], [], False),
        ((SOFTWARE,), None, [], [("Vulkan0", "software")], True),
        ((SOFTWARE,), "Vulkan0", ["Vulkan0"], [], False),
        ((CARD, SOFTWARE), None, ["CUDA0"], [("Vulkan0", "software")], True),
        ((INTEGRATED, SOFTWARE), None, ["Vulkan1"], [("Vulkan0", "software")], True),
        ((CARD, INTEGRATED), None, ["CUDA0"], [("Vulkan1", "integrated")], False),
        ((CARD, INTEGRATED), "vulkan1", ["Vulkan1"], [("CUDA0", "not-asked")], True),
        ((CARD, INTEGRATED), "CUDA0,Vulkan1", ["CUDA0", "Vulkan1"], [], True),
        ((CARD, SMALL), None, ["CUDA0", "CUDA1"], [], False),
        ((CARD, SMALL), "CUDA1", ["CUDA1"], [("CUDA0", "not-asked")], True),
        ((CARD,), "none", [], [("CUDA0", "not-asked")], True),
        ((LENT,), None, [], [("RPC0", "lent")], True),
        ((CARD, LENT), None, ["CUDA0"], [("RPC0", "lent")], True),
        ((LENT,), "@studio", ["RPC0"], [], False),
        ((CARD, LENT), "here,@Studio", ["CUDA0", "RPC0"], [], False),
        ((CARD, LENT), "@studio", ["RPC0"], [("CUDA0", "not-asked")], True),
        ((CARD, LENT), "here", ["CUDA0"], [("RPC0", "not-asked")], True),
        ((CARD, REMOTE), None, ["CUDA0", "RPC0"], [], False),
    ],
)
def test_the_devices_of_a_load(
    gpus: tuple[Gpu, ...], asked: str | None, used: list[str], left: list[tuple[str, str]], told: bool
) -> None:
    found = devices_for(machine(*gpus), asked)
    assert [pool.engine_device for pool in found.pools[1:]] == used
    assert [(pool.engine_device, pool.left_for) for pool in found.left] == left
    assert found.told == told


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(HeftError, match=r"The device CUDA7, .*: the engine offers CUDA0, Vulkan0") as gone:
        devices_for(machine(CARD), "CUDA7")
    assert gone.value.kind == FailureKind.DEVICE_GONE and gone.value.hint
    with pytest.raises(HeftError, match="the engine finds no graphics card"):
        devices_for(machine(), "Vulkan0")


def test_a_computer_that_lends_nothing_now_is_named() -> None:
    with pytest.raises(HeftError) as gone:
        devices_for(machine(CARD), "here,@studio")
    assert gone.value.kind == FailureKind.DEVICE_GONE
    assert gone.value.message.startswith("studio, on whose devices") and "heft worker" in gone.value.hint


def test_why_another_computer_s_device_is_left_out_says_how_to_use_it(model: tuple[ModelShape, Weights]) -> None:
    said = gpu_words(place(*model, LoadSettings(), machine(LENT)))
    assert any("it is another computer's. It is used where @studio is set as a device" in line for line in said)


def test_a_profile_knows_no_devices_of_this_computer() -> None:
    there = Machine(Cpu("x"), Memory(16 * GB), (CARD,))
    assert len(devices_for(there, "Vulkan9").pools) == 2


def test_a_driver_in_software_is_used_only_where_it_is_asked_for(model: tuple[ModelShape, Weights]) -> None:
    by_itself = place(*model, LoadSettings(512), machine(SOFTWARE))
    assert (by_itself.placement, by_itself.gpu_layers, by_itself.devices) == ("cpu", 0, "none")
    (said,) = gpu_words(by_itself)
    assert said.startswith(
        "llvmpipe is left out: it is a graphics driver in software, slower than the processor itself."
    )
    asked = place(*model, LoadSettings(512, devices="Vulkan0"), machine(SOFTWARE))
    assert asked.gpu_layers > 0 and asked.devices == ""


def test_integrated_and_discrete_together(model: tuple[ModelShape, Weights]) -> None:
    fit = place(*model, LoadSettings(512), machine(CARD, INTEGRATED))
    assert (fit.placement, fit.devices) == ("gpu", "CUDA0")  # which reaches the card as Vulkan does
    assert gpu_words(fit) == (
        "All of it goes to RTX 4070, where 11.4 GB are free.",
        "Iris Xe is left out: it has no memory of its own, and RTX 4070 has.",
    )


def test_two_unequal_cards_share_by_what_is_free_unless_one_is_better(model: tuple[ModelShape, Weights]) -> None:
    small = Gpu("RTX 3050", "nvidia", 4 * GB, 4 * GB, engine_devices=("CUDA1",))
    both = place(*model, LoadSettings(32768), machine(CARD, small))
    shares = [device.weights_bytes for device in both.memory.devices]
    assert both.placement == "gpu" and shares[1] > 2 * shares[2] > 0
    assert gpu_words(both)[0].startswith("The layers are shared among 2 GPUs by what is free on each: RTX 4070 11.4 GB")


def test_a_busy_card_is_left_with_the_reason(model: tuple[ModelShape, Weights]) -> None:
    fit = place(*model, LoadSettings(512), machine(BUSY))
    assert (fit.placement, fit.gpu_layers, fit.devices) == ("cpu", 0, "none")
    assert gpu_words(fit) == (
        "RTX 4070 is left out: none of its memory is free for a model, and without it more fits the rest.",
    )
    other = Gpu("RTX 4080", "nvidia", 16 * GB, 16 * GB, engine_devices=("CUDA1",))
    fit = place(*model, LoadSettings(512), machine(BUSY, other))
    assert (fit.placement, fit.devices) == ("gpu", "CUDA1")


def test_the_main_device_holds_a_model_that_fits_it_alone(model: tuple[ModelShape, Weights]) -> None:
    alone = place(*model, LoadSettings(512, main_device="cuda0"), machine(SMALL, CARD))
    assert (alone.placement, alone.devices) == ("gpu", "CUDA0")
    assert gpu_words(alone)[-1] == "RTX 3050 is left out: the model fits RTX 4070, its main device."
    both = place(*model, LoadSettings(32768, main_device="CUDA1"), machine(CARD, SMALL))
    assert both.devices == "CUDA1,CUDA0" and min(both.gpu_shares) > 0
    with pytest.raises(HeftError, match="The main device of this model, CUDA7, is not among those that are used") as no:
        place(*model, LoadSettings(512, main_device="CUDA7"), machine(CARD, SMALL))
    assert no.value.kind == FailureKind.DEVICE_GONE and no.value.hint


def test_shares_that_are_set_decide_how_layers_are_split(model: tuple[ModelShape, Weights]) -> None:
    fit = place(*model, LoadSettings(512, tensor_split="1,0"), machine(CARD, SMALL))
    assert fit.gpu_shares == (33, 0)
    fit = place(*model, LoadSettings(512, tensor_split="2,1", gpu_layers=30), machine(CARD, SMALL))
    assert fit.gpu_shares == (20, 10)
    assert gpu_words(fit)[0].startswith("The layers are shared among 2 GPUs as it was set")
    with pytest.raises(HeftError, match=r"There are 3 shares for 2 graphics devices \(CUDA0, CUDA1\)"):
        place(*model, LoadSettings(512, tensor_split="1,1,1"), machine(CARD, SMALL))
    main = place(
        *model, LoadSettings(512, tensor_split="2,1", gpu_layers=30, main_device="CUDA1"), machine(CARD, SMALL)
    )
    assert main.gpu_shares == (20, 10) and main.pools[1].engine_device == "CUDA0"  # in the order of the devices
    assert place(*model, LoadSettings(512, tensor_split="1,1"), machine()).fits  # no card: nothing to share


def test_the_cache_that_is_kept_off_the_card_is_in_main_memory(model: tuple[ModelShape, Weights]) -> None:
    on, off = (place(*model, LoadSettings(32768, kv_offload=kept), machine(CARD)) for kept in ("on", "off"))
    assert on.memory.devices[1].kv_bytes and not off.memory.devices[1].kv_bytes
    assert off.memory.devices[0].kv_bytes == on.memory.kv_bytes
    assert (on.gpu_names, off.gpu_names) == ("RTX 4070", "RTX 4070, KV cache in main memory")
