"""A command on a terminal: what it asks is waited for, and answered as a person would."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from types import TracebackType

DEADLINE_SECONDS = 120.0


class OnTerminal:
    """``heft`` with a terminal for its input and its notes, and a pipe for its answer.

    ``seen`` is all that stood on the terminal so far, also what was typed.
    """

    def __init__(self, *arguments: str) -> None:
        self._own, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "desktop", *arguments],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            text=True,
        )
        os.close(theirs)
        self.seen = ""
        self._from = 0

    def __enter__(self) -> OnTerminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._own)

    def wait_for(self, words: str) -> None:
        """Until this stands there, behind what was waited for before."""
        until = time.monotonic() + DEADLINE_SECONDS
        while words not in self.seen[self._from :]:
            left = until - time.monotonic()
            assert left > 0, f"{words!r} did not come: {self.seen!r}"
            self._read(left)
        self._from = self.seen.index(words, self._from) + len(words)

    def type(self, line: str) -> None:
        """A line and Enter."""
        os.write(self._own, f"{line}\n".encode())

    def end(self) -> tuple[int, str]:
        """Wait until it has ended; its exit code, and what was on standard output."""
        try:
            while True:
                self._read(DEADLINE_SECONDS)
        except OSError:  # nobody has the other end any more
            pass
        out, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, out

    def _read(self, seconds: float) -> None:
        ready, _, _ = select.select([self._own], [], [], seconds)
        assert ready, f"nothing more came: {self.seen!r}"
        self.seen += os.read(self._own, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
