"""packaging/check_libraries.py and run_paths.py on small libraries made here, and on what the real loader does."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from check_libraries import complaints, dependencies
from elf import read_elf
from library_search import Tree
from support.sabotage import ABSENT, compile_c, needs_what_is_absent
from system_libraries import PACKAGES, SYSTEMS, System, symbol_version

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ELF files are made and loaded here")
LIBC = "libc6 (>= 2.2)"
ANSWER = "int answer(void) { return %d; }"
ASKING = "int answer(void); int ask(void) { return answer(); }"


def script(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PACKAGING / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty package."""
    (tmp_path / "package").mkdir()
    return tmp_path / "package"


def answering(target: Path, number: int = 42) -> Path:
    return compile_c(target, ANSWER % number, f"-Wl,-soname,{target.name}")


def asking(target: Path, library: Path, *options: str) -> Path:
    """A library that needs ``library``; ``options`` give it a search path."""
    return compile_c(target, ASKING, str(library), *options)


def needing(target: Path, name: str, version: str = "", *options: str) -> Path:
    """A library that asks for ``name``, and for ``version`` of a symbol in it; ``options`` give it a search path."""
    package = next(folder for folder in target.parents if folder.name == "package")
    stub = package.parent / "stubs" / name
    stub.parent.mkdir(exist_ok=True)
    versions = stub.with_suffix(".map")
    versions.write_text(f"{version or 'ANY'} {{ answer; }};")
    script = [f"-Wl,--version-script={versions}"] if version else []
    compile_c(stub, ANSWER % 1, f"-Wl,-soname,{name}", *script)
    return compile_c(target, ASKING, str(stub), *options)


def said(tree: Path, depends: str = LIBC) -> list[str]:
    return complaints(Tree(tree), depends)


def asked(library: Path, **environment: str) -> str:
    """What the library answers in a process of its own, or how the loader refuses it."""
    code = f"import ctypes; print(ctypes.CDLL({str(library)!r}).ask())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    return (done.stdout or done.stderr.splitlines()[-1]).strip()


def test_what_lies_where_it_is_looked_for_is_fine(tree: Path) -> None:
    answering(tree / "libs" / "libanswer.so.1")
    place = asking(tree / "libask.so", tree / "libs" / "libanswer.so.1", "-Wl,-rpath,$ORIGIN/libs")
    assert said(tree) == []
    assert asked(place) == "42"


def test_a_library_that_is_nowhere_is_told(tree: Path) -> None:
    needs_what_is_absent(tree / "libask.so")
    words = "which is not in the package and of no system library that Heft counts on."
    assert said(tree) == [f"libask.so needs {ABSENT}, {words}"]


def test_a_library_that_only_the_users_library_path_would_find_is_told(tree: Path) -> None:
    answering(tree / "libs" / "libanswer.so.1")
    place = asking(tree / "libask.so", tree / "libs" / "libanswer.so.1")
    assert asked(place, LD_LIBRARY_PATH=str(tree / "libs")) == "42"
    assert "cannot open shared object file" in asked(place)
    assert said(tree) == [
        "libask.so needs libanswer.so.1; it lies in libs/libanswer.so.1, and this file does not look there."
    ]


def test_a_library_that_is_loaded_through_a_link_looks_beside_the_link(tree: Path) -> None:
    answering(tree / "libanswer.so.1")
    first = asking(tree / "libask.so.1", tree / "libanswer.so.1", "-Wl,-soname,libask.so.1", "-Wl,-rpath,$ORIGIN")
    (tree / "engine").mkdir()
    (tree / "engine" / "libask.so.1").symlink_to("../libask.so.1")
    assert asked(first) == "42"
    assert "libanswer.so.1: cannot open" in asked(tree / "engine" / "libask.so.1")
    words = "it lies in libanswer.so.1, and this file does not look there."
    assert said(tree) == [f"engine/libask.so.1 needs libanswer.so.1; {words}"]


def test_a_search_path_that_leads_out_is_told(tree: Path, tmp_path: Path) -> None:
    answering(tree / "libanswer.so.1")
    rpath = f"-Wl,-rpath,$ORIGIN:{tmp_path}:$ORIGIN/../elsewhere:here"
    asking(tree / "libask.so", tree / "libanswer.so.1", rpath)
    assert said(tree) == [
        f"libask.so looks for libraries in {entry}, which is not in the package."
        for entry in ("$ORIGIN/../elsewhere", str(tmp_path), "here")
    ]


def test_a_system_library_has_to_be_declared(tree: Path) -> None:
    needing(tree / "libask.so", "libexpat.so.1")
    assert said(tree) == ["libask.so needs libexpat.so.1, and the package does not depend on libexpat1."]
    assert said(tree, f"{LIBC}, libexpat1") == []
    assert dependencies(Tree(tree)) == "libexpat1"


@pytest.mark.parametrize(
    ("name", "version", "package", "words"),
    [
        ("libstdc++.so.6", "GLIBCXX_3.4.99", "libstdc++6", "3.4.30"),
        ("libgcc_s.so.1", "GCC_99.0.0", "libgcc-s1", "12.0.0"),
        ("libz.so.1", "ZLIB_1.2.99", "zlib1g", "1.2.9"),
        ("libm.so.6", "GLIBC_2.99", "libc6", "2.35"),
        ("libm.so.6", "GLIBC_PRIVATE", "libc6", "no such"),
    ],
)
def test_a_symbol_that_a_promised_system_lacks_is_told(
    tree: Path, name: str, version: str, package: str, words: str
) -> None:
    needing(tree / "libask.so", name, version)
    depends = f"{LIBC}, {package}" if package != "libc6" else LIBC
    assert f"libask.so needs {version} of {name}; Ubuntu 22.04 has {words}." in said(tree, depends)


def test_files_of_the_system_that_a_bundled_library_reads_have_to_be_declared(tree: Path) -> None:
    compile_c(tree / "libfontconfig.so.1")
    words = "reads files of fontconfig-config, and the package does not depend on it."
    assert said(tree) == [f"libfontconfig.so.1 {words}"]
    assert dependencies(Tree(tree)) == "fontconfig-config"
    assert said(tree, "fontconfig-config") == []


def test_a_symbol_that_all_promised_systems_have_is_fine(tree: Path) -> None:
    needing(tree / "libask.so", "libstdc++.so.6", "GLIBCXX_3.4.30")
    assert said(tree, f"{LIBC}, libstdc++6") == []
    assert dependencies(Tree(tree)).split(", ")[-1] == "libstdc++6 (>= 12)"


def test_a_symbol_that_the_bundled_library_lacks_is_told(tree: Path) -> None:
    needing(tree / "libask.so", "libanswer.so.1", "ANSWER_2", "-Wl,-rpath,$ORIGIN")
    shutil.copy(tree.parent / "stubs" / "libanswer.so.1", tree)
    assert said(tree) == []
    older = tree.parent / "older.map"
    older.write_text("ANSWER_1 { answer; };")
    compile_c(tree / "libanswer.so.1", ANSWER % 1, f"-Wl,--version-script={older}")
    assert said(tree) == ["libask.so needs ANSWER_2 of libanswer.so.1, which libanswer.so.1 does not have."]


def test_a_version_that_a_promised_system_does_not_reach_is_told(tree: Path) -> None:
    compile_c(tree / "libalone.so")
    assert said(tree, "libc6 (>= 2.36)") == ["Ubuntu 22.04 has libc6 2.35-0ubuntu3, declared is 2.36 or newer."]


def test_what_a_program_takes_from_the_system_may_not_lie_in_the_package_too(tree: Path) -> None:
    """The program's own loader has taken the system's before anything of the package could ask for the other."""
    library = answering(tree / "libanswer.so.1")
    compile_c(tree / "heft", "int answer(void); int main(void) { return answer(); }", str(library))
    assert said(tree) == ["heft needs libanswer.so.1; it lies in libanswer.so.1, and the system's is loaded before it."]


def test_the_script_fails_the_build(tree: Path) -> None:
    compile_c(tree / "libalone.so")
    done = script("check_libraries.py", tree)
    assert (done.returncode, done.stdout) == (0, "package: 1 programs and libraries, from the system nothing\n")
    needs_what_is_absent(tree / "libask.so")
    done = script("check_libraries.py", tree)
    assert done.returncode == 1 and ABSENT in done.stdout


def test_a_debian_package_is_held_to_what_it_declares(tree: Path, tmp_path: Path) -> None:
    needing(tree / "usr" / "libask.so", "libexpat.so.1")
    (tree / "DEBIAN").mkdir()
    for depends, code in (("libc6", 1), ("libc6, libexpat1", 0)):
        control = f"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDepends: {depends}\n"
        (tree / "DEBIAN" / "control").write_text(f"{control}Description: x\n")
        package = tmp_path / "x.deb"
        subprocess.run(["dpkg-deb", "--build", tree, package], check=True, stdout=subprocess.DEVNULL)
        done = script("check_libraries.py", package)
        assert done.returncode == code, done.stdout
        assert ("does not depend on libexpat1" in done.stdout) == bool(code)


@pytest.mark.skipif(shutil.which("mksquashfs") is None, reason="squashfs-tools are not installed")
def test_an_appimage_is_unpacked_and_read(tree: Path, tmp_path: Path) -> None:
    needs_what_is_absent(tree / "usr" / "lib" / "libask.so")
    program = compile_c(tmp_path / "runtime", "int main(void) { return 0; }")
    subprocess.run(["mksquashfs", tree, tmp_path / "image", "-quiet", "-no-progress"], check=True, capture_output=True)
    artefact = tmp_path / "X.AppImage"
    artefact.write_bytes(program.read_bytes() + (tmp_path / "image").read_bytes())
    done = script("check_libraries.py", artefact)
    assert done.returncode == 1
    assert f"image/usr/lib/libask.so needs {ABSENT}" in done.stdout
    assert "X.AppImage: 2 programs and libraries" in done.stdout


def test_run_paths_make_all_of_it_found_whatever_the_library_path(tree: Path, tmp_path: Path) -> None:
    within = ("-Wl,--allow-shlib-undefined",)  # the linker would look for what the library needs, too
    deeper = compile_c(tree / "libdeeper.so.1", "int deeper(void) { return 42; }", "-Wl,-soname,libdeeper.so.1")
    source = "int deeper(void); int answer(void) { return deeper(); }"
    compile_c(tree / "libanswer.so.1", source, "-Wl,-soname,libanswer.so.1", str(deeper))
    engine = asking(tree / "engine" / "lib" / "libask.so", tree / "libanswer.so.1", *within, f"-Wl,-rpath,{tmp_path}")
    qt = asking(tree / "PySide6" / "Qt" / "lib" / "libQt.so", tree / "libanswer.so.1", *within, "-Wl,-rpath,$ORIGIN")
    alone = compile_c(tree / "libalone.so", "", f"-Wl,-rpath,{tmp_path}")
    unchanged = qt.read_bytes()
    assert len(said(tree)) == 5
    done = script("run_paths.py", tree)
    assert done.returncode == 0, done.stderr
    assert said(tree) == []
    assert (engine.parent / "libanswer.so.1").readlink() == Path("../../libanswer.so.1")
    assert (qt.parent / "libdeeper.so.1").readlink() == Path("../../../libdeeper.so.1")
    assert (read_elf(engine).rpath, read_elf(engine).runpath, read_elf(alone).rpath) == (("$ORIGIN",), (), ())
    assert qt.read_bytes() == unchanged
    other = answering(tmp_path / "other" / "libanswer.so.1", 7)
    assert asked(engine) == asked(engine, LD_LIBRARY_PATH=str(other.parent)) == asked(qt) == "42"
    before = engine.read_bytes()
    assert script("run_paths.py", tree).returncode == 0
    assert engine.read_bytes() == before


def test_one_path_leads_to_the_systems_library_and_another_to_the_one_that_came_along(
    tree: Path, tmp_path: Path
) -> None:
    own = answering(tree / "further" / "loader" / "libanswer.so.1", 7)
    library = asking(tree / "further" / "libask.so", own, "-Wl,-rpath,$ORIGIN:$ORIGIN/..,--disable-new-dtags")
    assert len(said(tree)) == 1
    (own.parent / "libask.so").symlink_to("../libask.so")
    assert said(tree) == []
    done = script("run_paths.py", tree)
    assert done.returncode == 0, done.stderr
    assert said(tree) == []
    systems = answering(tmp_path / "system" / "libanswer.so.1", 42)
    for variables in ({}, {"LD_LIBRARY_PATH": str(systems.parent)}):
        assert asked(own.parent / "libask.so", **variables) == "7"
    assert "cannot open shared object file" in asked(library)
    assert asked(library, LD_LIBRARY_PATH=str(systems.parent)) == "42"


def test_run_paths_let_a_program_of_the_bundle_find_its_own_and_leave_the_starter_alone(
    tree: Path, tmp_path: Path
) -> None:
    library = answering(tree / "engine" / "libanswer.so.1")
    source = "int answer(void); int main(void) { return answer(); }"
    server = compile_c(tree / "engine" / "server", source, str(library), "-Wl,-rpath,$ORIGIN,--enable-new-dtags")
    starter = compile_c(tree / "starter", "int main(void) { return 0; }")
    starter.write_bytes(starter.read_bytes() + b"archive")
    unchanged = starter.read_bytes()
    other = answering(tmp_path / "other" / "libanswer.so.1", 7)
    done = script("run_paths.py", tree)
    assert done.returncode == 0, done.stderr
    ended = subprocess.run([server], env={"LD_LIBRARY_PATH": str(other.parent)})
    assert ended.returncode == 42
    assert (read_elf(server).rpath, read_elf(server).runpath) == (("$ORIGIN",), ())
    assert starter.read_bytes() == unchanged
    assert said(tree) == []


def this_system() -> System:
    """The promised system that the tests run on."""
    release = platform.freedesktop_os_release()
    name = {"debian": "Debian", "ubuntu": "Ubuntu"}.get(release.get("ID", ""), "")
    found = next((system for system in SYSTEMS if system.name == f"{name} {release.get('VERSION_ID')}"), None)
    if found is None:
        pytest.skip("this is none of the promised systems")
    return found


def test_the_table_is_right_about_this_system() -> None:
    system = this_system()
    newest: dict[str, tuple[int, ...]] = {}
    for soname, package in PACKAGES.items():
        found = subprocess.run(["dpkg-query", "--search", f"*/{soname}"], capture_output=True, text=True).stdout
        if not found:
            continue  # not installed here, or of another architecture
        owner, place = found.splitlines()[0].split(": ")
        assert owner.split(":")[0] == package
        query = ["dpkg-query", "--show", "--showformat=${Version}", owner]
        version = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        assert subprocess.run(["dpkg", "--compare-versions", version, "ge", system.versions[package]]).returncode == 0
        for family, number in map(symbol_version, read_elf(Path(place).resolve()).defines):
            newest[family] = max(number, newest.get(family, ()))
    families = {family for family in system.newest if family in newest}
    assert {"GLIBC", "GLIBCXX", "GCC"} <= families
    assert {family: newest[family] for family in families} == {family: system.newest[family] for family in families}


def test_every_package_has_a_version_on_every_system() -> None:
    assert [set(system.versions) ^ set(PACKAGES.values()) for system in SYSTEMS] == [set()] * len(SYSTEMS)
