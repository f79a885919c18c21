"""The dialog About and the report for an issue."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop import __version__
from desktop.core.errors import EngineError
from desktop.core.hardware import Cpu, Machine, Memory
from desktop.engine.api import Hello
from desktop.services.about import bug_report, third_party, without_secrets
from desktop.ui.shell.about import AboutDialog
from desktop.ui.shell.tasks import Tasks

HELLO = Hello("llama.cpp b1", ("AVX2",), ("CPU",), (), ("llama",), cpu_variant="haswell")
MACHINE = Machine(Cpu(name="A processor"), Memory(1, 1))


def words(dialog: AboutDialog, name: str) -> str:
    label = dialog.findChild(QLabel, name)
    assert label is not None
    return label.text()


def test_it_names_version_engine_and_every_part(tmp_path: Path, qtbot: QtBot, tasks: Tasks) -> None:
    dialog = AboutDialog(tasks, lambda: HELLO, lambda: MACHINE, tmp_path)
    qtbot.addWidget(dialog)
    table = dialog.findChild(QTableView, "aboutParts")
    assert table is not None
    qtbot.waitUntil(lambda: table.model().rowCount() > 10, timeout=20_000)
    names = {table.model().index(row, 0).data() for row in range(table.model().rowCount())}
    assert {"llama_cpp_python", "numpy", "PySide6_Essentials", "shiboken6"} <= names
    assert {"llama.cpp", "cpp-httplib", "JSON for Modern C++", "miniaudio", "stb_image", "xxHash"} <= names  # linked in
    assert not names & {"pytest", "mypy", "heft-desktop"}
    qtbot.waitUntil(lambda: "haswell chosen" in words(dialog, "aboutEngine"), timeout=20_000)
    assert words(dialog, "aboutVersion") == f"Heft {__version__}"


def test_every_part_states_a_licence() -> None:
    assert [part.name for part in third_party() if not part.licence or part.licence == "see its files"] == []


def test_copy_report_works_without_an_engine(tmp_path: Path, qtbot: QtBot, tasks: Tasks) -> None:
    def broken() -> Hello:
        raise EngineError("The engine crashed.", "")

    def no_machine() -> Machine:
        raise EngineError("The engine crashed.", "")

    dialog = AboutDialog(tasks, broken, no_machine, tmp_path)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "crashed" in words(dialog, "aboutEngine"), timeout=20_000)
    button = dialog.findChild(QPushButton, "aboutCopyReport")
    assert button is not None
    button.click()
    qtbot.waitUntil(lambda: "clipboard" in words(dialog, "aboutTold"), timeout=20_000)
    assert QGuiApplication.clipboard().text().startswith(f"Heft {__version__}")


def test_the_report_holds_the_newest_log_lines_and_no_secrets(tmp_path: Path) -> None:
    home = str(Path.home())
    lines = [f"line {number} of {home}/models/secret.gguf" for number in range(200)]
    lines += ["Authorization: Bearer hf_abcdefghijklmnop", "token=hf_ABCDEF0123", "last"]
    (tmp_path / "engine.log").write_text("\n".join(lines))
    report = bug_report(tmp_path, MACHINE, "6.11")
    assert "A processor" in report and "Qt 6.11" in report
    assert "line 199 of ~/models" in report and "line 100 " not in report and report.endswith("last\n")
    assert home not in report and "hf_" not in report
    assert "(none)" in report  # there is no heft.log


def test_words_that_only_look_like_secrets_stay() -> None:
    text = "add_bos_token = true, 5 tokens per second, n_tokens: 12, hf:owner/name"
    assert without_secrets(text, ()) == text
