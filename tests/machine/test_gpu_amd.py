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
    small = {**RX_7900_XTX, "mem_info_vram_total": str(512 << 20), "mem_info_vram_used": str(256 << 20)}
    card(tmp_path, 0, {**small, "mem_info_gtt_total": str(16 << 30), "mem_info_gtt_used": str(1 << 30)})
    (gpu,) = probe_amd(tmp_path).gpus
    assert gpu.shared_memory
    assert gpu.total_bytes == (16 << 30) + (512 << 20)
    assert gpu.free_bytes == (15 << 30) + (256 << 20)
    assert gpu.name == "AMD GPU 744C:C8"
    assert gpu.target == ""


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
