"""The library's rows, and how a time is said in them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop.core.text.fields import plain_tooltip
from desktop.services.models.library import LibraryService
from desktop.ui.library.columns import NAME, when
from desktop.ui.library.library_model import LibraryTableModel
from desktop.ui.shell.theme import Theme


def test_rows_are_patched_by_id(theme: Theme, service: LibraryService, two: tuple[Path, Path], qtbot: QtBot) -> None:
    rows = LibraryTableModel(theme)
    models = service.scan()
    rows.set_models(models)
    service.note_used(two[0])
    with qtbot.assertNotEmitted(rows.modelReset), qtbot.waitSignal(rows.dataChanged) as changed:
        rows.set_models(service.scan())
    assert changed.args[0].row() == changed.args[1].row() == rows.row_of(str(two[0]))
    shutil.move(two[1], two[1].with_name("other.gguf"))
    with qtbot.assertNotEmitted(rows.modelReset), qtbot.waitSignals([rows.rowsRemoved, rows.rowsInserted]):
        rows.set_models(service.scan())
    names = [rows.index(row, NAME).data() for row in range(3)]
    assert names == ["other", "small-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
    rows.remove("unknown")
    rows.remove(str(two[0]))
    assert rows.rowCount() == rows.total == 2
    assert rows.total_bytes == sum(m.path.stat().st_size for m in service.scan() if m.path != two[0])


def test_times_and_tooltips() -> None:
    noon = time.mktime((2026, 6, 15, 12, 0, 0, 0, 0, -1))
    day = 86_400
    assert [when(t, noon) for t in (None, noon - 3600, noon - day, noon - 3 * day, noon - 30 * day)] == [
        "never",
        "today 11:00",
        "yesterday",
        "3 days ago",
        "16 May 2026",
    ]
    assert plain_tooltip("<img src=x>\nb") == "<qt>&lt;img src=x&gt;<br>b</qt>" and plain_tooltip("") == ""
