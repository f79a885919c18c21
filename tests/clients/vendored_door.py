"""llama.cpp's own server tests through the door: a plugin for pytest, for a copy of llama.cpp's tools/server/tests.

python -m pytest -p clients.vendored_door unit/test_chat_completion.py      with this checkout's tests in PYTHONPATH

Each test gets the door in the place of the server it would start: one model under every name, which says one text
whatever it is asked, and the key that the test names. Which rows cannot apply stands in docs/serve-clients.md.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import utils  # type: ignore[import-not-found] # of the tests that this is a plugin for
from support.lending import open_door, served_file
from support.talkers import talker

_SAID = "Suddenly the little girl and her friends were happy in the park and said yes"
_NAME = "tinyllama-2"
_open = contextlib.ExitStack()
_doors: dict[str, str] = {}  # address by key


def _address(key: str) -> str:
    if key not in _doors:
        folder = Path(_open.enter_context(tempfile.TemporaryDirectory()))
        talker(folder / "m.gguf", _SAID)
        lender = _open.enter_context(served_file(folder / "m.gguf", folder, name=_NAME, context_length=2048))
        setattr(lender, "find", lambda _name: lender.served[0])  # noqa: B010 - every name is this model's
        _doors[key] = _open.enter_context(open_door(lender, key=key)).address
    return _doors[key]


def _start(self: Any, _timeout_seconds: int = 0) -> None:
    host, _, port = _address(self.api_key or "").removeprefix("http://").rpartition(":")
    self.server_host, self.server_port, self.external_server = host, int(port), True


def _with_model(plain: Any) -> Any:
    """llama-server answers without a model's name; Heft wants one."""

    def call(self: Any, method: str, path: str, data: Any = None, *rest: Any, **named: Any) -> Any:
        if isinstance(data, dict) and method == "POST":
            data = {"model": _NAME, **data}
        return plain(self, method, path, data, *rest, **named)

    return call


utils.ServerProcess.start = _start
utils.ServerProcess.stop = lambda _self: None
for _method in ("make_request", "make_stream_request", "make_any_request"):
    setattr(utils.ServerProcess, _method, _with_model(getattr(utils.ServerProcess, _method)))
utils.ServerPreset.load_all = staticmethod(lambda: None)  # its models are on the Hub


def pytest_sessionfinish() -> None:
    """Close the doors."""
    _open.close()
