"""Other people's programs against the door, unmodified, each with a scripted task.

They are looked for below the folder of the environment variable HEFT_CLIENTS, each in a folder of its package's name:
``pip install --target $HEFT_CLIENTS/NAME NAME`` or ``npm install --prefix $HEFT_CLIENTS/NAME NAME``. What is not there
is skipped; docs/serve-clients.md has what was tried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lending import open_door, served_file
from support.other_programs import Package
from support.talkers import caller

from desktop.services.serve.door.door import Door


@pytest.fixture
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Package:
    """The package that a test names with ``@pytest.mark.parametrize("package", [...], indirect=True)``."""
    name: str = request.param
    found = os.environ.get("HEFT_CLIENTS")
    if not found:
        pytest.skip("HEFT_CLIENTS names no folder with other programs")
    folder = Path(found) / name.replace("/", "+")
    if not folder.is_dir():
        pytest.skip(f"{name} is not in {found}")
    home = tmp_path / "home"
    home.mkdir()
    return Package(folder, home)


@pytest.fixture(scope="session")
def talking(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door before the starter."""
    folder = tmp_path_factory.mktemp("talks")
    with served_file(starter_model, folder, context_length=8192) as lender, open_door(lender) as opened:
        yield opened


@pytest.fixture(scope="session")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door before a model that calls get_weather."""
    folder = tmp_path_factory.mktemp("calls")
    caller(folder / "m.gguf")
    with (
        served_file(folder / "m.gguf", folder, name="caller", context_length=8192) as lender,
        open_door(lender) as opened,
    ):
        yield opened
