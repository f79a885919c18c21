"""What docstrings, comments and the documentation refer to is in the repository: files, modules and names in them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("desktop", "resources", "packaging", "tests", "docs")
WORDS = (".py", ".md", ".sh", ".toml", ".csv", ".yml", ".spec", ".xml", ".desktop")  # kinds of files that name others
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted(path for folder in FOLDERS[:-1] for path in (ROOT / folder).rglob("*.py"))
MADE_LATER = ("build/", "docs/pictures/PAGE-SCHEME.png")
# "ggml docs/gguf.md" and the like are files of others.
OTHERS = re.compile(r"(?:ggml|llama\.cpp|git-lfs)\s+$")
_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*\w")
_REFERENCE = re.compile(r"(?<![\w./-])reference/\w[\w./-]*\w")  # as the pages of docs/ write it
_DOTTED = re.compile(r"(?<![\w./:-])desktop(?:\.[A-Za-z_]\w*)+")
_SHORT = re.compile(r"``((?:core|engine|hub|machine|services|store|system|ui|cli)(?:\.\w+)+)``")
_ROLE = re.compile(r":(?:mod|class|func|meth|data|attr|exc):`~?([\w.]+)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def text_files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in WORDS and path.is_file():
                yield path
    yield from (ROOT / "README.md", ROOT / "pyproject.toml", ROOT / ".ci" / "run")


def test_files_that_are_named_are_there() -> None:
    missing = []
    for path in text_files():
        text = path.read_text(encoding="utf-8")
        found = list(_PATH.finditer(text))
        if path.is_relative_to(ROOT / "docs"):
            found += _REFERENCE.finditer(text)
        for name in found:
            if OTHERS.search(text, max(0, name.start() - 20), name.start()) or name[0].startswith(MADE_LATER):
                continue
            base = ROOT / "docs" if name[0].startswith("reference/") else ROOT
            there = any(base.glob(name[0])) if "*" in name[0] else (base / name[0]).exists()
            # "packaging/smoke" and "desktop/core" may also be the beginning of a module's name
            if not there and not (base / name[0]).with_suffix(".py").exists():
                missing.append(f"{path.relative_to(ROOT)}:{line_of(text, name.start())}: {name[0]}")
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_the_documentation_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


# -- modules and names ---------------------------------------------------------------------------------


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def bound_names(path: Path) -> frozenset[str]:
    """Every name that is bound anywhere in a file: definitions, imports, assignments, fields, arguments."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return frozenset(found)


def module_file(parts: tuple[str, ...]) -> Path | None:
    path = ROOT.joinpath(*parts)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def is_there(dotted: str) -> bool:
    """Whether a module, or a name that is bound in one, exists. Names are looked up without running anything."""
    parts = tuple(dotted.split("."))
    for length in range(len(parts), 0, -1):
        file = module_file(parts[:length])
        if file is not None:
            return all(name in bound_names(file) for name in parts[length:])
    return False


def said(path: Path) -> Iterator[tuple[int, str]]:
    """Docstrings and comments of a file, with their lines."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield node.body[0].lineno, text
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_modules_and_names_that_docstrings_mention_exist() -> None:
    missing = []
    for path in SOURCES:
        for line, text in said(path):
            stale = [name for name in _DOTTED.findall(text) if not is_there(name)]
            stale += [name for name in _SHORT.findall(text) if not is_there(f"desktop.{name}")]
            for name in _ROLE.findall(text):
                known = is_there(name) if name.startswith("desktop.") else set(name.split(".")) <= all_names(path)
                stale += [] if known else [name]
            missing += [f"{path.relative_to(ROOT)}:{line}: {name}" for name in dict.fromkeys(stale)]
    assert not missing, "\n".join(missing)


def all_names(path: Path) -> frozenset[str]:
    """Names of a file and of what it imports from Heft: a method of an imported class may be meant."""
    found = set(bound_names(path))
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("desktop"):
            file = module_file(tuple((node.module or "").split(".")))
            found |= bound_names(file) if file is not None else set()
    return frozenset(found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_the_documentation_mentions_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert not [name for name in re.findall(r"`(desktop(?:\.\w+)+)`", text) if not is_there(name)]


def test_modules_that_are_started_by_name_exist() -> None:
    """Strings that name a module, as for ``python -m``: one that moved would be missed only when it is needed."""
    missing = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            name = node.value
            if re.fullmatch(r"desktop(?:\.[a-z_]+)+", name) and not is_there(name):
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    assert not missing, "\n".join(missing)
