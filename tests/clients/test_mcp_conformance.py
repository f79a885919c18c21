"""The Model Context Protocol's own suite against Heft's client: ``@modelcontextprotocol/conformance`` of npm.

It needs Node.js 22; HEFT_NODE names another one than that of the path. Left out are scenarios of what Heft does not
offer: signing in by OAuth (``auth/*``) and questions of a server to the person (elicitation), docs/reference/mcp.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.conformance_client import __file__ as client
from support.other_programs import Package

pytestmark = pytest.mark.slow
_NAME = "@modelcontextprotocol/conformance"
_ROOT = Path(__file__).parents[2]


def _node() -> str:
    found = os.environ.get("HEFT_NODE") or shutil.which("node")
    if not found:
        pytest.skip("there is no Node.js")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().removeprefix("v").split(".")[0]) < 22:
        pytest.skip(f"the suite needs Node.js 22, and this is {version.strip()}")
    return found


@pytest.mark.parametrize("package", [_NAME], indirect=True)
@pytest.mark.parametrize("scenario", ["initialize", "tools_call", "sse-retry"])
def test_the_client_passes(package: Package, scenario: str) -> None:
    suite = package.folder / "node_modules" / _NAME / "dist" / "index.js"
    command = [_node(), str(suite), "client", "--command", f"{sys.executable} {client}", "--scenario", scenario]
    paths = os.pathsep.join((str(_ROOT), str(_ROOT / "tests")))
    done = package.run(command, package.home, {"PYTHONPATH": paths}, seconds=90)
    assert "OVERALL: PASSED" in done.stdout + done.stderr, done.stdout + done.stderr
