"""pytest plugin for the environment without PySide6: checks that it is one, and knows pytest-qt's settings.

pyproject.toml configures pytest-qt, and ``--strict-config`` refuses settings that no plugin has declared.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what the absent pytest-qt would have declared."""
    parser.addini("qt_api", "set for pytest-qt; unused here")
    parser.addini("qt_default_raising", "set for pytest-qt; unused here")


def pytest_configure() -> None:
    """Refuse to prove anything in an environment that does have Qt."""
    for module in ("PySide6", "pytestqt"):
        if find_spec(module) is not None:
            raise pytest.UsageError(f"{module} is installed here, so this run would show nothing.")
