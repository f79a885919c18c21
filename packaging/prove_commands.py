"""Prove the README's two commands on a bare system: packaging/run.sh opens Heft, and packaging/test.sh tests it.

    python3 packaging/prove_commands.py [--suite bookworm] [--tests ARGUMENTS | --all-tests]

The committed state of this checkout is cloned into a root that debootstrap made, with python3, python3-venv,
ca-certificates and git and nothing else. Everything is fetched and compiled as on a new computer, which takes half an
hour and more on two cores, so CI does not do it. Packages come from where this computer gets them: the mirror, proxies
and certificates of its apt and pip are used, and nothing that lies here. The screen stands outside, as in smoke.py.
Linux, as root.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from smoke_box import SUPERUSER, Box
from smoke_desk import Desk
from smoke_roots import CERTIFICATES, PROXIES, Roots
from smoke_screen import Screen, SmokeError
from smoke_window import ask, quit_program, wait_for_model

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "build" / "smoke" / "commands"
PACKAGES = "python3, python3-venv, ca-certificates, git"
SET_UP_SECONDS = 3600.0
TESTS = "tests/core tests/packaging/test_ci.py"
PIP_OPTIONS = ("index-url", "proxy", "cert", "trusted-host", "timeout")


def main() -> int:
    """A line for each command; 1 when one failed."""
    parser = argparse.ArgumentParser(description="Prove the README's two commands on a bare system.")
    parser.add_argument("--suite", default="bookworm", help="of Debian, or of another archive with --mirror")
    parser.add_argument("--mirror", default="", help="where the suite's packages are; by default where this computer's")
    parser.add_argument("--tests", default=TESTS, help=f"what packaging/test.sh is given; by default {TESTS!r}")
    parser.add_argument("--all-tests", action="store_true", help="packaging/test.sh without arguments")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever stops this finds nothing of it left
    layers = Roots(args.suite, args.mirror).with_packages("checkout", PACKAGES)
    arguments = [] if args.all_tests else shlex.split(args.tests)
    with tempfile.TemporaryDirectory(prefix="heft-commands-") as name:
        folder = Path(name)
        changes = folder / "changes"  # on the disk: they are some gigabytes
        changes.mkdir()
        with Screen(folder) as screen, Box(layers, folder, network=True, binds=shown(screen), changes=changes) as box:
            desk = Desk(box, screen, SUPERUSER, folder, login=False)
            desk.variables = fetching()
            try:
                clone(desk, folder)
                prove_run(desk)
                prove_test(desk, arguments)
            except SmokeError as failure:
                screen.picture(PICTURES / "failed.png")
                print(f"FAILED: {failure}. On the screen: {' '.join(screen.text().split())[:1000]!r}")
                return 1
    return 0


def shown(screen: Screen) -> dict[Path, str]:
    """What the root sees of this computer: its screen, and whom it trusts."""
    return {path: str(path) for path in (screen.socket, CERTIFICATES) if path.exists()}


def fetching() -> dict[str, str]:
    """The variables that say how packages are reached: proxies, and of pip's options those of the network."""
    found = {name: os.environ[name] for name in PROXIES if name in os.environ}
    for option in PIP_OPTIONS:
        words = [sys.executable, "-m", "pip", "config", "get", f"global.{option}"]
        value = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        name = f"PIP_{option.upper().replace('-', '_')}"
        if value or name in os.environ:
            found[name] = value or os.environ[name]
    return found


def clone(desk: Desk, folder: Path) -> None:
    """The committed state of this checkout, as a bundle of git's, becomes ~/heft."""
    bundle = folder / "heft.bundle"
    subprocess.run(["git", "-C", str(ROOT), "bundle", "create", "--quiet", str(bundle), "HEAD"], check=True)
    desk.give(bundle, "heft.bundle")
    desk.as_root("git", "clone", "--quiet", f"{desk.user.home}/heft.bundle", f"{desk.user.home}/heft")
    changed = subprocess.run(["git", "-C", str(ROOT), "status", "--short"], capture_output=True, text=True, check=True)
    if changed.stdout:
        print("NOT TRIED: what is not committed here", flush=True)


def prove_run(desk: Desk) -> None:
    """The first command sets up and opens the window, which answers; again, it opens at once."""
    for times in ("first", "second"):
        begun = time.monotonic()
        wait_for_set_up(desk, desk.start(["sh", "-c", "cd heft && exec bash packaging/run.sh"]))
        seconds = time.monotonic() - begun
        desk.output.write_text("heft-ready \n")  # what the set-up told is no output of Heft's
        wait_for_model(desk)
        answer = ask(desk, PICTURES / f"{times}.png")
        quit_program(desk)
        told = f"window after {seconds:.0f} s, answered {answer[:40]!r}"
        print(f"bash packaging/run.sh, the {times} time: {told}", flush=True)


def wait_for_set_up(desk: Desk, command: subprocess.Popen[bytes]) -> None:
    """Until the window is there, or the command ended without one."""
    deadline = time.monotonic() + SET_UP_SECONDS
    while "heft-ready" not in (told := desk.output.read_text(errors="replace")):
        if command.poll() is not None or time.monotonic() > deadline:
            raise SmokeError(f"packaging/run.sh did not come to a window: {told[-2000:]}")
        time.sleep(1)


def prove_test(desk: Desk, arguments: Sequence[str]) -> None:
    """The second command sets up what tests need, and passes."""
    words = ["sh", "-c", f"cd heft && exec bash packaging/test.sh {shlex.join(arguments)}"]
    begun = time.monotonic()
    command = desk.box.command(words, desk.user, cwd=desk.user.home, environment=desk.environment)
    log = PICTURES / "test.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        code = subprocess.run(command, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, check=False).returncode
    lines = log.read_text(errors="replace").strip().splitlines()
    if code != 0:
        raise SmokeError(f"packaging/test.sh ended with {code}; {log}: {lines[-20:]}")
    what = " ".join(["bash packaging/test.sh", *arguments])
    print(f"{what}: {lines[-1] if lines else 'nothing'} ({time.monotonic() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
