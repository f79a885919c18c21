"""Sessions with scripted servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tool_sessions import MakeSession, scripted

from desktop.core.mcp_config import ToolServer
from desktop.mcp.session import Session


@pytest.fixture
def make_session(tmp_path: Path) -> Iterator[MakeSession]:
    """Makes sessions that are ended after the test."""
    made: list[Session] = []

    def make(*ways: str, env: dict[str, str] | None = None, server: ToolServer | None = None) -> Session:
        made.append(Session(server or scripted(*ways, env=env), "1.0", tmp_path / "scratch"))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One that is open, for all that does not end it."""
    made = Session(scripted("noise"), "1.0", tmp_path_factory.mktemp("scratch"))
    made.open()
    yield made
    made.close()
