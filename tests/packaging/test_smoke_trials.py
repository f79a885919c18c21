"""Trials of the smoke run: which there are, what their roots need, what is said of the others, and what may be left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import smoke
from smoke_box import PERSON
from smoke_installed import DESKTOP, needs
from smoke_screen import SmokeError

DEBIAN, APPIMAGE = Path("heft_1_amd64.deb"), Path("Heft-1-x86_64.AppImage")


@pytest.mark.parametrize("artefact", [DEBIAN, APPIMAGE])
def test_an_artefact_is_tried_as_root_and_as_a_user_of_whom_one_does_everything(artefact: Path) -> None:
    trials = smoke.trials(artefact)
    assert {trial.user.number == 0 for trial in trials} == {True, False}
    assert [trial.user.number > 0 for trial in trials if trial.whole] == [True]
    assert any(not trial.login for trial in trials)
    assert len({trial.name for trial in trials}) == len(trials)


def test_an_appimage_is_tried_with_and_without_fuse_and_a_package_with_and_without_recommendations() -> None:
    assert {trial.fuse for trial in smoke.trials(APPIMAGE)} == {True, False}
    assert {trial.recommended for trial in smoke.trials(DEBIAN)} == {True, False}


@pytest.mark.parametrize("name", ["heft-small_1_amd64.deb", "Heft-small-1-x86_64.AppImage"])
def test_a_small_artefact_gets_one_short_trial_with_a_model_of_the_users(name: str) -> None:
    (trial,) = smoke.trials(Path(name))
    assert not trial.whole and not trial.starter


def test_the_root_of_an_appimage_has_fuse_only_where_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smoke_installed.libraries_of", lambda image: "libc6 (>= 2.35)")
    assert needs(APPIMAGE, recommended=False, fuse=False, desktop=False) == "libc6 (>= 2.35)"
    assert needs(APPIMAGE, recommended=False, fuse=True, desktop=False).startswith("libc6 (>= 2.35), libfuse2")


def test_the_root_of_a_package_has_what_it_declares(tmp_path: Path) -> None:
    (tmp_path / "heft" / "DEBIAN").mkdir(parents=True)
    control = "Package: heft\nVersion: 1\nArchitecture: all\nMaintainer: A <a@localhost>\nDescription: a stand-in\n"
    needed = "Depends: libc6 (>= 2.34), a | b\nRecommends: fonts\n"
    (tmp_path / "heft" / "DEBIAN" / "control").write_text(control + needed)
    package = tmp_path / "heft.deb"
    subprocess.run(["dpkg-deb", "--build", tmp_path / "heft", package], check=True, stdout=subprocess.DEVNULL)
    assert needs(package, recommended=False, fuse=False, desktop=False) == "libc6 (>= 2.34), a | b"
    assert needs(package, recommended=True, fuse=False, desktop=False) == "libc6 (>= 2.34), a | b, fonts"
    assert needs(package, recommended=False, fuse=False, desktop=True) == f"libc6 (>= 2.34), a | b, {DESKTOP}"


@pytest.mark.parametrize(
    ("ci", "installable", "failed"), [("true", True, True), ("true", False, False), ("", True, False)]
)
def test_what_was_not_tried_is_said_and_fails_ci_where_it_could_have_been(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, installable: bool, failed: bool
) -> None:
    monkeypatch.setenv("CI", ci)
    report = smoke.Report()
    report.skip("AppImages with FUSE", "no /dev/fuse", installable=installable)
    assert capsys.readouterr().out == "NOT TRIED: AppImages with FUSE: no /dev/fuse\n"
    assert report.failed is failed


def test_a_computer_without_the_tools_proves_nothing_and_says_so(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    command = [sys.executable, smoke.__file__, "--model", str(model), "heft.deb"]
    done = subprocess.run(
        command, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout.startswith("NOT TRIED: all of it: missing here: debootstrap, ")


def desk(*new_files: str) -> Any:
    return SimpleNamespace(user=PERSON, given=["downloads/model.gguf"], new_files=lambda: list(new_files))


def test_the_users_data_may_stay() -> None:
    smoke.check_nothing_left(
        desk(
            "/home/ann/.local", "/home/ann/.local/share/heft/chats.sqlite3", "/home/ann/downloads",
            "/home/ann/downloads/model.gguf", "/run/user/1000/heft-1000", "/home/ann/.cache/heft/logs/heft.log",
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["/usr/lib/heft", "/tmp/_MEI123", "/home/ann/.config/heft.conf", "/home/ann/.local/share/applications/x.desktop"],
)
def test_anything_else_that_stays_is_found(path: str) -> None:
    with pytest.raises(SmokeError, match=path.rpartition("/")[2]):
        smoke.check_nothing_left(desk("/home/ann/.local/share/heft", path))
