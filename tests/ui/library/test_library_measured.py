"""What was measured of a model on this computer stands among its facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytestqt.qtbot import QtBot
from support.library_page import names, settled, table
from support.planning import planning_on
from support.widgets import find, shown

from desktop.core.quality import MeasuredHere
from desktop.services.models.library import LibraryService
from desktop.services.models.removal import RemovalService
from desktop.store.paths import Paths
from desktop.ui.library.page import LibraryPage
from desktop.ui.shared.chosen_machine import ChosenMachine
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

HERE = MeasuredHere(0.0216, 0.0009, "prose", "Large-F16", 8000)


def test_a_measured_loss_is_among_the_facts(
    service: LibraryService,
    removals: RemovalService,
    paths: Paths,
    chosen: ChosenMachine,
    tasks: Tasks,
    theme: Theme,
    two: tuple[Path, Path],
    qtbot: QtBot,
) -> None:
    def measured(files: Sequence[Path]) -> MeasuredHere | None:
        return HERE if files[0] == two[1] else None

    planning = planning_on(paths)
    page = LibraryPage(service, removals, lambda: planning, chosen, tasks, theme, measured=measured)
    shown(qtbot, page, 1204, 770)
    settled(qtbot, page)
    more = find(page, ElidedLabel, "libraryDetailsMore")
    table(page).selectRow(names(page).index("Large-Q4_K_M"))
    assert "Measured here on prose: KLD 0.0216 ± 0.0009 from Large-F16" in more.whole_text and more.isVisible()
    table(page).selectRow(names(page).index("small-Q4_K_M"))
    assert "Measured" not in more.whole_text
