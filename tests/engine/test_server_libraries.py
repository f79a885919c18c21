"""Which libraries a server is told to load first: an installed engine's own behind the further ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.engine import backends


def test_a_server_with_further_backends_is_told_of_the_engines_own_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "llama_cpp"
    (package / "lib").mkdir(parents=True)
    for name in ("cpu-haswell.so", "cpu-zen4.so", "rpc.so", "base.so", "base.so.0"):
        (package / "lib" / f"libggml-{name}").touch()
    further = [tmp_path / "libggml-vulkan.so"]
    monkeypatch.setattr(backends, "usable_libraries", lambda folder, engine: further)
    assert backends.server_libraries(package, "zen4") == [
        *further, package / "lib" / "libggml-cpu-zen4.so", package / "lib" / "libggml-rpc.so",
    ]  # fmt: skip
    assert backends.server_libraries(package, "") == []  # which is this CPU's is not known, and it must serve
    assert backends.server_libraries(tmp_path, "") == further  # compiled in
    further.clear()
    assert backends.server_libraries(package, "zen4") == []  # llama.cpp finds its own by itself
