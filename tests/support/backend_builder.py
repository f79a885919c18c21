"""A builder of backends that compiles in no time, or until it is stopped; what it compiled stays for the next."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

from desktop.engine.builder.compiling import BuildError, Watcher
from desktop.engine.builder.cuda_tools import WHEEL_BYTES

STEPS = 10


class ScriptedBuilder:
    """In the place of CudaBuilder, see :func:`scripted_builder`. ``endless`` waits after half of the steps, which
    ``half`` tells; ``asked`` are the architectures, ``compiled`` the steps that were done.
    """

    endless: ClassVar[bool] = False
    fails: ClassVar[bool] = False
    asked: ClassVar[list[str]]
    compiled: ClassVar[list[int]]
    half: ClassVar[threading.Event]
    discarded: ClassVar[threading.Event]

    def __init__(
        self, cache: Path, version: str, toolkit: Any, architecture: str, watcher: Watcher | None = None
    ) -> None:
        self._folder, self._architecture, self._watcher = cache / "cuda", architecture, watcher or Watcher()
        self._stopped = threading.Event()

    @property
    def left(self) -> Path:
        """What a stopped build has left."""
        return self._folder / "building-scripted"

    def stop(self) -> None:
        """End it."""
        self._stopped.set()

    def discard(self) -> None:
        """Remove what is left."""
        self.left.unlink(missing_ok=True)
        self.discarded.set()

    def library(self) -> Path:
        """The library, from where the last build was stopped."""
        self.asked.append(self._architecture)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._watcher.fetched("Fetching NVIDIA's compiler", WHEEL_BYTES, WHEEL_BYTES)
        done = int(self.left.read_text()) if self.left.exists() else 0
        log = self._folder / "build.log"
        while done < STEPS:
            done += 1
            self._watcher.step("Compiling the CUDA backend", done, STEPS)
            self.compiled.append(done)
            self.left.write_text(str(done))
            if done == STEPS // 2:
                self.half.set()
            if self.fails or (self.endless and done == STEPS // 2 and self._stopped.wait(30)):
                log.write_text("nvcc fatal: no such luck")
                raise BuildError("Compiling the CUDA backend", log)
        self.left.unlink()
        library = self._folder / "libggml-cuda.so"
        library.write_bytes(b"a library")
        return library


def scripted_builder() -> type[ScriptedBuilder]:
    """One with a memory of its own."""

    class Builder(ScriptedBuilder):
        asked, compiled, half, discarded = [], [], threading.Event(), threading.Event()

    return Builder
