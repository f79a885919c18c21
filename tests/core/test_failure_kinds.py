"""The registry of failure kinds: every kind that is raised is declared, every declared one is raised."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import desktop
from desktop.core.errors import ContextFullError, EngineError, HeftError
from desktop.core.failures import FailureKind

PACKAGE = Path(desktop.__file__).parent
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "core" / "failures.py"
}
VALUES = {kind.value for kind in FailureKind}


def _raised(node: ast.AST) -> Iterator[str]:
    """The kinds a tree gives to failures: those it merely compares with, or looks up, are not among them."""
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id.isupper() and target.id != "_RULES":
            return
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "FailureKind":
        yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from _raised(child)


def test_every_declared_kind_is_raised_somewhere() -> None:
    raised = {name for tree in TREES.values() for name in _raised(tree)}
    assert {kind.name for kind in FailureKind} - raised == set()


def test_no_failure_has_a_kind_that_is_not_declared_here() -> None:
    literal = []
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).rsplit(".", 1)[-1]
                failure = called.endswith("Error") or called in ("Cause", "Failed", "Refused", "EngineDied")
                given = [word.value for word in node.keywords if word.arg == "kind"]
                given += node.args[:1] if called in ("Cause", "Refused", "EngineDied") else []
                if failure and any(isinstance(value, ast.Constant) and value.value for value in given):
                    literal.append(f"{file}:{node.lineno}")
            if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith(".kind"):
                words = [word for part in node.comparators for word in ast.walk(part) if isinstance(word, ast.Constant)]
                literal += [f"{file}:{node.lineno}" for word in words if word.value in VALUES]
    assert literal == []


@pytest.mark.parametrize("kind", FailureKind)
def test_a_kind_is_named_as_it_is_written_and_says_what_it_means(kind: FailureKind) -> None:
    assert kind.value == kind.name.lower().replace("_", "-")
    assert kind.meaning.endswith(".") and kind.meaning[0].isupper() and len(kind.meaning) < 110


def test_a_conversation_that_does_not_fit_tells_its_figures() -> None:
    error = ContextFullError("It is too long.", needed_tokens=9000, context_length=4096)
    assert error.as_dict() == {
        "kind": "context-full", "message": "It is too long.", "hint": "", "needed_tokens": 9000, "context_length": 4096
    }  # fmt: skip


def test_a_kind_is_text_for_json_and_for_other_processes() -> None:
    error = EngineError("It died.", kind=FailureKind.KILLED)
    assert error.as_dict() == {"kind": "killed", "message": "It died.", "hint": ""}
    assert f"[{error.kind}]" == "[killed]" and error.kind == "killed"
    assert msgspec.json.decode(msgspec.json.encode(error.kind), type=FailureKind) is FailureKind.KILLED
    assert FailureKind.of("killed") is FailureKind.KILLED and FailureKind.of("of another version") is FailureKind.ERROR
    assert HeftError("Something.").kind is FailureKind.ERROR
