"""The AMD probe against sysfs trees as the amdgpu driver lays them out."""

from __future__ import annotations

from pathlib import Path

from desktop.machine.gpu_amd import probe_amd

KFD = (Path(__file__).parent / "recorded" / "kfd_rx7900xtx.txt").read_text(encoding="utf-8")
RX_7900_XTX = {
    "vendor": "0x1002",
    "device": "0x744c",
    "revision": "0xc8",
    "mem_info_vram_total": "25753026560",
    "mem_info_vram_used": "1073741824",
    "mem_info_gtt_total": "33554432000",
    "mem_info_gtt_used": "0",
}


CEZANNE = {**RX_7900_XTX, "device": "0x1638"}


def card(root: Path, number: int, files: dict[str, str], render: int = 128) -> None:
    device = root / f"sys/class/drm/card{number}/device"
    (device / f"drm/renderD{render}").mkdir(parents=True)
    for name, text in files.items():
        (device / name).write_text(f"{text}\n", encoding="ascii")


def kfd(root: Path, node: int, properties: str) -> None:
    path = root / f"sys/class/kfd/kfd/topology/nodes/{node}/properties"
    path.parent.mkdir(parents=True)
    path.write_text(properties, encoding="ascii")


def ids(root: Path, text: str) -> None:
    path = root / "usr/share/libdrm/amdgpu.ids"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def test_card_with_name_from_libdrm_and_target_from_kfd(tmp_path: Path) -> None:
    card(tmp_path, 0, RX_7900_XTX)
    kfd(tmp_path, 0, "cpu_cores_count 16\ngfx_target_version 0\n")
    kfd(tmp_path, 1, KFD)
    ids(
        tmp_path, "# List of AMDGPU IDs\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n"
    )
    (gpu,) = probe_amd(tmp_path).gpus
    assert (gpu.name, gpu.vendor, gpu.probe) == ("AMD Radeon RX 7900 XTX", "amd", "sysfs")
    assert (gpu.total_bytes, gpu.free_bytes) == (25753026560, 24679284736)
    assert gpu.target == "gfx1100"
    assert not gpu.shared_memory


def test_product_name_of_the_card_itself_comes_first(tmp_path: Path) -> None:
    card(tmp_path, 0, {**RX_7900_XTX, "product_name": "AMD Instinct MI210"})
    ids(tmp_path, "744C, C8, AMD Radeon RX 7900 XTX\n")
    kfd(tmp_path, 1, "gfx_target_version 90010\ndrm_render_minor 128\n")
    (gpu,) = probe_amd(tmp_path).gpus
    assert (gpu.name, gpu.target) == ("AMD Instinct MI210", "gfx90a")


def test_integrated_chip_counts_the_main_memory_it_may_map(tmp_path: Path) -> None:
    small = {**CEZANNE, "mem_info_vram_total": str(512 << 20), "mem_info_vram_used": str(256 << 20)}
    card(tmp_path, 0, {**small, "mem_info_gtt_total": str(16 << 30), "mem_info_gtt_used": str(1 << 30)})
    (gpu,) = probe_amd(tmp_path).gpus
    assert gpu.shared_memory
    assert gpu.total_bytes == (16 << 30) + (512 << 20)
    assert gpu.free_bytes == (15 << 30) + (256 << 20)
    assert gpu.name == "AMD GPU 1638:C8"
    assert gpu.target == ""


GIB = 1 << 30
CARD_4_GIB = {
    **RX_7900_XTX,
    "device": "0x743f",  # Radeon RX 6400
    "revision": "0xc7",
    "mem_info_vram_total": str(4 * GIB),
    "mem_info_vram_used": str(GIB // 4),
    "mem_info_gtt_total": str(16 * GIB),
}
STRIX_HALO = {
    **RX_7900_XTX,
    "device": "0x1586",
    "revision": "0xc1",
    "mem_info_vram_total": str(8 * GIB),
    "mem_info_vram_used": str(1 * GIB),
    "mem_info_gtt_total": str(44 * GIB),
}


def test_small_card_in_a_large_computer_has_only_its_own_memory(tmp_path: Path) -> None:
    card(tmp_path, 0, CARD_4_GIB)
    kfd(tmp_path, 1, "cpu_cores_count 0\ngfx_target_version 100304\ndrm_render_minor 128\n")
    (gpu,) = probe_amd(tmp_path).gpus
    assert (gpu.total_bytes, gpu.free_bytes) == (4 * GIB, 4 * GIB - GIB // 4)
    assert (gpu.shared_memory, gpu.set_aside_bytes, gpu.target) == (False, 0, "gfx1034")


def test_card_of_which_nothing_but_its_memory_is_told_is_a_card(tmp_path: Path) -> None:
    card(tmp_path, 0, {**CARD_4_GIB, "device": "0xffff"})
    (gpu,) = probe_amd(tmp_path).gpus
    assert (gpu.total_bytes, gpu.shared_memory) == (4 * GIB, False)


def test_integrated_chip_is_one_however_much_the_firmware_sets_aside_for_it(tmp_path: Path) -> None:
    card(tmp_path, 0, STRIX_HALO)
    (gpu,) = probe_amd(tmp_path).gpus
    assert (gpu.total_bytes, gpu.free_bytes) == (52 * GIB, 51 * GIB)
    assert (gpu.shared_memory, gpu.set_aside_bytes) == (True, 8 * GIB)


def test_each_witness_tells_an_integrated_chip_that_no_table_has(tmp_path: Path) -> None:
    unknown = {**STRIX_HALO, "device": "0xfff0"}
    for number, witness in enumerate(("target", "cores", "part", "metrics", "none")):
        card(tmp_path, number, unknown, render=128 + number)
        device = tmp_path / f"sys/class/drm/card{number}/device"
        if witness == "target":
            kfd(tmp_path, number, f"gfx_target_version 110501\ndrm_render_minor {128 + number}\n")
        elif witness == "cores":
            kfd(
                tmp_path,
                number,
                f"cpu_cores_count 8\ngfx_target_version 130000\ndrm_render_minor {128 + number}\n",
            )
        elif witness == "part":
            part = device / "ip_discovery/die/0/GC/0"
            part.mkdir(parents=True)
            for name, text in (("major", "11"), ("minor", "5"), ("revision", "1")):
                (part / name).write_text(f"{text}\n", encoding="ascii")
        elif witness == "metrics":
            (device / "gpu_metrics").write_bytes(b"\x08\x01\x03\x00" + bytes(32))
    assert [gpu.shared_memory for gpu in probe_amd(tmp_path).gpus] == [True, True, True, True, False]


def test_metrics_of_a_card_do_not_make_it_integrated(tmp_path: Path) -> None:
    card(tmp_path, 0, CARD_4_GIB)
    (tmp_path / "sys/class/drm/card0/device/gpu_metrics").write_bytes(b"\x60\x00\x01\x03" + bytes(32))
    (gpu,) = probe_amd(tmp_path).gpus
    assert not gpu.shared_memory


def test_gpu_is_known_by_its_pci_address(tmp_path: Path) -> None:
    bus = tmp_path / "sys/devices/pci0000:00/0000:c1:00.0"
    (bus / "drm/renderD128").mkdir(parents=True)
    for name, text in RX_7900_XTX.items():
        (bus / name).write_text(f"{text}\n", encoding="ascii")
    folder = tmp_path / "sys/class/drm/card0"
    folder.mkdir(parents=True)
    (folder / "device").symlink_to(bus)
    (gpu,) = probe_amd(tmp_path).gpus
    assert gpu.device_id == "0000:c1:00.0"


def test_two_cards_find_their_own_targets_and_others_are_left_alone(tmp_path: Path) -> None:
    card(tmp_path, 0, {**RX_7900_XTX, "vendor": "0x8086"}, render=128)
    card(tmp_path, 1, RX_7900_XTX, render=129)
    card(tmp_path, 2, RX_7900_XTX, render=130)
    (tmp_path / "sys/class/drm/card1-DP-1/device").mkdir(parents=True)
    kfd(tmp_path, 1, "gfx_target_version 110000\ndrm_render_minor 129\n")
    kfd(tmp_path, 2, "gfx_target_version 110501\ndrm_render_minor 130\n")
    report = probe_amd(tmp_path)
    assert [gpu.target for gpu in report.gpus] == ["gfx1100", "gfx1151"]
    assert report.message == "2 AMD GPUs"


def test_card_without_memory_figures_becomes_a_sentence(tmp_path: Path) -> None:
    card(tmp_path, 0, {"vendor": "0x1002", "device": "0x744c"})
    card(tmp_path, 1, {**RX_7900_XTX, "mem_info_vram_total": "garbage"})
    report = probe_amd(tmp_path)
    assert report.gpus == ()
    assert report.notes[0] == "The AMD GPU card0 did not tell its memory: No such file or directory."
    assert "card1" in report.notes[1]
    assert str(tmp_path) not in " ".join(report.notes)


def test_system_without_drm(tmp_path: Path) -> None:
    report = probe_amd(tmp_path)
    assert (report.gpus, report.notes) == ((), ())
    assert report.message == "this system has no /sys/class/drm"
