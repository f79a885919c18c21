"""A model held by a server as Heft launches it, asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from desktop.engine.api import Load
from desktop.engine.server.held import Held, Loading
from desktop.engine.server.log import ServerLog
from desktop.engine.tools.renderer import Renderer

MARK_KEY = "0123456789abcdef"


@contextmanager
def held_model(path: Path, folder: Path, context_length: int = 256, shared: Renderer | None = None) -> Iterator[Held]:
    """Loaded with one thread; names of control tokens are marked with MARK_KEY. ``shared`` is a renderer to use."""
    with nullcontext(shared) if shared is not None else closing(Renderer()) as renderer:
        held = Loading(
            Load(str(path), context_length),
            directory=folder / "scratch",
            log=ServerLog(None),
            renderer=renderer,
            mark_key=MARK_KEY,
            hello=lambda: None,
            tell=lambda _event: None,
            ended=lambda _process: None,
        ).run()
        try:
            yield held
        finally:
            held.close()
