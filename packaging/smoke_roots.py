"""Bare roots, kept in Heft's cache: what debootstrap makes of a suite, and a layer of packages for each need.

A layer holds what ``apt-get satisfy`` adds to the base for a line of dependencies in the words of a Debian package, and
is made again when that line changes. Nothing of this computer is in them but where its archive is reached.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from build_engine import cache_folder
from smoke_box import ENDS_WITH_US, Box

MAKING_SECONDS = 1200.0
KEPT_SECONDS = 3 * 86400.0  # a layer that nothing used for so long is removed
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Two files that the first start of a system makes; the second is how a user unmounts what FUSE mounted
MOUNTS = "../proc/self/mounts"
HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"
# How an archive is reached, out of "apt-config dump"; the rest of a configuration is the computer's own business
_REACHING = re.compile(r"^Acquire::(https?::|Check-|Retries|ForceIP)")
# Services have nothing to run on, and no package is kept after it is unpacked
_POLICY = "#!/bin/sh\nexit 101\n"
_OPTIONS = 'APT::Keep-Downloaded-Packages "false";\nAcquire::Languages "none";\n'


class RootError(Exception):
    """A root could not be made; the message is what the tools said."""


class Roots:
    """Of one suite: ``mirror`` is where its packages are, by default where this computer's are."""

    def __init__(self, suite: str, mirror: str = "") -> None:
        self.suite = suite
        self._mirror = mirror or _own_mirror()
        self._folder = cache_folder() / "roots" / suite

    def base(self) -> Path:
        """What debootstrap makes (variant minbase): no Python, no compiler, no certificates."""
        key = _key(_OPTIONS, HOSTS, MOUNTS, self._mirror, _reaching())
        return self._kept("base", key, self._make_base)

    def with_packages(self, name: str, dependencies: str) -> list[Path]:
        """The layers of a root with these dependencies, the uppermost first."""
        base = self.base()
        if not dependencies:
            return [base]
        layer = self._kept(name, _key(base.name, dependencies), lambda part: self._add(base, dependencies, part))
        return [layer, base]

    def _kept(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        kept = self._folder / f"{name}-{key}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with _locked(self._folder / "lock"):
            if not kept.is_dir():
                print(f"Making a bare root: {self.suite}, {name}", flush=True)
                part = self._folder / "part"
                shutil.rmtree(part, ignore_errors=True)  # nothing is mounted there: that ended with its maker
                part.mkdir()
                make(part)
                (part / "changes").rename(kept)
                shutil.rmtree(part)
            os.utime(kept)
            for other in self._folder.glob("*-*"):
                if time.time() - other.stat().st_mtime > KEPT_SECONDS:
                    shutil.rmtree(other)
        return kept

    def _make_base(self, part: Path) -> None:
        target = part / "changes"
        words = ["debootstrap", "--variant=minbase", self.suite, str(target), *filter(None, [self._mirror])]
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]  # no mount of its stays here
        _run([*ENDS_WITH_US, *apart, *words], dict(os.environ))
        (target / "etc" / "hosts").write_text(HOSTS)
        (target / "etc" / "mtab").unlink(missing_ok=True)
        (target / "etc" / "mtab").symlink_to(MOUNTS)
        (target / "etc" / "apt" / "apt.conf.d" / "00smoke").write_text(_OPTIONS + _reaching())
        policy = target / "usr" / "sbin" / "policy-rc.d"
        policy.write_text(_POLICY)
        policy.chmod(0o755)
        for package in (target / "var" / "cache" / "apt" / "archives").glob("*.deb"):
            package.unlink()

    def _add(self, base: Path, dependencies: str, part: Path) -> None:
        binds = {CERTIFICATES: str(CERTIFICATES)} if self._mirror.startswith("https") else {}
        environment = {name: os.environ[name] for name in PROXIES if name in os.environ}
        environment["DEBIAN_FRONTEND"] = "noninteractive"
        with (
            tempfile.TemporaryDirectory(prefix="heft-root-") as folder,
            Box([base], Path(folder), network=True, binds=binds, changes=part) as box,
        ):
            for words in (["update"], ["satisfy", "--yes", "--no-install-recommends", dependencies]):
                _run(box.command(["apt-get", "-qq", *words], environment=environment))


def _own_mirror() -> str:
    """Where this computer's packages are, when it is a Debian; else it is left to debootstrap."""
    with Path("/etc/os-release").open(encoding="utf-8") as lines:
        if "ID=debian\n" not in lines:
            return ""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    return next((line.split()[0] for line in found if line.endswith(" main")), "")


def _reaching() -> str:
    dump = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if _REACHING.match(line))


def _key(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def _run(words: list[str], environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=MAKING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise RootError(f"{' '.join(words)}: not within {MAKING_SECONDS:.0f} s") from late
    if done.returncode != 0:
        told = (done.stdout + done.stderr)[-1000:].strip()
        raise RootError(f"{' '.join(words)} ended with {done.returncode}: {told}")


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
