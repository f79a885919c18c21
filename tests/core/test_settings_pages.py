"""Each message that sends a person to the settings names the page, so that a button can open it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import desktop
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.settings_pages import PAGES

SENDS = re.compile(r"\bin Settings\b|Settings >")
_ROOT = Path(desktop.__file__).parent


def test_the_page_of_an_error() -> None:
    assert HeftError("No.", kind=FailureKind.TOKEN_WRONG).settings_page == "hub"
    assert HeftError("No.", kind=FailureKind.REPO_NOT_FOUND, settings_page="hub").settings_page == "hub"
    assert HeftError("No.").settings_page is None
    assert {kind.settings_page for kind in FailureKind} - {None} <= set(PAGES)


def _texts(call: ast.Call) -> str:
    """All text in a call's arguments, also of constants it names."""
    found = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return " ".join(found)


def _sending() -> list[tuple[str, ast.Call]]:
    """Calls that make an error whose words send to the settings."""
    found = []
    for path in sorted(_ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
            text = _texts(call) + " ".join(constants[known] for known in names & constants.keys())
            if (name.endswith("Error") or name == "Cause") and SENDS.search(text):
                found.append((f"{path.name}:{call.lineno}", call))
    return found


@pytest.mark.parametrize(("place", "call"), _sending(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_sends_to_the_settings_names_the_page(place: str, call: ast.Call) -> None:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    kinds = [node.attr for node in ast.walk(keywords.get("kind", call)) if isinstance(node, ast.Attribute)]
    named = [FailureKind[name] for name in kinds if name in FailureKind.__members__]
    assert "settings_page" in keywords or any(kind.settings_page for kind in named), place


def test_the_looking_finds_them() -> None:
    places = [place for place, _ in _sending()]
    assert sum(place.startswith("errors.py") for place in places) >= 8
    assert any(place.startswith("logmap.py") for place in places)
