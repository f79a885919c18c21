"""Prove artefacts as a stranger meets them: on a bare system, install, chat, open a model by double-click, remove.

    python3 packaging/smoke.py [--suite bookworm] [--model FILE.gguf] ARTEFACT...      .deb and .AppImage files

Each trial has a computer of its own: a root that debootstrap made, with what the artefact declares and nothing else, no
network, a new home and an environment of its own; only the screen (Xvfb), the keyboard (xdotool) and whoever reads the
screen (Tesseract) stand outside. The roots are kept in Heft's cache. Any line of output that is not expected fails the
run; pictures of the screen are left in build/smoke. What could not be tried is said, a line each; where CI=true it
fails the run, if its tools can be installed. Uses the standard library; Linux, as root.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from linux_tree import STARTER
from smoke_box import PERSON, SUPERUSER, Box, BoxError, User
from smoke_commands import check_answer, check_commands, check_version, has_compiler
from smoke_desk import Desk
from smoke_installed import Installed, install, needs
from smoke_roots import RootError, Roots
from smoke_screen import Screen, SmokeError
from smoke_vulkan import check_own_loader, check_vulkan
from smoke_window import (
    ask,
    check_association,
    discover,
    hand_over,
    hub,
    look_around,
    quit_program,
    wait_for_model,
)

ROOT = Path(__file__).resolve().parent.parent
FREEZE_LOG = ROOT / "build" / "freeze.log"
PICTURES = ROOT / "build" / "smoke"
# Programs of this computer, and the Debian package that has each
TOOLS = {
    "debootstrap": "debootstrap", "unshare": "util-linux", "Xvfb": "xvfb", "xdotool": "xdotool",
    "tesseract": "tesseract-ocr", "dpkg-deb": "dpkg", "unsquashfs": "squashfs-tools",
}  # fmt: skip
# What a user may find in the home folder afterwards: Heft's data, downloads in the place that all programs share, and
# what Fontconfig keeps for every program that shows text, and Mesa for every program that computes
USERS = (
    ".local/share/heft", ".cache/heft", ".cache/huggingface", ".cache/fontconfig", ".cache/mesa_shader_cache",
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One computer and what is done there. ``whole``: all steps, on a desktop; ``vulkan``: commands on a device of
    Vulkan's, in software; else ask, read and quit.
    """

    name: str
    user: User
    whole: bool = False
    recommended: bool = False
    fuse: bool = False
    login: bool = True
    starter: bool = True
    vulkan: bool = False


def trials(artefact: Path) -> list[Trial]:
    """Of an artefact; the small ones, which differ by the starter model only, get one short trial."""
    small = "small" in artefact.name
    if artefact.suffix == ".deb":
        if small:
            return [Trial("a user, nothing recommended", PERSON, starter=False)]
        return [
            Trial("root, nothing recommended, an empty environment", SUPERUSER, login=False),
            Trial("a user, with what is recommended", PERSON, whole=True, recommended=True),
            Trial("a user, a Vulkan device", PERSON, vulkan=True),
        ]
    if small:
        return [Trial("root, FUSE", SUPERUSER, fuse=True, login=False, starter=False)]
    return [
        Trial("root, no FUSE, an empty environment", SUPERUSER, login=False),
        Trial("a user, FUSE", PERSON, whole=True, fuse=True),
        Trial("a user, no FUSE", PERSON),
    ]


class Report:
    """Lines for whoever runs this, and whether the run failed."""

    def __init__(self) -> None:
        self.failed = False

    def skip(self, what: str, why: str, *, installable: bool = True) -> None:
        """Something was not tried; in CI that is a failure when it could have been."""
        print(f"NOT TRIED: {what}: {why}", flush=True)
        self.failed |= installable and os.environ.get("CI") == "true"

    def fail(self, what: str, why: str) -> None:
        """Something is not as a user needs it."""
        print(f"{what}: FAILED: {why}", flush=True)
        self.failed = True


def main() -> int:
    """A line for each trial; 1 when any of them failed, or nothing could be tried."""
    parser = argparse.ArgumentParser(description="Prove what packaging/build.sh made, on bare systems.")
    parser.add_argument("artefacts", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, default=None, help="the starter model; by default the bundle's")
    parser.add_argument("--suite", default="bookworm", help="of Debian, or of another archive with --mirror")
    parser.add_argument("--mirror", default="", help="where the suite's packages are; by default where this computer's")
    parser.add_argument("--only", default="", help="trials with these words in their name")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever stops this finds nothing of it left
    model = args.model or next((ROOT / "build" / "bundle" / "heft" / "_internal" / STARTER).glob("*.gguf"))
    if FREEZE_LOG.exists() and "Library not found" in FREEZE_LOG.read_text(encoding="utf-8", errors="replace"):
        raise SystemExit(f"A library was missing when this was frozen: {FREEZE_LOG}")
    report = Report()
    missing = sorted(package for program, package in TOOLS.items() if shutil.which(program) is None)
    if os.geteuid() != 0 or missing:
        report.skip("all of it", f"missing here: {', '.join(missing)}" if missing else "only root can make a bare root")
        return 1
    if not has_compiler():
        report.skip("libraries planted where they must not be loaded", "there is no C compiler here (g++)")
    if args.suite == "bookworm":
        report.skip("Ubuntu 22.04 and 24.04", "their packages are elsewhere (--suite, --mirror)", installable=False)
    roots = Roots(args.suite, args.mirror)
    for artefact in args.artefacts:
        for trial in trials(artefact):
            if args.only in trial.name:
                attempt(artefact.resolve(), trial, roots, model.resolve(), report)
    return int(report.failed)


def attempt(artefact: Path, trial: Trial, roots: Roots, model: Path, report: Report) -> None:
    """One trial, and a line that says how it went. One that fails is done once more on a new computer: what passes then
    is named unsteady, to be mended, and fails nothing."""
    what = f"{artefact.name}, {roots.suite}, {trial.name}"
    if trial.fuse and not Path("/dev/fuse").exists():
        report.skip(what, "this computer has no /dev/fuse", installable=False)
        return
    for last in (False, True):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="heft-smoke-", ignore_cleanup_errors=True) as folder:
            try:
                seen = prove(artefact, trial, roots, model, Path(folder))
            except RootError as impossible:
                report.skip(what, str(impossible))
            except (SmokeError, BoxError) as failure:
                if not last:
                    print(f"{what}: UNSTEADY, once more: {failure}", flush=True)
                    continue
                report.fail(what, str(failure))
            else:
                print(f"{what}: {', '.join(seen)} ({time.monotonic() - begun:.0f} s)", flush=True)
            return


def prove(artefact: Path, trial: Trial, roots: Roots, model: Path, folder: Path) -> list[str]:
    """All steps of a trial; what was seen. SmokeError when something is not as it should be."""
    kinds = {"recommended": trial.recommended, "fuse": trial.fuse, "desktop": trial.whole, "vulkan": trial.vulkan}
    wanted = needs(artefact, **kinds)
    name = "-".join(["declared", *(kind for kind, has in kinds.items() if has)])
    layers = roots.with_packages(name, wanted)
    pictures = PICTURES / f"{artefact.stem}-{trial.name.replace(', ', '-').replace(' ', '-')}"
    shutil.rmtree(pictures, ignore_errors=True)
    with Screen(folder) as screen, Box(layers, folder, binds={screen.socket: str(screen.socket)}) as box:
        desk = Desk(box, screen, trial.user, folder, login=trial.login)
        try:
            installed = install(artefact, desk, recommended=trial.recommended, fuse=trial.fuse, desktop=trial.whole)
            if trial.whole:
                seen = whole(installed, desk, model, pictures)
            elif trial.vulkan:
                seen = [*check_vulkan(installed, desk), *check_own_loader(installed, desk)]
            else:
                seen = short(installed, desk, trial, model, pictures)
            installed.remove()
            check_nothing_left(desk)
        except SmokeError as failure:
            screen.picture(pictures / "failed.png")
            printed = f" It printed: {strange[:5]}" if (strange := desk.strange_output()) else ""
            shown = " ".join(screen.text().split())[:1000]
            raise SmokeError(f"{failure}.{printed} On the screen: {shown!r}") from failure
    return seen


def whole(installed: Installed, desk: Desk, model: Path, pictures: Path) -> list[str]:
    """Everything that a user of a desktop does."""
    seen = [check_commands(installed, desk, model)]
    desk.watch_other_programs()
    named, other = check_association(desk, model)
    with hub(desk, model) as server:
        desk.start(installed.menu)
        seconds = wait_for_model(desk)
        answer = ask(desk, pictures / "starter.png")
        megabytes = desk.resident_bytes() / 1e6
        hand_over(desk, other)
        ask(desk, pictures / "handed-over.png")
        look_around(desk, pictures)
        discover(desk, server, model, pictures)
        quit_program(desk)
        desk.start(["gio", "open", named])
        wait_for_model(desk)
        ask(desk, pictures / "opened.png")
        quit_program(desk)
    return [*seen, f"window after {seconds:.1f} s with {megabytes:.0f} MB", f"answered {answer[:40]!r}"]


def short(installed: Installed, desk: Desk, trial: Trial, model: Path, pictures: Path) -> list[str]:
    """A command, and a question to the window."""
    check_version(installed, desk)
    file = "" if trial.starter else desk.give(model, "model.gguf")
    check_answer(installed, desk, file or "starter")
    desk.start([*installed.command, *filter(None, [file])])
    seconds = wait_for_model(desk)
    answer = ask(desk, pictures / "answer.png")
    quit_program(desk)
    return [f"window after {seconds:.1f} s", f"answered {answer[:40]!r}"]


def check_nothing_left(desk: Desk) -> None:
    """After the removal there are the user's data and nothing else, anywhere in the root."""
    kept = {Path(desk.user.home) / name for name in (*USERS, *desk.given)}
    number = desk.user.number  # the folder of the single instance, which goes with the login or the next start
    kept |= {Path(f"/tmp/heft-{number}"), Path(f"/run/user/{number}/heft-{number}")}
    above = {parent for place in kept for parent in place.parents}
    new = [path for path in map(Path, desk.new_files()) if path not in above]
    strange = [path for path in new if not kept.intersection((path, *path.parents))]
    if strange:
        raise SmokeError(f"left after the removal: {[str(path) for path in strange[:8]]}")


if __name__ == "__main__":
    sys.exit(main())
