"""Where a portable engine's backends are looked for."""

from pathlib import Path

from desktop.engine.backends import backend_folder


def test_backends_lie_with_the_libraries_or_beside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "llama_cpp"
    (package / "lib").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "libggml-rpc.so").touch()
    assert backend_folder(package) is None
    (tmp_path / "bin" / "libggml-cpu-haswell.so").touch()
    assert backend_folder(package) == tmp_path / "bin"
    (package / "lib" / "libggml-cpu-haswell.so").touch()
    assert backend_folder(package) == package / "lib"
